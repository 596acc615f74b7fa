"""Tests of cnncli.lessons."""
