"""Showing results: the only place that imports rich and matplotlib."""
