"""The header of a safetensors file: eight bytes of length, JSON that says where each tensor lies, then the numbers, unread.

Everything that the format promises is checked: what lies outside the file, overlaps, leaves gaps or is named twice is refused.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from cnncli.errors import DataError
from cnncli.formats.tensors.listing import Stored, TensorFile
from cnncli.layers import Shape

LONGEST = 100_000_000
"""Bytes of a header; the format's own limit."""
LARGEST = 2**63
"""No size and no offset reaches this."""

DTYPES = {
    "BOOL": ("bool", 8),
    "U8": ("uint8", 8),
    "I8": ("int8", 8),
    "U16": ("uint16", 16),
    "I16": ("int16", 16),
    "U32": ("uint32", 32),
    "I32": ("int32", 32),
    "U64": ("uint64", 64),
    "I64": ("int64", 64),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "F32": ("float32", 32),
    "F64": ("float64", 64),
    "C64": ("complex64", 64),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F6_E2M3": ("float6_e2m3", 6),
    "F6_E3M2": ("float6_e3m2", 6),
    "F4": ("float4_e2m1", 4),
}
"""The format's dtypes: torch's name, and bits of a number."""


class _Entry(NamedTuple):
    """One tensor as the header has it."""

    name: str
    dtype: str
    shape: Shape
    start: int
    end: int


def read(path: Path) -> TensorFile:
    """The tensors that the header of the safetensors file at `path` lists, in the order of their names; raises `DataError`."""
    text, room = _text(path)
    found = _parsed(path, text)
    metadata = found.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse(path, "its __metadata__ is no list of words")
    entries = [_entry(path, name, value) for name, value in found.items()]
    _check_places(path, entries, room)
    listed = sorted(entries, key=lambda entry: natural(entry.name))
    return TensorFile(path, "safetensors", tuple(map(_stored, listed)), len(metadata))


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts `layer.10` after `layer.9`."""
    parts = re.findall(r"([0-9]{1,18})|([^0-9]+|[0-9])", name)
    return [(0, int(number), "") if number else (1, 0, word) for number, word in parts]


def _text(path: Path) -> tuple[bytes, int]:
    """The header, and how many bytes lie behind it."""
    from cnncli.files import reason

    try:
        with path.open("rb") as file:
            whole = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if whole < 8 or length > whole - 8:
                _refuse(path, f"its header should be {length:,} bytes long, the whole file has {whole:,}")
            if length > LONGEST:
                _refuse(path, f"its header has {length:,} bytes, more than the {LONGEST:,} that the format allows")
            return file.read(length), whole - 8 - length
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {reason(error)}") from error


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys: set[str] = set()
        for name, _ in pairs:
            if name in keys:
                _refuse(path, f"its header names {name!r} twice")
            keys.add(name)
        return dict(pairs)

    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=once, parse_constant=lambda word: word)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and too many digits are ValueErrors
        raise DataError(_message(path, f"its header is not JSON ({type(error).__name__})")) from error
    if not isinstance(found, dict):
        _refuse(path, "its header lists no tensors")
    return found


def _entry(path: Path, name: str, value: object) -> _Entry:
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        _refuse(path, f"{name!r} is described by other words than dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        _refuse(path, f"{name!r} has the dtype {str(dtype)[:20]!r}, which the format does not know")
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _refuse(path, f"{name!r} has a shape or a place that is no list of whole numbers from 0")
    if prod(shape) * DTYPES[dtype][1] != 8 * (offsets[1] - offsets[0]):
        _refuse(path, f"{name!r} lies in {offsets[1] - offsets[0]:,} bytes, which is not what its shape takes")
    return _Entry(name, dtype, tuple(shape), *offsets)


def _sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is int and 0 <= each < LARGEST for each in value)


def _check_places(path: Path, entries: list[_Entry], room: int) -> None:
    """The tensors lie one after the other from the end of the header to the end of the file."""
    reached, before = 0, ""
    for entry in sorted(entries, key=lambda each: (each.start, each.end)):
        if entry.start < reached:
            _refuse(path, f"{entry.name!r} overlaps {before!r}")
        if entry.start > reached:
            _refuse(path, f"nothing is said about the {entry.start - reached:,} bytes before {entry.name!r}")
        reached, before = entry.end, entry.name
    if reached != room:
        _refuse(path, f"its header describes {reached:,} bytes of numbers, behind it lie {room:,}")


def _stored(entry: _Entry) -> Stored:
    nbytes = entry.end - entry.start
    return Stored(entry.name, entry.shape, DTYPES[entry.dtype][0], nbytes, prod(entry.shape), nbytes)


def _refuse(path: Path, why: str) -> NoReturn:
    raise DataError(_message(path, why))


def _message(path: Path, why: str) -> str:
    return f"{str(path)!r} is damaged or no safetensors file: {why}; fetch or save it again"
