"""What changed between two networks, in words."""

from __future__ import annotations

from collections.abc import Sequence

from cnncli.analysis.diff import Change, Line
from cnncli.layers import times
from cnncli.text import inert


def said(line: Line) -> list[str]:
    """The layer in a few words, or what changed; the numbers have columns of their own."""
    if line.mark != "~":
        return [inert(line.row.layer.brief)]
    changed = {change.what for change in line.changes}
    hidden = {"params", "macs"} | ({"trainable"} if "params" in changed else set())
    hidden |= {"output"} if "out_features" in changed else set()
    told = [change for change in line.changes if change.what not in hidden]
    return [words(change) for change in told or line.changes]


def words(change: Change) -> str:
    """`padding 2 → 0`, `was conv1`, `Sigmoid → ReLU`."""
    if change.what == "name":
        return inert(f"was {change.old}")
    label = "" if change.what == "layer" else f"{change.what} "
    return inert(f"{label}{_value(change.old)} → {_value(change.new)}")


def _value(value: object) -> str:
    """As one writes it: `2`, `3×5`, `6×28×28`, `4,096`, `none`; a long table as its length."""
    if isinstance(value, tuple) and value and len(value) < 4:
        if all(type(item) is int for item in value):
            return times(value)
        return ("+" if isinstance(value[0], tuple) else ", ").join(map(_shape, value))
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shape(value: object) -> str:
    return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)


def packed(parts: Sequence[str], width: int) -> list[str]:
    """The parts in lines of at most `width`, a comma between two on one line."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}, {part}" if lines else part
        if lines and len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(cut(part, width))
    return lines


def cut(text: str, width: int) -> str:
    """The text, its end replaced by … where it is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
