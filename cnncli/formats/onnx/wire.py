"""An ONNX file without its weights: the file is mapped, and what tensors hold is stepped over, never read.

Protocol buffers write a message as fields, each a key (number and wire type) and a value; a message within a message is its length
and its bytes. Of a model the path to large tensors is followed (graph, nodes, attributes, subgraphs), everything else is copied as
it is. https://protobuf.dev/programming-guides/encoding, numbers as in onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

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
