"""Run folders: what is in them, and what a trained run is used for."""
