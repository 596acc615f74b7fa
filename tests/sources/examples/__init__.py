"""Modules as users write them."""
