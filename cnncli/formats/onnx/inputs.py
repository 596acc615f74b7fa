"""The inputs of an ONNX graph: which axis may be the batch, and the sizes that the file leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnncli.errors import RequestError, UnknownName
from cnncli.formats.onnx.names import identifier
from cnncli.formats.onnx.shapes import DTYPES
from cnncli.layers import Shape, Tensor, dims

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto

BATCH = re.compile(r"batch.*|.*_batch|bs|n|b", re.IGNORECASE)
"""What an open axis is called that is the batch without doubt."""
SEQUENCE = re.compile(r".*(seq|len|time|frame|token|step|height|width|sample|audio).*|h|w|t|l", re.IGNORECASE)
"""What an open axis is called that is none, first or not."""
Axes = tuple[int | None, ...]
"""For each input the axis that is the batch, None where none is."""


class Input(NamedTuple):
    """One input. label: its name in the network · sizes: of all axes, None where open · symbols: what open ones are called

    batch: the axis that is the batch, None where none is
    """

    name: str
    label: str
    sizes: tuple[int | None, ...]
    symbols: tuple[str, ...]
    dtype: str
    batch: int | None = None

    def shape(self, batch: int) -> Shape:
        """All of its sizes where `batch` examples are run at once; one where there is no batch to speak of."""
        examples = batch or 1
        return tuple(
            examples if size is None or (batch and axis == self.batch) else size for axis, size in enumerate(self.sizes)
        )

    def example(self, batch: int) -> Tensor:
        """One example where the batch is told apart, which then stands first in a network; else all of it."""
        axis = self.batch if batch else None
        sizes = tuple(size for place, size in enumerate(self.shape(batch)) if place != axis)
        return Tensor(sizes, self.dtype, None if axis is None else 0)


def declared(file: Path, graph: GraphProto, constants: set[str]) -> list[Input]:
    """The graph's inputs as the file has them; raises `RequestError` for what is no tensor."""
    found: list[Input] = []
    for place, each in enumerate(info for info in graph.input if info.name not in constants):
        taken = {known.label for known in found}
        label = identifier(each.name) or "input"
        found.append(_input(file, each, label if label not in taken else f"{label}_{place}"))
    if not found:
        raise RequestError(f"{file}: it takes no input; what it computes is always the same")
    return found


def _input(file: Path, info: ValueInfoProto, label: str) -> Input:
    tensor = info.type.tensor_type
    if not info.type.HasField("tensor_type") or tensor.elem_type not in DTYPES:
        kind = (info.type.WhichOneof("value") or "value of no type").removesuffix("_type").replace("_", " ")
        raise RequestError(f"{file}: its input {info.name!r} is a {kind}, no tensor; networks here take nothing else")
    if not tensor.HasField("shape"):
        raise RequestError(f"{file}: its input {info.name!r} has any number of axes; export it again with an example")
    sizes = tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else None for dim in tensor.shape.dim
    )
    return Input(info.name, label, sizes, tuple(dim.dim_param for dim in tensor.shape.dim), DTYPES[tensor.elem_type])


def guesses(inputs: Sequence[Input]) -> Iterator[tuple[Axes, bool]]:
    """Which axes may be the batch, from the likeliest on, and whether that is sure: it is called so.

    An open axis is, where it is called so or stands first; of sizes that are all fixed, the first axis of all inputs that have as
    many, or of the first input alone.
    """
    open_axes, sure = _open_axes(inputs)
    if any(axis is not None for axis in open_axes):
        yield open_axes, sure
        return
    first = inputs[0]
    if len(first.sizes) < 2 or not first.sizes[0]:
        return
    alike = tuple(0 if len(each.sizes) > 1 and each.sizes[0] == first.sizes[0] else None for each in inputs)
    alone = tuple(0 if each is first else None for each in inputs)
    yield alike, False
    if alone != alike:
        yield alone, False


def _open_axes(inputs: Sequence[Input]) -> tuple[Axes, bool]:
    symbols = {symbol for each in inputs for symbol, size in zip(each.symbols, each.sizes, strict=True) if size is None}
    called = {symbol for symbol in symbols if BATCH.fullmatch(symbol)}
    sure = bool(called)
    if not called:
        leading = [each.symbols[0] for each in inputs if each.sizes and each.sizes[0] is None]
        called = {symbol for symbol in leading[:1] if not SEQUENCE.fullmatch(symbol)}

    def axis_of(each: Input) -> int | None:
        free = [axis for axis, size in enumerate(each.sizes) if size is None]
        named = [axis for axis in free if each.symbols[axis] in called]
        return named[0] if named and (each.symbols[named[0]] or named[0] == 0 or len(free) == 1) else None

    return tuple(map(axis_of, inputs)), sure


def filled(file: Path, inputs: Sequence[Input], axes: Axes, given: Mapping[str, Tensor]) -> list[Input]:
    """The inputs with `axes` as their batch and what they leave open as `given`, an example or all axes of each.

    Raises `RequestError` for what does not fit or is missing, and `UnknownName`.
    """
    known = _by_label(file, inputs, given)
    found = [
        _sized(file, each._replace(batch=axis), known.get(each.label)) for each, axis in zip(inputs, axes, strict=True)
    ]
    sizes = {
        symbol: size
        for old, new in zip(inputs, found, strict=True)
        for axis, (symbol, size) in enumerate(zip(new.symbols, new.sizes, strict=True))
        if symbol and size is not None and old.sizes[axis] is None
    }
    found = [
        each._replace(
            sizes=tuple(
                sizes.get(symbol) if size is None else size
                for symbol, size in zip(each.symbols, each.sizes, strict=True)
            )
        )
        for each in found
    ]
    for each in found:
        if any(size is None and axis != each.batch for axis, size in enumerate(each.sizes)):
            raise RequestError(_open(file, each, several=len(found) > 1))
    return found


def _by_label(file: Path, inputs: Sequence[Input], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is given by the inputs' labels; it was given by names, or by their numbers from 0."""
    if len(given) > len(inputs):
        raise RequestError(
            f"{file}: it takes {len(inputs)} inputs, --input gives {len(given)}; leave out what is too much"
        )
    labels = {each.name: each.label for each in inputs} | {each.label: each.label for each in inputs}
    found = {}
    for name, tensor in given.items():
        if not isinstance(tensor, Tensor):
            raise RequestError(
                f"{file}: --input {name} is no shape; write it as in 1x224x224, scalar for a single number"
            )
        if name not in labels and not name.isdigit():
            raise UnknownName("input", name, [each.label for each in inputs], where=f"{file}: ")
        found[labels[name] if name in labels else inputs[int(name)].label] = tensor
    return found


def _sized(file: Path, each: Input, given: Tensor | None) -> Input:
    if given is None:
        return each
    free = [axis for axis in range(len(each.sizes)) if axis != each.batch]
    if len(given.shape) == len(each.sizes):
        free = list(range(len(each.sizes)))
    open_or_same = len(free) == len(given.shape) and all(
        each.sizes[axis] in {None, size} for axis, size in zip(free, given.shape, strict=True)
    )
    if not open_or_same or given.dtype not in {"float32", each.dtype}:
        raise RequestError(
            f"{file}: its input {each.name!r} is {_written(each)}, not {_said(given)}; "
            "give it so, or export it again with dynamic axes"
        )
    new = dict(zip(free, given.shape, strict=True))
    return each._replace(sizes=tuple(new.get(axis, size) for axis, size in enumerate(each.sizes)))


def _said(tensor: Tensor) -> str:
    return (dims(tensor.shape) or "a single number") + ("" if tensor.dtype == "float32" else f" of {tensor.dtype}")


def _written(each: Input) -> str:
    """`3×?×?`, one example, or all of it where no axis is the batch."""
    sizes = [size for axis, size in enumerate(each.sizes) if axis != each.batch]
    written = "×".join("?" if size is None else str(size) for size in sizes) or "a single number"
    dtype = "" if each.dtype == "float32" else f" of {each.dtype}"
    return written + dtype + ("" if each.batch is None else " for each example")


def _open(file: Path, each: Input, *, several: bool) -> str:
    """What to say of an input whose sizes are open."""
    axes = [(size, each.symbols[axis]) for axis, size in enumerate(each.sizes) if axis != each.batch]
    written = "×".join(str(symbol or "?") if size is None else str(size) for size, symbol in axes)
    cure = "x".join(identifier(symbol).upper()[:8] or "N" if size is None else str(size) for size, symbol in axes)
    name = f"{each.label}=" if several else ""
    example = "" if each.batch is None else " for each example"
    return (
        f"{file}: its input {each.name!r} is {written}{example}, with sizes left open; say which: --input {name}{cure}"
    )
