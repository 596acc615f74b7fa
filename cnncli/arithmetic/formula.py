"""A formula behind a number: in symbols, with numbers put in, and its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_SYMBOL = re.compile(r"[A-Za-z_₀-₉][A-Za-z_₀-₉0-9]*")


class Formula(NamedTuple):
    """Why a number is what it is.

    of: what it computes ("parameters") · symbols: the textbook's form · numbers: the same with the numbers put in, an
    expression that evaluates to `value` · note: a remark in words, where the number is often misread
    """

    of: str
    symbols: str
    numbers: str
    value: int
    note: str = ""


def formula(of: str, symbols: str, value: int, put: Mapping[str, int], note: str = "") -> Formula:
    """A `Formula` whose numbers are `symbols` with every name in `put` replaced by its value."""

    def number(match: re.Match[str]) -> str:
        name = match.group()
        return f"{put[name]:,}" if name in put else name

    return Formula(of, symbols, _SYMBOL.sub(number, symbols), value, note)
