"""Bookkeeping between layers: reshapes, transposes, slices and copies as steps on one example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch

from cnncli.layers import Layer, Shape, Tensor
from cnncli.layers.batch_axis import Seen
from cnncli.layers.rearrange import Contiguous, Expand
from cnncli.layers.shape import Flatten, Permute, Reshape, Slice

Steps = tuple[Layer, ...]
Step = Callable[[Seen, Sequence[Seen], tuple[Any, ...], dict[str, Any]], "list[Steps] | None"]
"""Input, outputs and the call's other arguments → the steps to each output; None where no steps describe it."""

REORDERED = (2, 3, 5, 7, 11, 13, 17, 19)
"""Sizes that tell the axes of a probe apart."""


def reshape(before: Seen, after: Sequence[Seen], _: tuple[Any, ...], __: dict[str, Any]) -> list[Steps] | None:
    """As many numbers of each example in another shape."""
    old, new = before.tensor.shape, after[0].tensor.shape
    if old == new:
        return [()]
    if prod(old) != prod(new) or 0 in new or before.tensor.dtype != after[0].tensor.dtype:
        return None
    return [(_reshaped(before.tensor, old, new),)]


def _reshaped(tensor: Tensor, old: Shape, new: Shape) -> Layer:
    """From `old` to `new`; a whole map to a vector is flattening, where `tensor` has a batch to keep apart."""
    flat = len(new) == 1 and len(old) > 1 and tensor.batch is not None
    return Flatten() if flat else Reshape(shape=new)


def reorder(function: Callable[..., Any]) -> Step:
    """Axes in another order, which a probe of as many axes tells."""

    def step(before: Seen, _: Sequence[Seen], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Steps] | None:
        rank = len(before.axes)
        if rank > len(REORDERED):
            return None
        probe = torch.empty(REORDERED[:rank], device="meta")
        order = [REORDERED.index(size) for size in function(probe, *args, **kwargs).shape]
        axes = tuple(axis for each in order if (axis := before.axes[each]) is not None)
        return [_permuted(axes if before.tensor.batch is None else (0, *(axis + 1 for axis in axes)))]

    return step


def _permuted(order: Shape) -> Steps:
    return () if order == tuple(range(len(order))) else (Permute(dims=order),)


def expand(before: Seen, after: Sequence[Seen], _: tuple[Any, ...], __: dict[str, Any]) -> list[Steps] | None:
    """Sizes of one repeated."""
    old, new = before.tensor.shape, after[0].tensor.shape
    return [()] if old == new else [(Expand(shape=new),)]


def split(before: Seen, after: Sequence[Seen], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Steps] | None:
    """Parts of one axis, one after the other; the axis is the one whose sizes differ or add up."""
    axis = before.dim(kwargs.get("dim", args[1] if len(args) > 1 else 0))
    place = axis - (before.tensor.batch is not None)
    if place < 0:
        return None
    found: list[Steps] = []
    start = 0
    for each in after:
        stop = start + each.tensor.shape[place]
        found.append(_sliced(axis, start, stop, before.tensor.shape[place]))
        start = stop
    return found if start == before.tensor.shape[place] else None


def unbind(before: Seen, after: Sequence[Seen], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Steps] | None:
    """Every place of one axis."""
    axis = before.dim(kwargs.get("dim", args[0] if args else 0))
    place = axis - (before.tensor.batch is not None)
    if place < 0:
        return None
    size = before.tensor.shape[place]
    return [(*_sliced(axis, at, at + 1, size), Reshape(shape=after[at].tensor.shape)) for at in range(size)]


def select(before: Seen, after: Sequence[Seen], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Steps] | None:
    """One place of one axis."""
    dim, index = (kwargs.get(name, args[at] if len(args) > at else 0) for at, name in enumerate(("dim", "index")))
    full: tuple[Any, ...] = (slice(None),) * (dim % len(before.axes))
    return getitem(before, after, ((*full, index),), {})


def narrow(before: Seen, after: Sequence[Seen], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Steps] | None:
    """A stretch of one axis."""
    names = ("dim", "start", "length")
    dim, start, length = (kwargs.get(name, args[at] if len(args) > at else 0) for at, name in enumerate(names))
    full: tuple[Any, ...] = (slice(None),) * (dim % len(before.axes))
    return getitem(before, after, ((*full, slice(start, start + length)),), {})


def getitem(before: Seen, after: Sequence[Seen], args: tuple[Any, ...], _: dict[str, Any]) -> list[Steps] | None:
    """Numbers and stretches of axes, each without gaps."""
    index = _without_dots(args[0] if isinstance(args[0], tuple) else (args[0],), len(before.axes))
    if index is None:
        return None
    batched = before.tensor.batch is not None
    shape, steps = list(before.tensor.shape), list[Layer]()
    for at, part in enumerate(part for part in index if part is not None):
        axis = before.axes[at]
        if isinstance(part, slice) and part == slice(None):
            continue
        if axis is None or at == before.folded:
            return reshape(before, after, (), {})  # at a batch of one: the example itself
        stretch = _stretch(part, shape[axis])
        if stretch is None:
            return None
        steps += _sliced(axis + batched, *stretch, shape[axis])
        shape[axis] = stretch[1] - stretch[0]
    new = after[0].tensor.shape
    if prod(shape) != prod(new):
        return None
    return [(*steps, *([] if tuple(shape) == new else [_reshaped(before.tensor, tuple(shape), new)]))]


def _stretch(part: int | slice, size: int) -> tuple[int, int] | None:
    """First and one past the last place that an index names; None where it leaves gaps."""
    if isinstance(part, int):
        return part % size, part % size + 1
    start, stop, step = part.indices(size)
    return (start, stop) if step == 1 else None


def _without_dots(index: tuple[Any, ...], rank: int) -> tuple[Any, ...] | None:
    """`index` with `...` written out; None for what is no number, slice, None or `...`"""
    if not all(part is None or part is ... or type(part) is int or isinstance(part, slice) for part in index):
        return None
    named = sum(part is not None and part is not ... for part in index)
    if ... not in index:
        return index
    place = index.index(...)
    return (*index[:place], *(slice(None),) * (rank - named), *index[place + 1 :])


def _sliced(dim: int, start: int, stop: int, size: int) -> Steps:
    return () if (start, stop) == (0, size) else (Slice(dim=dim, start=start, stop=stop),)


STEPS: dict[str, Step] = {
    **dict.fromkeys(
        [
            "reshape",
            "view",
            "flatten",
            "unflatten",
            "ravel",
            "squeeze",
            "unsqueeze",
            "view_as",
            "reshape_as",
            "contiguous",
            "detach",
            "alias",
            "data",
            "unsafe_view",
            "atleast_1d",
            "atleast_2d",
            "atleast_3d",
        ],
        reshape,
    ),
    **dict.fromkeys(["expand", "expand_as", "broadcast_to"], expand),
    **dict.fromkeys(["split", "chunk", "split_with_sizes", "tensor_split", "unsafe_chunk", "unsafe_split"], split),
    "unbind": unbind,
    "select": select,
    "narrow": narrow,
    "getitem": getitem,
}
"""By torch's name."""
ORDERS = frozenset(
    [
        "permute",
        "transpose",
        "t",
        "T",
        "mT",
        "H",
        "mH",
        "swapaxes",
        "swapdims",
        "movedim",
        "moveaxis",
        "adjoint",
        "matrix_H",
    ]
)
"""Functions that put axes in another order."""


def joined(steps: Steps, tensor: Tensor) -> Steps:
    """The same with neighbouring reshapes as one, and without what does nothing. tensor: what they start from."""
    found: list[Layer] = []
    for step in steps:
        if not isinstance(step, Reshape | Flatten | Contiguous) or not found:
            found += _after(found, step)
            continue
        copied = isinstance(found[-1], Contiguous) or isinstance(step, Contiguous)
        if isinstance(found[-1], Contiguous):  # what is laid out anew can be reshaped before as well
            found.pop()
        if not isinstance(step, Contiguous):
            if found and isinstance(found[-1], Reshape | Flatten):
                found.pop()
            found.append(step)
        if copied:
            found.append(Contiguous())
    return _alone(found, tensor)


def _after(found: list[Layer], step: Layer) -> Steps:
    """A step behind others; of two orders of axes one is left."""
    if not found or not isinstance(step, Permute) or not isinstance(found[-1], Permute):
        return (step,)
    inner: Shape = found.pop().config["dims"]
    return _permuted(tuple(inner[dim] for dim in step.dims))


def _alone(found: list[Layer], tensor: Tensor) -> Steps:
    """A reshape that is the only step is none where the shape stays."""
    if not found or not isinstance(found[0], Reshape) or any(not isinstance(each, Contiguous) for each in found[1:]):
        return tuple(found)
    shape = found[0].shape
    only = () if shape == tensor.shape else (_reshaped(tensor, tensor.shape, shape),)
    return (*only, *found[1:])
