"""Reading what people write on a command line: shapes, numbers for each axis, `key=value`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncli.errors import RequestError, UnknownName
from cnncli.layers import ITEM_BYTES, Shape, Tensor

_MOST = 10**9  # an axis longer than this is a slip of the keyboard, and no tensor holds it


def shape(text: str, option: str = "--input") -> Shape:
    """`1x224x224` as (1, 224, 224); `×` and `X` are read too. Raises `RequestError`."""
    parts = text.replace("×", "x").lower().split("x")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise RequestError(f"{option} {text!r} is not a shape; write it as in 1x224x224 or 400")
    sizes = tuple(int(part) for part in parts if len(part) <= 12)
    if len(sizes) < len(parts) or min(sizes) < 1 or max(sizes) > _MOST:
        raise RequestError(f"{option} {text!r} has a size outside 1 to {_MOST:,}")
    return sizes


def inputs(texts: Sequence[str] | None, option: str = "--input") -> dict[str, Tensor]:
    """`3x224x224`, `10:int64`, `mask=10:bool` as tensors by their names, or by their numbers from 0; raises `RequestError`."""
    found: dict[str, Tensor] = {}
    for place, text in enumerate(texts or ()):
        name, equals, rest = text.rpartition("=")
        sizes, colon, dtype = rest.partition(":")
        if colon and dtype not in ITEM_BYTES:
            raise UnknownName("dtype", dtype, ITEM_BYTES, where=f"{option} {text!r}: ")
        if equals and (not name.isidentifier() or name in found):
            raise RequestError(f"{option} {text!r} is not a new name for an input; write it as in image=3x224x224")
        found[name if equals else str(place)] = Tensor(shape(sizes, option), dtype or "float32")
    return found


def spread(text: str) -> object:
    """A value as a layer's argument: `5`, `3x5`, `true`, `none`, `0.5`, or a word."""
    lowered = text.lower().replace("×", "x")
    words = {"true": True, "false": False, "none": None, "null": None}
    if lowered in words:
        return words[lowered]
    parts = lowered.split("x")
    if len(parts) > 1 and all(part.isascii() and part.isdigit() and len(part) <= 12 for part in parts):
        return tuple(map(int, parts))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def pairs(arguments: Sequence[str] | None) -> dict[str, object]:
    """`key=value` arguments as a dict; hyphens in keys are underscores. Raises `RequestError`."""
    found: dict[str, object] = {}
    for argument in arguments or ():
        key, equals, value = argument.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key or not value:
            raise RequestError(f"{argument!r} is not key=value; write it as in stride=2")
        if key in found:
            raise RequestError(f"{key} is set twice; write it once")
        found[key] = spread(value)
    return found


def merge(given: Mapping[str, object], options: Mapping[str, tuple[str, object]]) -> dict[str, object]:
    """`given` with what options set: key → (flag, value), None where it was not given.

    Raises `RequestError` where an option and a `key=value` set one thing differently.
    """
    merged = dict(given)
    for key, (flag, value) in options.items():
        if value is None:
            continue
        if key in merged and merged[key] != value:
            raise RequestError(f"{flag} {value} and {key}={merged[key]} contradict each other; write one of them")
        merged[key] = value
    return merged


def amount(text: str, option: str) -> int:
    """`5M` as 5,000,000; k, M, G and T are thousands. Raises `RequestError`."""
    factor = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}.get(text[-1:].lower(), 1)
    try:
        number = float(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e18:
        raise RequestError(f"{option} {text!r} is not an amount; write it as in 5M or 61706")
    return round(number)
