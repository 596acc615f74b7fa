"""What is wrong with a run, in words: below the epoch that showed it, at the end, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from cnncli.diagnostics.finding import Finding
from cnncli.text import inert


def told(found: Sequence[Finding], width: int) -> list[str]:
    """Each on lines of its own, `width` characters wide: what was seen, and what to try."""
    return [part for each in found for part in _wrapped(f"! {each.kind}: {each.words}", f"try: {each.remedy}", width)]


def in_short(found: Sequence[Finding], width: int) -> list[str]:
    """`health: vanishing in conv1, guessing; try: train.init=xavier`: all kinds, and the first remedy."""
    names = [f"{each.kind} in {each.layer}" if each.layer else each.kind for each in found]
    return _wrapped(f"health: {', '.join(names)}", f"try: {found[0].remedy}", width, "")


def as_json(found: Sequence[Finding]) -> list[dict[str, object]]:
    """An object each."""
    return [{**each._asdict(), "numbers": dict(each.numbers)} for each in found]


def _wrapped(said: str, cure: str, width: int, indent: str = "  ") -> list[str]:
    """The cure on a line of its own where it does not fit behind what is said; never broken, so that it can be copied."""
    lines = wrap(inert(said), width, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)
    last = f"{lines[-1]}; {inert(cure)}"
    return [*lines[:-1], last] if len(last) <= width else [*lines, f"{indent}  {inert(cure)}"]
