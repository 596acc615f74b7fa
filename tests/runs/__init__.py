"""Tests of the figures that say how good a network is."""
