"""Tests of `cnncli.analysis`."""
