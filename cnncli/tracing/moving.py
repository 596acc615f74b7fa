"""What an operation that is no layer reads, found by running it once: where numbers that it moves come from, which axes it reads.

It is run on the CPU on one example: on the numbers of its inputs' elements, of which what it hands on is recognised; or on random
numbers, whose gradient shows what a unit reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import torch

from cnncli.arithmetic.unit_boxes import Moves, compact
from cnncli.layers import Shape, Tensor
from cnncli.tracing.signature import replaced, tensors_in

BASE, STRANGE = 2.0**40, 2.0**30
"""The first element's number, and what no number of the operation's own reaches."""
MOST = 2**23
"""Elements of the inputs that are looked at."""


Made: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]
"""A function, and what it was called with."""


def moves(call: Made, flows: Mapping[int, Tensor], gives: Sequence[Tensor], batch: int) -> tuple[Moves, ...]:
    """For each output where its elements come from; () where the call does more than move them.

    flows: the tensors that depend on the network's input, as one example has them, by the ids of those in the arguments · gives:
    the outputs, likewise
    """
    total = sum(tensor.numel for tensor in flows.values())
    if not 0 < total <= MOST:
        return ()
    start = 0
    stand: dict[int, torch.Tensor] = {}
    for at, tensor in flows.items():
        stand[at] = BASE + torch.arange(start, start + tensor.numel, dtype=torch.float64)
        start += tensor.numel
    outputs = _run(call, stand, batch)
    sizes = [output.numel() for output in outputs]
    if 0 in sizes or sizes != [tensor.numel for tensor in gives]:
        return ()
    found = []
    for output, tensor in zip(outputs, gives, strict=True):
        index = output.double() - BASE
        inside = (index >= 0) & (index < total)
        if (output[~inside].double().abs().nan_to_num(posinf=0) > STRANGE).any():
            return ()
        numbers = index.where(inside, -1.0).long().reshape(tensor.shape).numpy()
        found.append(compact(numbers, [each.shape for each in flows.values()]))
    return tuple(found)


def reads(call: Made, flow: tuple[int, Tensor], to: Shape, batch: int) -> Shape | None:
    """The axes along which every unit reads everything, and only its own place along all others; None where that is not so.

    flow: the only tensor that depends on the network's input, by its id · to: the shape of the output
    """
    at, tensor = flow
    if len(to) != len(tensor.shape) or not 0 < tensor.numel <= MOST // 4:
        return None
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        x = torch.randn(tensor.numel, dtype=torch.float64, requires_grad=True)
        outputs = _run(call, {at: x}, batch)
        if len(outputs) != 1 or outputs[0].numel() != prod(to) or not outputs[0].requires_grad:
            return None
        y = outputs[0].reshape(to)
        found = {_read(y, x, tuple(int(share * (size - 1)) for size in to), tensor.shape) for share in (0.0, 0.4, 1.0)}
    return found.pop() if len(found) == 1 else None


def _read(y: torch.Tensor, x: torch.Tensor, unit: Shape, shape: Shape) -> Shape | None:
    (gradient,) = torch.autograd.grad(y[unit], x, retain_graph=True)
    seen = gradient.reshape(shape).nonzero()
    full = []
    for axis, (place, size) in enumerate(zip(unit, shape, strict=True)):
        places = sorted(set(seen[:, axis].tolist()))
        if size > 1 and len(places) == size:
            full.append(axis)
        elif places != [place] or y.shape[axis] != size:
            return None
    return tuple(full)


def written(
    whole: torch.Tensor, part: torch.Tensor, shapes: tuple[Shape, Shape], axes: Sequence[int | None]
) -> tuple[Moves, ...]:
    """Where the elements of `whole` come from once its view `part` was overwritten; () where that cannot be told from strides.

    shapes: of one example of both · axes: which of the example's axes those of `part` are, None for the batch
    """
    before, changed = shapes
    strides = [stride for stride, axis in zip(part.stride(), axes, strict=True) if axis is not None]
    size = prod(before)
    if not whole.is_contiguous() or whole.stride(0) != size or len(strides) != len(changed) or size > MOST:
        return ()
    index = torch.arange(size)
    try:
        view = index.as_strided(changed, strides, part.storage_offset() - whole.storage_offset())
    except RuntimeError:
        return ()
    view.copy_(size + torch.arange(prod(changed)).reshape(changed))
    return (compact(index.reshape(before).numpy(), shapes),)


def _run(call: Made, stand: Mapping[int, torch.Tensor], batch: int) -> list[torch.Tensor]:
    """What the call makes on one example; nothing where it cannot be run so."""
    tensors: list[torch.Tensor] = []
    function, args, kwargs = call
    tensors_in((args, kwargs), tensors)
    others = {id(tensor): _one(tensor, batch, stand.get(id(tensor))) for tensor in tensors}
    if any(each is None for each in others.values()):
        return []
    known = {at: each for at, each in others.items() if each is not None}
    outputs: list[torch.Tensor] = []
    try:
        single, named = _single(replaced(list(args), known), batch), _single(replaced(dict(kwargs), known), batch)
        result = function(*single, **named)
    except Exception:  # noqa: BLE001  (a figure that cannot be had, not a fault)
        return []
    tensors_in(single[0] if result is None else result, outputs)  # x[i] = y returns nothing
    return outputs


def _one(tensor: torch.Tensor, batch: int, numbers: torch.Tensor | None) -> torch.Tensor | None:
    """A tensor at a batch of one; None for numbers that the call may depend on and nobody has."""
    shape = [_of_one(size, batch) for size in tensor.shape]
    if numbers is not None:
        return numbers.clone().reshape(shape) if prod(shape) == numbers.numel() else None
    if not tensor.is_meta:
        return tensor
    return torch.randn(shape, dtype=torch.float64) if tensor.is_floating_point() else None


def _of_one(size: int, batch: int) -> int:
    return size // batch if size and batch > 1 and size % batch == 0 else size


def _single(value: Any, batch: int) -> Any:  # noqa: ANN401
    """Arguments whose sizes are those of one example."""
    if type(value) is int:
        return _of_one(value, batch)
    if isinstance(value, tuple | list):
        return (
            tuple(_single(each, batch) for each in value)
            if isinstance(value, tuple)
            else [_single(each, batch) for each in value]
        )
    if isinstance(value, slice):
        return slice(*(_single(each, batch) for each in (value.start, value.stop, value.step)))
    return {name: _single(each, batch) for name, each in value.items()} if type(value) is dict else value
