"""Tests of `cnncli.build`."""
