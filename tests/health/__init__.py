"""Tests of cnncli.health."""
