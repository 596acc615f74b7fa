"""The inputs of an ONNX graph: which axis is the batch, and the sizes that the file leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnncli.errors import RequestError
from cnncli.layers import Shape, Tensor, dims
from cnncli.onnxfile.names import identifier
from cnncli.onnxfile.shapes import DTYPES

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto

BATCH_NAMES = frozenset({"batch", "batch_size", "batchsize", "bs", "n", "b"})


class Input(NamedTuple):
    """One input. label: its name in the network · whole: its sizes, None for the batch where that is open · symbols: of open sizes

    batch: the axis that is the batch, None where none is
    """

    name: str
    label: str
    whole: tuple[int | None, ...]
    symbols: tuple[str, ...]
    dtype: str
    batch: int | None

    def shape(self, batch: int) -> Shape:
        """All of its sizes where `batch` examples are run at once."""
        return tuple(batch if size is None else size for size in self.whole)

    @property
    def open(self) -> bool:
        """Whether any number of examples may be run at once."""
        return self.batch is not None and self.whole[self.batch] is None

    @property
    def tensor(self) -> Tensor:
        """One example; the batch stands first in a network."""
        sizes = (size for axis, size in enumerate(self.whole) if axis != self.batch and size is not None)
        return Tensor(tuple(sizes), self.dtype, None if self.batch is None else 0)


def inputs(file: Path, graph: GraphProto, constants: set[str], given: Sequence[Tensor]) -> list[Input]:
    """The graph's inputs, with sizes that the file leaves open as `given`; raises `RequestError` for what is missing."""
    wanted = [each for each in graph.input if each.name not in constants]
    if given and len(given) != len(wanted):
        raise RequestError(
            f"{file}: it takes {len(wanted)} inputs, --input gives {len(given)}; write one for each, in its order"
        )
    found: list[Input] = []
    for place, each in enumerate(wanted):
        taken = {known.label for known in found}
        label = identifier(each.name) or "input"
        label = label if label not in taken else f"{label}_{place}"
        found.append(_input(file, each, label, given[place].shape if given else None))
    if not found:
        raise RequestError(f"{file}: it takes no input; what it computes is always the same")
    return found


def _input(file: Path, info: ValueInfoProto, label: str, given: Shape | None) -> Input:
    tensor = info.type.tensor_type
    if not info.type.HasField("tensor_type") or tensor.elem_type not in DTYPES:
        raise RequestError(f"{file}: its input {info.name!r} is no tensor of numbers; networks here take nothing else")
    if not tensor.HasField("shape"):
        raise RequestError(f"{file}: its input {info.name!r} has any number of axes; export it again with an example")
    sizes = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in tensor.shape.dim]
    symbols = tuple(dim.dim_param for dim in tensor.shape.dim)
    batch = _batch(sizes, symbols)
    free = [axis for axis in range(len(sizes)) if axis != batch]
    if given is not None:
        _check(file, info.name, tuple(sizes[axis] for axis in free), given)
        for axis, size in zip(free, given, strict=True):
            sizes[axis] = size
    unknown = [axis for axis in free if sizes[axis] is None]
    if unknown:
        raise RequestError(_open(file, info.name, sizes, symbols, batch))
    return Input(info.name, label, tuple(sizes), symbols, DTYPES[tensor.elem_type], batch)


def _batch(sizes: Sequence[int | None], symbols: Sequence[str]) -> int | None:
    """The axis that is open and called so, else the first: of a vector only where its length is open."""
    named = [axis for axis, symbol in enumerate(symbols) if sizes[axis] is None and symbol.lower() in BATCH_NAMES]
    if named:
        return named[0]
    return 0 if len(sizes) > 1 or sizes[:1] == [None] else None


def _check(file: Path, name: str, sizes: Sequence[int | None], given: Shape) -> None:
    fits = len(sizes) == len(given) and all(size in {None, new} for size, new in zip(sizes, given, strict=True))
    if not fits:
        written = "×".join("?" if size is None else str(size) for size in sizes) or "a single number"
        raise RequestError(
            f"{file}: its input {name!r} is {written} for each example, not {dims(given)}; "
            "give it so, or export it again with dynamic axes"
        )


def _open(file: Path, name: str, sizes: Sequence[int | None], symbols: Sequence[str], batch: int | None) -> str:
    """What to say of an input whose sizes are open."""
    axes = [(size, symbols[axis]) for axis, size in enumerate(sizes) if axis != batch]
    written = "×".join(str(size) if size else symbol or "?" for size, symbol in axes)
    cure = "x".join(str(size) if size else identifier(symbol).upper()[:8] or "N" for size, symbol in axes)
    return f"{file}: its input {name!r} is {written} for each example, with sizes left open; say which: --input {cure}"
