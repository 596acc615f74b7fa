"""Plain values as YAML for people: steps line by line, small things in braces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from cnncli.errors import RequestError
from cnncli.formats.yaml_scalar import scalar

WIDTH = 100
_BARE = re.compile(r"[$.]?[A-Za-z_][A-Za-z0-9_.:]*[A-Za-z0-9_]|\$?[A-Za-z_]|[1-9][0-9]*(x[1-9][0-9]*)+", re.ASCII)


class Steps(list[Any]):
    """A list that is written one item a line, as is everything that holds it."""


def text(document: dict[str, Any]) -> str:
    """A mapping as YAML, an empty line around what takes several lines."""
    return "\n".join(_spaced(document)) + "\n"


def _spaced(value: dict[str, Any]) -> list[str]:
    found: list[str] = []
    long = False
    for key, each in value.items():
        lines = list(_entry(key, each))
        if isinstance(each, dict) and len(lines) > 1 and _holds_steps(each):
            lines = [lines[0], *(f"  {line}" if line else "" for line in _spaced(each))]
        found += ["", *lines] if found and (long or len(lines) > 1) else lines
        long = len(lines) > 1
    return found


def _entry(key: str, value: Any) -> Iterator[str]:  # noqa: ANN401
    """`key: value`, the value below the key where it is long."""
    short = f"{_flow(key)}: {_flow(value)}"
    if not _holds_steps(value) and (len(short) <= WIDTH or not isinstance(value, dict | list) or not value):
        yield short
        return
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        yield from wrap(short, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        return
    yield f"{_flow(key)}:"
    yield from (f"  {line}" for line in _lines(value))


def _lines(value: Any) -> Iterator[str]:  # noqa: ANN401
    """A mapping's entries or a list's items, each from its first column."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _entry(key, each)
        return
    for each in value:
        short = _flow(each)
        if not _holds_steps(each) and (len(short) <= WIDTH - 10 or not isinstance(each, dict | list)):
            yield f"- {short[1:-1] if isinstance(each, dict) and len(each) == 1 and each else short}"
            continue
        first, *rest = _lines(each)
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)


def _holds_steps(value: Any) -> bool:  # noqa: ANN401
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Steps) or any(map(_holds_steps, parts))


def _flow(value: Any) -> str:  # noqa: ANN401
    """On one line: JSON, which YAML includes, with fewer quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return value if _is_bare(value) else json.dumps(value)
    return json.dumps(value)


def _is_bare(value: str) -> bool:
    """Whether the text reads back as itself without quotes."""
    try:
        return _BARE.fullmatch(value) is not None and scalar(value) == value
    except RequestError:
        return False
