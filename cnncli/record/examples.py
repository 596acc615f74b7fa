"""Which axis of a recorded tensor is the batch.

A module is run on a batch of an unlikely prime. An axis of that size is the batch; one of a multiple of it holds the batch folded
into something else (the windows of a Swin transformer), and is seen as that something for each example. In a recorded network the
batch stands first, wherever it stood in the module, and figures are per example.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch

from cnncli.layers import Shape, Tensor

PRIMES = (1009, 2003, 4001, 8009, 16001, 32003)


class Seen(NamedTuple):
    """A tensor as one example sees it. dims: for each of its own axes the dimension it is in `tensor`, the batch counted

    first; None where the batch is folded into it.
    """

    tensor: Tensor
    dims: tuple[int | None, ...]

    def dim(self, axis: int) -> int:
        """The dimension that torch's `axis` is; raises `FoldedError` where the batch is folded into it."""
        found = self.dims[axis]
        if found is None:
            raise FoldedError
        return found


class FoldedError(Exception):
    """An operation works along an axis that the batch is folded into."""


class Batch:
    """The batch that a module is run on. size: examples; 1 where the run is on real numbers · declared: an input has a batch"""

    def __init__(self, size: int, *, declared: bool = True) -> None:
        self.size, self.declared = size, declared
        self._seen: dict[tuple[Shape, torch.dtype, bool], Seen] = {}

    def see(self, shape: Shape, dtype: torch.dtype, *, constant: bool) -> Seen:
        """A tensor as one example sees it; a constant is nothing that depends on the network's input."""
        key = (shape, dtype, constant)
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self._look(shape, str(dtype).removeprefix("torch."), constant=constant)
        return found

    def _look(self, shape: Shape, dtype: str, *, constant: bool) -> Seen:
        place = self._place(shape, constant=constant)
        if place is None:
            return Seen(Tensor(shape, dtype, None), tuple(range(len(shape))))
        if shape[place] == self.size:
            rest = (*shape[:place], *shape[place + 1 :])
            dims = tuple(0 if axis == place else axis + (axis < place) for axis in range(len(shape)))
            return Seen(Tensor(rest, dtype), dims)
        folded = (*shape[:place], shape[place] // self.size, *shape[place + 1 :])
        return Seen(Tensor(folded, dtype), tuple(None if axis == place else axis + 1 for axis in range(len(shape))))

    def _place(self, shape: Shape, *, constant: bool) -> int | None:
        """The batch's axis, or the one it is folded into."""
        if self.size == 1:
            least = 2 if self.declared else 4  # a single image without a batch may have one channel
            return 0 if not constant and len(shape) >= least and shape[0] == 1 else None
        if self.size in shape:
            return shape.index(self.size)
        return next((axis for axis, size in enumerate(shape) if size and size % self.size == 0), None)


def unlikely(sizes: Iterable[int]) -> int:
    """A prime that divides none of `sizes`, so that no axis of a weight or an input is taken for the batch."""
    known = set(sizes) - {0}
    return next((prime for prime in PRIMES if all(size % prime for size in known)), PRIMES[-1])
