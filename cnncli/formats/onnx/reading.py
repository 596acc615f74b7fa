"""From an ONNX file to a network."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncli.analysis.report import report
from cnncli.errors import DataError, RequestError
from cnncli.formats.onnx.inputs import Axes, Input, declared, filled, guesses
from cnncli.formats.onnx.names import identifier, name_all
from cnncli.formats.onnx.shapes import Shapes
from cnncli.formats.onnx.values import Draft, Reference
from cnncli.formats.onnx.walk import Walk
from cnncli.layers import Tensor
from cnncli.layers.activation import Identity
from cnncli.layers.batch_axis import unlikely
from cnncli.layers.merge import Add, Mul
from cnncli.layers.shape import Permute, Reshape
from cnncli.layers.traced import Elementwise, Unused
from cnncli.layers.wrapped import Given
from cnncli.network import Network, Node

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

# An ONNX file without its weights: the file is mapped, and what tensors hold is stepped over, never read.
#
# Protocol buffers write a message as fields, each a key (number and wire type) and a value; a message within a message is its
# length and its bytes. Of a model the path to large tensors is followed (graph, nodes, attributes, subgraphs), everything else
# is copied as it is. https://protobuf.dev/programming-guides/encoding, numbers as in onnx.proto.

KEPT = 8192
"""Bytes up to which what a tensor holds is kept: shapes, axes and scales are short, weights are not."""
DEEPEST = 50
"""Subgraphs in subgraphs."""

_HELD = frozenset({4, 5, 6, 7, 9, 10, 11})  # TensorProto: float_data … uint64_data and raw_data
_TENSOR, _GRAPH, _NODE, _ATTRIBUTE, _SPARSE, _MODEL = "tensor", "graph", "node", "attribute", "sparse", "model"
_INNER: Mapping[str, Mapping[int, str]] = {
    _MODEL: {7: _GRAPH, 25: "function"},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    "function": {7: _NODE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
}
"""Message → field → the kind of message it holds, where that may hold a tensor."""


class MalformedError(ValueError):
    """The bytes are no protocol buffer, or end too early."""


class _Field(NamedTuple):
    """One field: its number, its wire type, where it starts, and where its value starts and ends."""

    number: int
    wire: int
    start: int
    value: int
    end: int


def stripped(path: Path) -> bytes:
    """The model at `path` without what its large tensors hold; raises `OSError` and `MalformedError`."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return b""
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return bytes(_without(data, 0, len(data), _MODEL, 0))


def _without(data: mmap.mmap, start: int, end: int, kind: str, depth: int) -> bytearray:
    if depth > 4 * DEEPEST:
        raise MalformedError(f"its graphs nest deeper than {DEEPEST}")
    found, inner = bytearray(), _INNER.get(kind, {})
    for field in _fields(data, start, end):
        large = field.end - field.value > KEPT
        if kind == _TENSOR and large and field.number in _HELD:
            continue
        if large and field.wire == 2 and field.number in inner:
            content = _without(data, field.value, field.end, inner[field.number], depth + 1)
            found += _varint(field.number << 3 | 2) + _varint(len(content)) + content
        else:
            found += data[field.start : field.end]
    return found


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[_Field]:
    at = start
    while at < end:
        key, value = _read(data, at, end)
        wire, after = key & 7, value
        if wire == 0:
            _, after = _read(data, value, end)
        elif wire == 2:
            length, value = _read(data, value, end)
            after = value + length
        elif wire in {1, 5}:
            after = value + (8 if wire == 1 else 4)
        else:
            raise MalformedError(f"byte {at:,} starts no field")
        if after > end:
            raise MalformedError(f"it ends before the field at byte {at:,} does")
        yield _Field(key >> 3, wire, at, value, after)
        at = after


def _read(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """A number at `at`, seven bits a byte, and where it ends."""
    found = 0
    for place in range(10):
        if at + place >= end:
            raise MalformedError("it ends in the middle of a number")
        byte = data[at + place]
        found |= (byte & 127) << 7 * place
        if byte < 128:
            return found, at + place + 1
    raise MalformedError(f"byte {at:,} starts no number")


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


def read(path: Path, inputs: Mapping[str, Tensor] | Sequence[Tensor] = (), *, batch: bool = True) -> Network:
    """The network in the ONNX file at `path`; its weights are not read, nor is any other file.

    inputs: one example of each, or all of its axes, for sizes that the file leaves open; by name or in the graph's order · batch:
    whether an axis may be the batch. Which one is tried out: the first guess whose rows hold together is taken, else the shapes are
    whole. Raises `DataError` for what is missing or no ONNX file, and `RequestError` where onnx is not installed or a size is open
    that no input gives.
    """
    model = _model(path)
    given = inputs if isinstance(inputs, Mapping) else {str(place): each for place, each in enumerate(inputs)}
    known = declared(path, model.graph, _constants(model.graph))
    likely = list(guesses(known)) if batch else []
    tries = _Tries(path, model, filled(path, known, _fitting(known, likely, given), given))
    for axes, sure in likely:
        with suppress(RequestError):
            tries.guess(filled(path, known, axes, given), sure=sure)
        if tries.settled:
            return tries.settled
    return tries.whole if not tries.first or report(tries.whole).failure is None else tries.first


class _Tries:
    """The graph read with one axis or another as the batch."""

    def __init__(self, path: Path, model: ModelProto, given: Sequence[Input]) -> None:
        """given: the likeliest inputs, which are run whole to compare with."""
        self._path, self._model, self._given = path, model, given
        self.first: Network | None = None
        self.settled: Network | None = None

    @cached_property
    def _all_of_it(self) -> tuple[Walk, Network]:
        walk = _run(self._model, self._given, 0)
        return walk, _network(self._path, self._model, self._given, walk)

    @property
    def whole(self) -> Network:
        """Without a batch: all sizes as they are."""
        return self._all_of_it[1]

    def guess(self, given: Sequence[Input], *, sure: bool) -> None:
        """Try these inputs: on a batch of an unlikely prime, then on as many examples as the file has, one where that is open.

        A file may say that its batch is open and hold reshapes to one example: then one it is. Settled is what makes the
        same of its inputs as the whole graph does.
        """
        fixed = next((each.sizes[each.batch] for each in given if each.batch is not None), None)
        examples = fixed or 1
        many = unlikely(_sizes(self._model, given))
        for batch in dict.fromkeys((many, examples)):
            if batch == examples > 1 and len(given[0].sizes) != 4:
                continue  # too many other axes may be of the same small size, unless it holds images
            walk = _run(self._model, given, batch)
            network = _network(self._path, self._model, given, walk)
            self.first = self.first or network
            sound = report(network).failure is None and (sure or not walk.rows.along_batch)
            if batch != 1:
                sound = sound and not walk.lost(info.name for info in self._model.graph.output)
            if sound and ((batch == many and fixed is None) or self._as_whole(walk, network, batch, examples)):
                self.settled = network
                return

    def _as_whole(self, walk: Walk, network: Network, batch: int, examples: int) -> bool:
        """Whether outputs have the sizes, and rows together the MACs, that they have without a batch."""
        theirs, whole = self._all_of_it
        for info in self._model.graph.output:
            ours, other = walk.env.get(info.name), theirs.env.get(info.name)
            shape = ours and tuple(examples if size == batch else size for size in ours.shape)
            if shape != (other and other.shape):
                return False
        return report(network).totals.macs * examples == report(whole).totals.macs


def _fitting(known: Sequence[Input], likely: Sequence[tuple[Axes, bool]], given: Mapping[str, Tensor]) -> Axes:
    """The first guess that what is given fits to, an example of each or all of it, else the likeliest."""
    none: Axes = (None,) * len(known)
    axes_of = [*(axes for axes, _ in likely), none]
    for axes in axes_of:
        with suppress(RequestError):
            filled(Path(), known, axes, given)
            return axes
    return axes_of[0]


def _model(path: Path) -> ModelProto:
    """The file without its weights, functions written out."""
    from cnncli.files import reason

    try:
        from onnx import ModelProto, inliner
    except ImportError:
        raise RequestError(f"{str(path)!r} needs the package onnx; install it: pip install 'cnncli[onnx]'") from None
    try:
        data = stripped(path)
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {reason(error)}") from error
    except MalformedError as error:
        raise DataError(_damaged(path, reason(error))) from error
    try:
        found = ModelProto.FromString(data)
    except Exception as error:  # protobuf's own kind of error
        raise DataError(_damaged(path, reason(error))) from error
    if not _legible(found):
        raise DataError(_damaged(path, "its names are no text"))
    if not found.graph.node or not found.opset_import:
        raise DataError(_damaged(path, "it holds no graph"))
    try:
        return inliner.inline_local_functions(found) if found.functions else found
    except Exception as error:
        raise DataError(_damaged(path, reason(error))) from error


def _legible(message: Any) -> bool:  # noqa: ANN401  (any of onnx's messages)
    """Whether all of a message's words are text: what is no UTF-8 comes as bytes."""
    for field, value in message.ListFields():
        alone = isinstance(value, str | bytes) or hasattr(value, "ListFields")
        if field.type == field.TYPE_STRING and any(isinstance(each, bytes) for each in ((value,) if alone else value)):
            return False
        if field.type == field.TYPE_MESSAGE and not all(map(_legible, (value,) if alone else value)):
            return False
    return True


def _damaged(path: Path, why: str) -> str:
    return f"{str(path)!r} is damaged or no ONNX file: {why[:200].rstrip('. ')}; fetch or export it again"


def _constants(graph: GraphProto) -> set[str]:
    dense = {tensor.name for tensor in graph.initializer}
    return dense | {tensor.values.name for tensor in graph.sparse_initializer}


def _sizes(model: ModelProto, given: Sequence[Input]) -> Iterator[int]:
    for tensor in model.graph.initializer:
        yield from tensor.dims
    for each in given:
        yield from each.shape(1)


def _run(model: ModelProto, given: Sequence[Input], batch: int) -> Walk:
    open_sizes = {
        symbol: size for each in given for symbol, size in zip(each.symbols, each.shape(batch), strict=True) if symbol
    }
    walk = Walk(model.graph, Shapes(model.opset_import, model.ir_version, open_sizes), batch)
    for each in given:
        walk.feed(each.name, each.label, each.shape(batch), each.dtype)
    walk.run(model.graph.node)
    return walk


def _network(path: Path, model: ModelProto, given: Sequence[Input], walk: Walk) -> Network:
    outputs = [walk.env[info.name] for info in model.graph.output if info.name in walk.env]
    _add_unused(walk)
    name_all(walk.rows.drafts, [each.label for each in given])
    return Network(
        name=path.stem,
        edition="",
        inputs={each.label: each.example(walk.batch) for each in given},
        nodes=tuple(map(_node, walk.rows.drafts)),
        outputs=tuple(str(value.reference) for value in outputs if value.reference is not None),
        blocks=walk.blocks,
        channels_last=len(given) == 1 and _channels_last(walk, given[0]),
    )


def _channels_last(walk: Walk, image: Input) -> bool:
    """Whether all that reads the input, one number out of one at most, first brings its last axis before the others.

    Where there is one channel a reshape does so, too.
    """
    shape = image.example(walk.batch).shape
    shapes = {value.reference: value.seen.tensor.shape for value in walk.env.values() if value.reference is not None}
    same: set[Reference] = {Reference(image.label)}
    moved = False
    for draft in walk.rows.drafts:
        if len(shape) < 2 or same.isdisjoint(draft.reads):
            continue
        made = shapes.get(Reference(draft))
        brings = isinstance(draft.layer, Permute) or (isinstance(draft.layer, Reshape) and shape[-1] == 1)
        if brings and made == (shape[-1], *shape[:-1]):
            moved = True
        elif made == shape and isinstance(draft.layer, Elementwise | Add | Mul | Given | Identity):
            same.add(Reference(draft))
        else:
            return False
    return moved


def _add_unused(walk: Walk) -> None:
    """A row for each initializer of weights that no node reads."""
    for name, (shape, _) in walk.rows.known.items():
        if walk.rows.learned(name) and prod(shape) > 1 and name not in walk.read | walk.rows.owner.keys():
            label = tuple(filter(None, map(identifier, name.split("."))))
            walk.rows.drafts.append(Draft(Unused(learned=((name, shape),)), (), label, "unused", "unused"))


def _node(row: Draft) -> Node:
    shares = row.shares.name if row.shares else None
    return Node(row.name, row.layer, tuple(map(str, row.reads)), shares, lacks=row.lacks)
