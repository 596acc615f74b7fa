"""What is derived from a network: reports, explanations, comparisons, sizes solved backwards, checks against torch."""
