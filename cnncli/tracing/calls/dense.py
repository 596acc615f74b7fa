"""Linear layers, matrix products and embeddings."""

from __future__ import annotations

from typing import Any

import torch

from cnncli.layers.embedding import Embedding
from cnncli.layers.linear import Linear
from cnncli.layers.product import Einsum, MatMul
from cnncli.tracing.said import Reader, Said, weights


def linear(reader: Reader, input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> Said | None:
    """x·Wᵀ + b."""
    if weight.dim() != 2 or not reader.constant(weight):
        return None
    layer = Linear(in_features=weight.shape[1], out_features=weight.shape[0], bias=bias is not None)
    return Said(layer, (input,), weights(weight=weight, bias=bias))


def matmul(reader: Reader, input: torch.Tensor, other: torch.Tensor) -> Said | None:
    """A product of two that flow; on a learned matrix, a linear layer."""
    if other.dim() == 2 and reader.learned(other) and input.dim() > 1:
        layer = Linear(in_features=other.shape[0], out_features=other.shape[1], bias=False)
        return Said(layer, (input,), {"weight": other})
    return Said(MatMul(), (input, other))


def addmm(
    reader: Reader, input: torch.Tensor, mat1: torch.Tensor, mat2: torch.Tensor, *, beta: float = 1, alpha: float = 1
) -> Said | None:
    """A linear layer whose matrix is learned the other way round: b + x·W."""
    if beta != 1 or alpha != 1 or not (reader.learned(mat2) and reader.learned(input) and input.dim() == 1):
        return None
    layer = Linear(in_features=mat2.shape[0], out_features=mat2.shape[1])
    return Said(layer, (mat1,), {"weight": mat2, "bias": input})


def einsum(reader: Reader, equation: str, *operands: Any) -> Said | None:
    """A contraction of two tensors; the batch is left out of the equation where it is a letter of its own."""
    tensors = operands[0] if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    if not isinstance(equation, str) or len(tensors) != 2 or "." in equation:
        return None
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow or any(len(set(term)) < len(term) for term in (*terms, result)):
        return None
    batch = set()
    for term, tensor in zip(terms, tensors, strict=True):
        seen = reader.seen(tensor)
        if seen.folded is not None or (seen.batch is not None and seen.tensor.batch is None):
            return None
        if seen.batch is not None:
            batch.add(term[seen.batch])
    if len(batch) > 1 or not batch <= set(result):
        return None
    gone = str.maketrans("", "", "".join(batch))
    return Said(Einsum(equation=f"{left}->{result}".translate(gone)), tuple(tensors))


def embedding(reader: Reader, input: torch.Tensor, weight: torch.Tensor, *_: object, **__: object) -> Said | None:
    """Rows of a table."""
    if weight.dim() != 2 or not reader.constant(weight):
        return None
    dtype = str(weight.dtype).removeprefix("torch.")
    layer = Embedding(num_embeddings=weight.shape[0], embedding_dim=weight.shape[1], dtype=dtype)
    return Said(layer, (input,), {"weight": weight})


CALLS = {
    "linear": linear,
    "matmul": matmul,
    "mm": matmul,
    "bmm": matmul,
    "mv": matmul,
    "dot": matmul,
    "addmm": addmm,
    "einsum": einsum,
    "embedding": embedding,
}
