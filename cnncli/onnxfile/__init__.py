"""A network in ONNX: `net.onnx` read as a `Network`, by ONNX's own shape inference, its weights never read.

What counts as what:

- An operation that a layer spec describes is a row of that spec; one that multiplies and accumulates nothing is a row at its
  shapes; any other, such as one of somebody's own domain, is `Opaque`: its cost is not known, and totals say "at least".
- Parameters are initializers of floating-point or 8-bit (or narrower) numbers that a layer reads as its weights, or that flow
  into an operation; the file does not say which of them were trained. Single numbers that scale or shift, settings (the
  limits of a Clip, the scales of a Resize) and whole numbers (shapes, indices) are not parameters. A batch normalisation's
  mean and variance are buffers. What one initializer holds is counted once, however many nodes read it.
- Of a matrix product and the sum of a bias behind it comes one fully connected layer.
- Rows are called as the module that torch's exporters wrote down (`/layer1/layer1.0/conv1/Conv` is `layer1.0.conv1`), else as the
  path of their weights, else as their node.
- The batch is the first axis of an input; sizes that the file leaves open otherwise have to be given.
"""

from __future__ import annotations

from cnncli.onnxfile.reading import read

__all__ = ["read"]
