"""Tests of `cnncli.sources.recipes`."""
