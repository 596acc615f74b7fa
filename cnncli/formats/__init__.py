"""Networks and weights in files: net.yaml, ONNX, checkpoints, PyTorch code."""
