"""A trained network in the formats of others: ONNX, PyTorch's exported programs, safetensors, plain PyTorch code.

What is written is read back and run beside the network, on images of the run's own test split, before it gets its name.
"""
