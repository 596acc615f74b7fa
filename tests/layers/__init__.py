"""Tests of the layer specs."""
