"""Arrays in text: `0 1; 2 3` is a matrix, `|` stands between channels, `||` between kernels; and what Python prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 1e100  # the products of larger numbers come near the end of what a computer holds

Rows = Sequence[Sequence[str]]
"""The numbers of a matrix as text."""


class Malformed(ValueError):
    """Text that is no array; the message names the place and the value."""

    def __init__(self, message: str) -> None:
        """Say how places are counted."""
        super().__init__(f"{message} (counted from 0)")


def written(text: str) -> NDArray[np.float64]:
    """The array that `text` writes: H×W, C×H×W or O×C×H×W. Raises `Malformed`."""
    text = _unbracketed(text.replace("−", "-"))  # the minus sign of books
    kernels = [[_rows(each) for each in kernel.split("|")] for kernel in text.split("||")]
    found = array(kernels)
    return found if len(found) > 1 else found[0] if len(found[0]) > 1 else found[0, 0]


def array(kernels: Sequence[Sequence[Rows]]) -> NDArray[np.float64]:
    """O×C×H×W from the matrices of each channel of each kernel. Raises `Malformed`."""
    import numpy as np

    found = []
    for place, channels in enumerate(kernels):
        kernel = f"kernel {place}, " if len(kernels) > 1 else ""
        if len(channels) != len(kernels[0]):
            have = f"{len(channels)} channel{'s' * (len(channels) > 1)}"
            raise Malformed(f"kernel {place}: {have}, kernel 0 has {len(kernels[0])}")
        for number, rows in enumerate(channels):
            name = f"{kernel}channel {number}, " if len(channels) > 1 else kernel
            found.append(_matrix(rows, name))
            if found[-1].shape != found[0].shape:
                high, wide = found[-1].shape
                raise Malformed(f"{name}it is {high}×{wide}, the first is {found[0].shape[0]}×{found[0].shape[1]}")
    return np.stack(found).reshape(len(kernels), -1, *found[0].shape)


def _matrix(rows: Rows, name: str) -> NDArray[np.float64]:
    import numpy as np

    for place, row in enumerate(rows):
        if not row:
            raise Malformed(f"{name}row {place}: no number stands in it")
        if len(row) != len(rows[0]):
            numbers = f"{len(row)} number{'s' * (len(row) > 1)}"
            raise Malformed(f"{name}row {place}: {numbers}, row 0 has {len(rows[0])}")
    return np.array([[*_numbers(row, f"{name}row {place}")] for place, row in enumerate(rows)])


def _numbers(row: Sequence[str], place: str) -> Iterator[float]:
    for column, text in enumerate(row):
        try:
            over, slash, under = text.partition("/")
            value = float(over) / float(under) if slash else float(text)
        except (ValueError, ZeroDivisionError):
            raise Malformed(f"{place}, column {column}: {text[:24]!r} is not a number") from None
        if not isfinite(value) or abs(value) > LARGEST:
            raise Malformed(f"{place}, column {column}: {text[:24]!r} is not finite, or beyond {LARGEST:g}")
        yield value


def _unbracketed(text: str) -> str:
    """Brackets as Python, numpy and torch print them, in the signs of the command line."""
    text = re.sub(r"^(?:array|tensor)\((.*?)(?:,\s*dtype=[\w.]+)?\)$", r"\1", text.strip(), flags=re.DOTALL)
    text = re.sub(r"\]\s*\]\s*\]\s*,?\s*\[\s*\[\s*\[", "||", text)
    text = re.sub(r"\]\s*\]\s*,?\s*\[\s*\[", "|", text)
    text = re.sub(r"\]\s*,?\s*\[", ";", text)
    while text.startswith("[") and text.endswith("]"):
        text = text[1:-1].strip()
    return text


def _rows(text: str) -> list[list[str]]:
    rows = re.split(r"[;\n]", text.strip().removesuffix(";"))
    return [row.split(",") if "," in row else row.split() for row in rows]
