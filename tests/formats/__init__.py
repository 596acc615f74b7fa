"""Tests of `cnncli.formats`."""
