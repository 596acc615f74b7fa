"""MACs of what no layer spec describes as it stands, from whole shapes: recurrent layers, products with a folded batch."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from cnncli.formats.onnx.values import Op


def _product(left: int, right: int) -> Callable[[Op], int]:
    """Output elements × the size that is added up; left, right: where the factors stand among the inputs."""

    def product(op: Op) -> int:
        a, b = op.inputs[left], op.inputs[right]
        if a is None or b is None:
            raise LookupError
        inner = b.shape[-2:][0] if not a.shape else a.shape[0 if op.attributes.get("transA") else -1]
        return prod(op.output()) * inner

    return product


def _convolution(weight: int) -> Callable[[Op], int]:
    def convolution(op: Op) -> int:
        kernel = op.inputs[weight]
        if kernel is None:
            raise LookupError
        return prod(op.output()) * prod(kernel.shape[1:])

    return convolution


def conv_transpose(op: Op) -> int:
    """Input units × the weights that each is spread by."""
    x, kernel = op.inputs[0], op.inputs[1]
    if x is None or kernel is None:
        raise LookupError
    return x.numel * prod(kernel.shape[1:])


def recurrent(op: Op) -> int:
    """Steps × the elements of both matrices of each direction; a step reads one input and one state."""
    x, *matrices = op.inputs[:3]
    if x is None or len(matrices) < 2:
        raise LookupError
    return prod(x.shape[:2]) * sum(prod(matrix.shape) for matrix in matrices if matrix is not None)


COSTS: dict[str, Callable[[Op], int]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": conv_transpose,
    "Gemm": _product(0, 1),
    "MatMul": _product(0, 1),
    "MatMulInteger": _product(0, 1),
    "QLinearMatMul": _product(0, 3),
    "LSTM": recurrent,
    "GRU": recurrent,
    "RNN": recurrent,
}
"""By operation: MACs of the whole batch."""
