"""A network in ONNX: `net.onnx` read as a `Network`, by ONNX's own shape inference, its weights never read.

What counts as what:

- An operation that a layer spec describes is a row of that spec; one that multiplies and accumulates nothing is a row at its
  shapes; any other, such as one of somebody's own domain, is `Opaque`: its cost is not known, and totals say "at least".
- Parameters are initializers of floating-point or 8-bit (or narrower) numbers that a layer reads as its weights, or that flow
  into an operation; the file does not say which of them were trained. Single numbers that scale or shift, settings (the
  limits of a Clip, the scales of a Resize) and whole numbers (shapes, indices) are not parameters. Numbers written into nodes
  count where a layer reads them as weights, or where the file has no initializers; so does one number that is repeated in their
  place. A batch normalisation's mean and variance are buffers. What one initializer holds is counted once, however many nodes
  read it.
- Of a matrix product and the sum of a bias behind it comes one fully connected layer.
- Rows are called as the module that torch's exporters wrote down (`/layer1/layer1.0/conv1/Conv` is `layer1.0.conv1`), else as the
  path of their weights, else as their node.
- The batch is the axis that is open and called so, else the first one, where the graph's rows then hold together and make what they
  make of whole inputs; else no axis is the batch and shapes are whole. Other sizes that the file leaves open have to be given.
- Where a size cannot be told from the file (it depends on values, or an unknown operation makes it), rows go on behind it without:
  their weights count, and what cannot be said without the size is unknown.
"""

from __future__ import annotations

from cnncli.formats.onnx.reading import read

__all__ = ["read"]
