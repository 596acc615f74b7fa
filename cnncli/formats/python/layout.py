"""Python expressions broken into lines of 88 columns, as ruff format and Black break them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, INDENT = 88, 4


@dataclass(frozen=True)
class Call:
    """Something with parts in brackets: a call, a list, a tuple, a dict.

    head: what stands before the bracket · parts: what it holds · brackets: the two of them
    """

    head: str
    parts: tuple[Argument, ...]
    brackets: str = "()"


class Argument(NamedTuple):
    """One part: an expression, a name before it (`bias=`, `"conv": `), and a comment on its line."""

    value: str | Call
    name: str = ""
    comment: str = ""


def flat(value: str | Call) -> str | None:
    """The expression on one line; None where comments forbid it."""
    if isinstance(value, str):
        return value
    parts = [_flat_argument(part) for part in value.parts]
    if None in parts:
        return None
    only = "," if value.brackets == "()" and not value.head and len(parts) == 1 else ""  # a tuple of one
    return f"{value.head}{value.brackets[0]}{', '.join(filter(None, parts))}{only}{value.brackets[1]}"


def statement(start: str, value: str | Call, comment: str = "", depth: int = 2) -> list[str]:
    """`start` and an expression, `depth` levels in; the comment behind it where there is room, else on a line before."""
    indent = " " * INDENT * depth
    lines = _lines(value, indent, start, "")
    if not comment:
        return lines
    whole = f"{lines[0]}  # {comment}"
    if len(lines) == 1 and len(whole) <= WIDTH:
        return [whole]
    return [f"{indent}# {comment}", *lines]


def _lines(value: str | Call, indent: str, before: str, after: str) -> list[str]:
    line = flat(value)
    if isinstance(value, str) or (line is not None and len(indent + before + line + after) <= WIDTH):
        return [f"{indent}{before}{line}{after}"]
    inner = indent + " " * INDENT
    opening, closing = value.brackets[0], value.brackets[1]
    body = [_flat_argument(part) for part in value.parts]
    together = None if None in body else ", ".join(filter(None, body))
    if value.head and together and len(inner + together) <= WIDTH:
        held = [inner + together]
    elif value.head and len(value.parts) == 1 and not value.parts[0].comment:
        held = _lines(value.parts[0].value, inner, value.parts[0].name, "")
    else:
        held = [line for part in value.parts for line in _argument(part, inner)]
    return [f"{indent}{before}{value.head}{opening}", *held, f"{indent}{closing}{after}"]


def _argument(part: Argument, indent: str) -> list[str]:
    """An argument on lines of its own, a comma behind it."""
    lines = _lines(part.value, indent, part.name, ",")
    if not part.comment:
        return lines
    whole = f"{lines[0]}  # {part.comment}"
    return [whole] if len(lines) == 1 and len(whole) <= WIDTH else [f"{indent}# {part.comment}", *lines]


def _flat_argument(part: Argument) -> str | None:
    line = flat(part.value)
    return None if part.comment or line is None else part.name + line


def positional(values: Sequence[str | Call]) -> tuple[Argument, ...]:
    """Arguments without names."""
    return tuple(Argument(value) for value in values)
