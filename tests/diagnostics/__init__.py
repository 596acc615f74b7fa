"""Tests of cnncli.diagnostics."""
