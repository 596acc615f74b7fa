"""Shapes and inputs as one writes them, on a command line and in a program: `1x224x224`, `mask=10:bool`, `x.image=3x224x224`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cnncli.errors import RequestError, UnknownName
from cnncli.layers import ITEM_BYTES, Shape, Tensor

Value: TypeAlias = Any
"""What goes into a network at one place: a `Tensor`, None, True or False, or lists and dicts of them."""
SCALAR = "scalar"
"""What the shape of a single number is called: it has no axes."""
_WORDS = {"none": None, "true": True, "false": False}
_MOST = 10**9  # an axis longer than this is a slip of the keyboard, and no tensor holds it


def parts_of(text: str) -> list[str]:
    """`1x224x224` split at its separators; `×`, `X`, `*`, commas, spaces and brackets around it all are read too."""
    bare = text.strip()
    if bare[:1] + bare[-1:] in {"()", "[]"}:
        bare = bare[1:-1].strip().removesuffix(",")
    return re.split(r"\s*[x×*,;]\s*|\s+", bare.lower())


def shape(text: str, option: str = "--input") -> Shape:
    """`1x224x224` as (1, 224, 224), and whatever `parts_of` reads. Raises `RequestError`."""
    parts = parts_of(text)
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise RequestError(f"{option} {text!r} is not a shape; write it as in 1x224x224 or 400")
    sizes = tuple(int(part) for part in parts if len(part) <= 12)
    if len(sizes) < len(parts) or min(sizes) < 1 or max(sizes) > _MOST:
        raise RequestError(f"{option} {text!r} has a size outside 1 to {_MOST:,}")
    return sizes


def inputs(texts: Sequence[str] | None, option: str = "--input") -> dict[str, Value]:
    """`3x224x224`, `10:int64`, `mask=10:bool` as tensors by their names, or by their numbers from 0; raises `RequestError`.

    `rate=scalar` is a single number. Dots reach into dicts and lists: `x.image=3x224x224`, `images.0=3x300x400`.
    After a name, `none`, `true` and `false` are values.
    """
    found: dict[str, Value] = {}
    for place, text in enumerate(texts or ()):
        name, equals, rest = text.rpartition("=")
        first, *inner = name.split(".") if equals else (str(place),)
        holder, key = found, first
        for part in inner:
            holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder
            key = part
        if not isinstance(holder, dict) or key in holder or (equals and not (first.isidentifier() and all(inner))):
            raise RequestError(f"{option} {text!r} is not a new name for an input; write it as in image=3x224x224")
        word = rest.lower() if equals else ""
        holder[key] = _WORDS[word] if word in _WORDS else _tensor(text, rest, option)
    return {name: _lists(value) for name, value in found.items()}


def _tensor(text: str, written: str, option: str) -> Tensor:
    sizes, colon, dtype = written.partition(":")
    if colon and dtype not in ITEM_BYTES:
        raise UnknownName("dtype", dtype, ITEM_BYTES, where=f"{option} {text!r}: ")
    return Tensor(() if sizes.lower() == SCALAR else shape(sizes, option), dtype or "float32")


def _lists(value: Value) -> Value:
    """`value` with dicts whose keys count from 0 as lists."""
    if not isinstance(value, Mapping):
        return value
    found = {key: _lists(each) for key, each in value.items()}
    return list(found.values()) if list(found) == [str(at) for at in range(len(found))] else found


def channels_first(shape: Shape) -> Shape | None:
    """C×H×W for what was surely written H×W×C: one to four channels behind a larger height and width; else None."""
    if len(shape) != 3 or shape[2] > 4 or min(shape[:2]) <= 4 * shape[2]:
        return None
    return shape[2], shape[0], shape[1]


def without_batch(shape: Shape) -> str:
    """What to type for a shape with a batch axis too many, before it or (as some tables have it) behind it."""
    behind = len(shape) == 4 and shape[-1] == 1 and ((shape[0] in {1, 3} and shape[1] > 4 * shape[0]) or shape[2] == 1)
    rest = shape[:-1] if behind else shape[1:]
    return f"leave the batch out: --input {typed(channels_first(rest) or rest)}"


def typed(shape: Shape) -> str:
    """A shape as one types it: `1x224x224`."""
    return "x".join(map(str, shape))
