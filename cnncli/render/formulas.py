"""Formulas as lines of text and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import wrap

from cnncli.arithmetic.formula import Formula
from cnncli.text import columns_taken


def formula_json(found: Formula) -> dict[str, object]:
    """A formula in a JSON result; a remark only where there is one."""
    note = {"note": found.note} if found.note else {}
    return {"of": found.of, "symbols": found.symbols, "numbers": found.numbers, "value": found.value, **note}


def formula_text(found: Formula) -> str:
    """`(C_in·k_h·k_w + 1)·C_out = (6·5·5 + 1)·16 = 2,416`, in one line."""
    return " = ".join(_steps(found))


def formula_lines(formulas: Sequence[Formula], width: int) -> list[str]:
    """`parameters  (C_in·k_h·k_w + 1)·C_out = (6·5·5 + 1)·16 = 2,416`, the names padded to one width.

    A line that stdout would write wider than `width` is broken before an equals sign, and before the remark.
    """
    names = max((len(found.of) for found in formulas), default=0)
    return [line for found in formulas for line in _broken(f"{found.of:{names}}  ", _steps(found), found.note, width)]


def _steps(found: Formula) -> list[str]:
    steps = [found.symbols, found.numbers, f"{found.value:,}"]
    return [step for place, step in enumerate(steps) if place == 0 or step != steps[place - 1]]


def _broken(name: str, steps: list[str], note: str, width: int) -> list[str]:
    lines = [name + " = ".join(steps)]
    if columns_taken(lines[0], sys.stdout) > width and len(steps) > 1:
        lines = [name + steps[0], " " * len(name) + "= " + " = ".join(steps[1:])]
    if note and columns_taken(f"{lines[-1]}   ({note})", sys.stdout) <= width:
        lines[-1] += f"   ({note})"
    elif note:
        indent = " " * len(name)
        lines += wrap(f"({note})", max(width, len(name) + 20), initial_indent=indent, subsequent_indent=f"{indent} ")
    return lines
