"""Which axis of a tensor is the batch, where a network is run on a batch of an unlikely prime. Free of torch.

An axis of that size is the batch; one of a multiple of it holds the batch folded into something else (the windows of a Swin
transformer), and is seen as that something for each example. In a network the batch stands first, wherever it stood in what was
run, and figures are per example.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cnncli.layers import Shape, Tensor

PRIMES = (1009, 2003, 4001, 8009, 16001, 32003)


class FoldedError(Exception):
    """An operation works along the batch, or along an axis that the batch is folded into."""


class AlongBatchError(FoldedError):
    """An operation works along the batch alone, as a softmax over examples does."""


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
        """The dimension that its own `axis` is once the batch stands first; raises `FoldedError` where none is."""
        found = self.axes[axis]
        if axis % len(self.axes) == self.folded or (found is None and self.tensor.batch is None):
            raise FoldedError
        return 0 if found is None else found + (self.tensor.batch is not None)

    def dim_of_example(self, axis: int) -> int:
        """The same; raises `AlongBatchError` where it is the batch, too."""
        if self.axes[axis] is None:
            raise AlongBatchError
        return self.dim(axis)


def whole(tensor: Tensor) -> Seen:
    """A tensor without a batch, or none that shows among its axes."""
    return Seen(tensor, tuple(range(len(tensor.shape))))


def without(tensor: Tensor, place: int) -> Seen:
    """A tensor of which the axis at `place` is the batch."""
    shape = tensor.shape
    axes = tuple(None if axis == place else axis - (axis > place) for axis in range(len(shape)))
    return Seen(tensor.like((*shape[:place], *shape[place + 1 :])), axes)


def among_many(shape: Shape, dtype: str, batch: int) -> Seen:
    """A tensor of `shape` where `batch` examples, an unlikely prime, are run at once."""
    if batch in shape:
        return without(Tensor(shape, dtype), shape.index(batch))
    place = next((axis for axis, size in enumerate(shape) if size and size % batch == 0), None)
    if place is None:
        return whole(Tensor(shape, dtype, None))
    folded = (*shape[:place], shape[place] // batch, *shape[place + 1 :])
    return whole(Tensor(folded, dtype))._replace(folded=place)


def unlikely(sizes: Iterable[int]) -> int:
    """A prime that divides none of `sizes`, so that no axis of a weight or an input is taken for the batch."""
    known = set(sizes) - {0}
    return next((prime for prime in PRIMES if all(size % prime for size in known)), PRIMES[-1])
