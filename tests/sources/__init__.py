"""Tests of everything that a SOURCE can be."""
