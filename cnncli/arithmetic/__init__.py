"""Size, parameter and receptive-field arithmetic on ints."""
