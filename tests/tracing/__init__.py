"""Tests of recording modules as networks."""
