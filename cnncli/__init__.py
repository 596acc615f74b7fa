"""Train and inspect convolutional networks: sizes, parameters, receptive fields, and the why behind each number."""

__version__ = "0.1.0"
