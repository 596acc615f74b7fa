"""Training: the loop, and the run folder that keeps what it makes. Only the modules that say so do without torch."""
