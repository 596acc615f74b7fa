"""Which axis of a recorded tensor is the batch.

A module is run on a batch of an unlikely prime. An axis of that size is the batch; one of a multiple of it holds the batch folded
into something else (the windows of a Swin transformer), and is seen as that something for each example. In a recorded network the
batch stands first, wherever it stood in the module, and figures are per example.

Where a module is run on one example, all that depends on its input belongs to that example, and a leading axis of one is the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch

from cnncli.layers import Shape, Tensor

PRIMES = (1009, 2003, 4001, 8009, 16001, 32003)


class Seen(NamedTuple):
    """A tensor as one example sees it.

    axes: for each of its own axes the one it is of the example, None for the batch · folded: the axis of its own that the batch is
    folded into
    """

    tensor: Tensor
    axes: tuple[int | None, ...]
    folded: int | None = None

    @property
    def batch(self) -> int | None:
        """Which of its own axes is the batch alone."""
        return self.axes.index(None) if None in self.axes else None

    def dim(self, axis: int) -> int:
        """The dimension that torch's `axis` is once the batch stands first; raises `FoldedError` where none is."""
        found = self.axes[axis]
        if axis % len(self.axes) == self.folded or (found is None and self.tensor.batch is None):
            raise FoldedError
        return 0 if found is None else found + (self.tensor.batch is not None)


class FoldedError(Exception):
    """An operation works along an axis that the batch is folded into."""


class Batch:
    """The batch that a module is run on. size: examples; 1 where it is run on one · declared: an input has a batch"""

    def __init__(self, size: int, *, declared: bool = True) -> None:
        self.size, self.declared = size, declared
        self._seen: dict[tuple[Shape, torch.dtype, bool], Seen] = {}

    def see(self, shape: Shape, dtype: torch.dtype, *, constant: bool) -> Seen:
        """A tensor as one example sees it; a constant is nothing that depends on the network's input."""
        key = (shape, dtype, constant)
        found = self._seen.get(key)
        if found is None:
            look = self._look if self.size > 1 else self._look_at_one
            found = self._seen[key] = look(shape, str(dtype).removeprefix("torch."), constant=constant)
        return found

    @property
    def mixed(self) -> bool:
        """Whether a tensor had more than one axis of the batch's size: examples were compared with each other."""
        sizes = (size for seen in self._seen.values() for size in seen.tensor.shape)
        return self.size > 1 and any(size and size % self.size == 0 for size in sizes)

    def _look(self, shape: Shape, dtype: str, *, constant: bool) -> Seen:
        del constant  # a constant may be repeated for every example
        if self.size in shape:
            return _without(shape, shape.index(self.size), Tensor(shape, dtype))
        place = next((axis for axis, size in enumerate(shape) if size and size % self.size == 0), None)
        axes = tuple(range(len(shape)))
        if place is None:
            return Seen(Tensor(shape, dtype, None), axes)
        folded = (*shape[:place], shape[place] // self.size, *shape[place + 1 :])
        return Seen(Tensor(folded, dtype), axes, place)

    def _look_at_one(self, shape: Shape, dtype: str, *, constant: bool) -> Seen:
        """Without a batch in the inputs, images alone have one: a list of them is stacked."""
        whole = Tensor(shape, dtype, None if constant or not self.declared else 0)
        if not constant and shape[:1] == (1,) and len(shape) >= (1 if self.declared else 4):
            return _without(shape, 0, whole)
        return Seen(whole, tuple(range(len(shape))))


def _without(shape: Shape, place: int, whole: Tensor) -> Seen:
    axes = tuple(None if axis == place else axis - (axis > place) for axis in range(len(shape)))
    return Seen(whole.like((*shape[:place], *shape[place + 1 :])), axes)


def unlikely(sizes: Iterable[int]) -> int:
    """A prime that divides none of `sizes`, so that no axis of a weight or an input is taken for the batch."""
    known = set(sizes) - {0}
    return next((prime for prime in PRIMES if all(size % prime for size in known)), PRIMES[-1])
