"""Where paths meet: sums, products and concatenations of several tensors; and means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from cnncli.layers.merge import Add, Concat, Mul
from cnncli.layers.traced import Reduce
from cnncli.tracing.said import Reader, Said, Says


def add(reader: Reader, input: Any, other: Any, *, alpha: float = 1, inplace: bool = False) -> Said | None:
    """A residual, or a learned position."""
    if alpha != 1 or not _meet(reader, input, other):
        return None
    return Said(Add(inplace=inplace), (input, other))


def mul(reader: Reader, input: Any, other: Any, *, inplace: bool = False) -> Said | None:
    """A gate, or a learned scale."""
    return Said(Mul(), (input, other)) if not inplace and _meet(reader, input, other) else None


def _meet(reader: Reader, *values: object) -> bool:
    """Whether all are tensors that depend on the input or on parameters."""
    return all(
        isinstance(value, torch.Tensor) and (not reader.constant(value) or reader.learned(value)) for value in values
    )


def cat(reader: Reader, tensors: Sequence[torch.Tensor], dim: int = 0) -> Said | None:
    """Side by side, where that is not along the batch."""
    flowing = next(tensor for tensor in tensors if not reader.constant(tensor))
    found = reader.dim(flowing, dim)
    apart = found > 0 or reader.seen(flowing).tensor.batch is None
    return Said(Concat(dim=found), tuple(tensors)) if apart else None


def _reduce(name: str) -> Says:
    def reduce(
        reader: Reader,
        input: torch.Tensor,
        dim: int | Sequence[int] | None = None,
        keepdim: bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Said | None:
        if dim is None:
            return None
        axes = (dim,) if isinstance(dim, int) else tuple(dim)
        found = tuple(sorted(reader.dim(input, axis) for axis in axes))
        return Said(Reduce(operation=name, dim=found, keepdim=keepdim), (input,))

    return reduce


CALLS: dict[str, Says] = {
    "add": add,
    "mul": mul,
    "cat": cat,
    **{
        name: _reduce(name)
        for name in ("mean", "sum", "amax", "amin", "logsumexp", "nansum", "nanmean", "argmax", "argmin")
    },
}
