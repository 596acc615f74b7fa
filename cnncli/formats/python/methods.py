"""Methods of tensors as Python writes them: operators, properties, indices; and plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnncli.formats.python.layout import Argument, Call, flat, positional

SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "div": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "matmul": "@",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
}
"""What Python calls __add__, and what it writes."""
UNARY = {"neg": "-", "invert": "~", "pos": "+"}


class UnwrittenError(Exception):
    """A call has no form in Python here. The message says what stands in the way."""


def method(name: str, args: Sequence[str | Call], named: tuple[Argument, ...]) -> str | Call:
    """A method of a tensor, an operator, a property or an index."""
    first, *others = args
    plain = name.removeprefix("__").removesuffix("__")
    if plain == name:
        return (
            str(first) + f".{name}" if name in _PROPERTIES else Call(f"{first}.{name}", (*positional(others), *named))
        )
    if plain in ("getitem", "setitem"):
        index = _index(others[0])
        return f"{first}[{index}]" if plain == "getitem" else f"{first}[{index}] = {flat_of(others[1])}"
    if plain in UNARY and not others:
        return f"{UNARY[plain]}{first}"
    if plain in SIGNS:
        return f"{first} {SIGNS[plain]} {flat_of(others[0])}"
    if plain[:1] == "r" and plain[1:] in SIGNS:
        return f"{flat_of(others[0])} {SIGNS[plain[1:]]} {first}"
    if plain[:1] == "i" and plain[1:] in SIGNS:
        return Call(f"{first}.{_IN_PLACE.get(plain[1:], name)}", positional(others))
    raise UnwrittenError(name)


_IN_PLACE = {"truediv": "div_", **{name: f"{name}_" for name in ("add", "sub", "mul", "div", "pow")}}
"""What `x += y` is called where it stands within an expression."""
_PROPERTIES = {"T", "mT", "H", "mH", "data", "real", "imag"}


def flat_of(value: str | Call) -> str:
    """On one line; there are no comments within."""
    return flat(value) or ""


def _index(value: str | Call) -> str:
    """What stands in the brackets of an index."""
    parts = (
        [part.value for part in value.parts]
        if isinstance(value, Call) and value.brackets == "()" and not value.head
        else [value]
    )
    return ", ".join(_slice(flat_of(part)) for part in parts)


def _slice(text: str) -> str:
    """`slice(0, 4, None)` as 0:4."""
    if not text.startswith("slice("):
        return text
    start, stop, step = ("" if each == "None" else each for each in text[6:-1].split(", "))
    return f"{start}:{stop}" + (f":{step}" if step else "")


def literal(value: object) -> str:
    """A plain value; raises `UnwrittenError`."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str) and value.isascii() and value.isprintable() and not set(value) & set("\"'\\"):
        return f'"{value}"'
    raise UnwrittenError(f"an argument {value!r}")
