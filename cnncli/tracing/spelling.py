"""Calls as they were made: the function's name, plain arguments, places of tensors. What no layer spec describes is written so."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from cnncli.layers.batch_axis import Seen
from cnncli.layers.traced_call import (
    AFTER,
    Alike,
    Batched,
    Computed,
    Flowing,
    Form,
    Held,
    Layout,
    Operand,
    Place,
    Spelled,
    Stretch,
    Unknown,
    Word,
)
from cnncli.tracing.operations import FRESH, operation
from cnncli.tracing.tags import Constant, Flow, Tag

if TYPE_CHECKING:
    from cnncli.tracing.looking import Call

_HOMES = {
    "torch": torch,
    "functional": functional,
    "Tensor": torch.Tensor,
    "torch.special": torch.special,
    "torch.linalg": torch.linalg,
    "torch.fft": torch.fft,
}
_STRANGE = Unknown("a tensor that nobody was seen to make")


def form(call: Call, batch: int, layouts: tuple[tuple[Layout, ...], tuple[Layout, ...]] = ((), ())) -> Form | None:
    """The form of a call on a batch of so many; None where it has no words, or numbers that depend on the batch cannot be told.

    layouts: of its tensors and of its results
    """
    name = _name(call.function) if call.operation.known and batch > 1 else None
    if name is None:
        return None
    plain = _Plain([id(each) for each in call.tensors], batch)
    usual = {**_defaults(call.function), "_stacklevel": call.kwargs.get("_stacklevel")}
    named = {key: each for key, each in call.kwargs.items() if not _is(each, usual.get(key, plain))}
    try:
        return Form(
            name, tuple(map(plain.value, call.args)), tuple((k, plain.value(v)) for k, v in named.items()), *layouts
        )
    except TypeError:
        return None


def layout(seen: Seen) -> Layout:
    """How a tensor lies."""
    times = 1 if seen.folded is None else seen.tensor.shape[seen.folded]
    return Layout(seen.batch, seen.folded, times)


def spelled(found: Form | None, tags: Sequence[Tag], reads: Sequence[int]) -> Spelled | None:
    """A call of a form whose tensors are tagged so. reads: the places of the row's inputs among them."""
    if found is None:
        return None
    return Spelled(found, tuple(_operand(tag, at, reads) for at, tag in enumerate(tags)))


def constant(call: Call, batch: int) -> Spelled | Unknown:
    """A call that does not depend on the network's input."""
    found, name = form(call, batch), call.operation.name
    if found is None:
        return Unknown(f"what {name} makes")
    fresh = name in FRESH and not name.endswith("_like")
    dtypes = [str(tensor.dtype).removeprefix("torch.") if fresh else "" for tensor in call.tensors]
    return Spelled(found, tuple(_of_constant(tag, dtype) for tag, dtype in zip(call.tags, dtypes, strict=True)))


def of_many(call: Spelled | Unknown, index: int | None) -> Operand:
    """One of a call's outputs."""
    return call if isinstance(call, Unknown) else Computed(call, index)


def after(whole: Operand | None, part: Tag) -> Operand | None:
    """A tensor once a part of it was overwritten."""
    by = part.made if isinstance(part, Constant) else None
    return None if whole is None or by is None else Computed(Spelled(AFTER, (whole, by)))


def _of_constant(tag: Tag, dtype: str) -> Operand:
    if isinstance(tag, Flow):
        return Alike(dtype) if dtype else Unknown("a tensor of the size of one that flows")
    return _operand(tag, 0, ())


def _operand(tag: Tag, at: int, reads: Sequence[int]) -> Operand:
    if isinstance(tag, Flow):
        return Flowing(list(reads).index(at)) if at in reads else Unknown("a tensor that the row does not read")
    assert isinstance(tag, Constant)  # noqa: S101
    if tag.name is not None:
        return Held(tag.name)
    return tag.made or _STRANGE


class _Plain:
    """Turns arguments into plain values. tensors: ids of the call's · batch: examples in the run"""

    def __init__(self, tensors: list[int], batch: int) -> None:
        self.tensors, self.batch = tensors, batch

    def value(self, value: Any) -> object:  # noqa: ANN401, PLR0911
        """Raises `TypeError` for what has no plain form."""
        if isinstance(value, torch.Tensor):
            return Place(self.tensors.index(id(value)))
        if value is None or type(value) in (bool, str, float):
            return value
        if type(value) is int:
            return Batched(value // self.batch) if value and value % self.batch == 0 else value
        if type(value) in (tuple, list, torch.Size):
            return (list if type(value) is list else tuple)(map(self.value, value))
        if isinstance(value, slice):
            return Stretch(*map(self.value, (value.start, value.stop, value.step)))
        if isinstance(value, torch.device):
            return Word("device")
        if isinstance(value, torch.dtype | torch.memory_format | torch.layout):
            return Word(str(value))
        if value is ...:
            return Word("...")
        raise TypeError(type(value))


@cache
def _name(function: Callable[..., Any]) -> str | None:
    """`torch.roll`, `functional.pad`, `Tensor.add_`, `Tensor.T`; None where torch has no name for it."""
    name = getattr(function, "__name__", "")
    if name == "__get__":
        owner = getattr(getattr(function, "__self__", None), "__name__", "")
        return f"Tensor.{owner}" if owner.isidentifier() else None
    plain = operation(function).name
    names = (name, plain, f"__{plain}__", f"__i{plain}__")
    return next(
        (f"{home}.{n}" for n in names for home, each in _HOMES.items() if _is(getattr(each, n, None), function)), None
    )


@cache
def _defaults(function: Callable[..., Any]) -> Mapping[str, object]:
    if not isinstance(function, FunctionType):
        return {}
    parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _is(value: object, other: object) -> bool:
    return value is other or (
        type(value) is type(other) and isinstance(value, bool | int | float | str) and value == other
    )
