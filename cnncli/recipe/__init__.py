"""The recipe's schema: a file per section, the draft that is checked against it, and what is said where they differ."""
