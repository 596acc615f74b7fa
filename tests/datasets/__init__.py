"""Data sources: facts, files, caches, sizes."""
