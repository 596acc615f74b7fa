"""Tests of `cnncli.arithmetic`."""
