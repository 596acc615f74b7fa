"""Shapes and inputs as one writes them, on a command line and in a program: `1x224x224`, `10:int64`, `mask=10:bool`."""

from __future__ import annotations

from collections.abc import Sequence

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


def typed(shape: Shape) -> str:
    """A shape as one types it: `1x224x224`."""
    return "x".join(map(str, shape))
