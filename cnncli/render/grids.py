"""Arrays as text: nested as the textbook prints them, as a grid in which a window can be boxed, as shades where they are large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHADES = " ░▒▓█"
HIGHEST = 24  # lines of an array in shades
DIGITS = 4  # after the point


class Box(NamedTuple):
    """A rectangle of elements: its first row and column, from 0, and how many of each."""

    top: int
    left: int
    height: int
    width: int


def number(value: float, digits: int = DIGITS) -> str:
    """`19`, `1.1111`, `-0.5`: no more digits after the point than needed, `digits` at most; `1.2e+09` where it is long."""
    if value == int(value) and abs(value) < 1e9:
        return str(int(value))
    if not 10**-digits <= abs(value) < 1e9:
        return f"{value:.{max(1, digits - 1)}g}"
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def nested(values: Any, digits: int = DIGITS) -> str:  # noqa: ANN401  (lists in lists, as numpy's tolist gives them)
    """`[[19, 25], [37, 43]]`."""
    if isinstance(values, int | float):
        return number(values, digits)
    return f"[{', '.join(nested(each, digits) for each in values)}]"


def texts(values: Sequence[Sequence[float]], digits: int = DIGITS) -> list[list[str]]:
    """The numbers of a matrix as text, for `grid`."""
    return [[number(value, digits) for value in row] for row in values]


def grid(cells: Sequence[Sequence[str]], box: Box | None = None) -> list[str]:
    """A matrix in columns aligned to the right; with a box, room is left for its frame, so that all boxes give one layout."""
    width = max(len(cell) for row in cells for cell in row)
    padded = [[cell.rjust(width) for cell in row] for row in cells]
    if box is None:
        return ["  ".join(row) for row in padded]
    lines = [_boxed(row, box if box.top <= place < box.top + box.height else None) for place, row in enumerate(padded)]
    first = box.left * (width + 3)
    edge = "─" * (box.width * (width + 3) - 1)
    lines.insert(box.top + box.height, f"{' ' * first}└{edge}┘")
    lines.insert(box.top, f"{' ' * first}┌{edge}┐")
    return [line.rstrip() for line in lines]


def grid_width(cells: Sequence[Sequence[str]], *, boxed: bool = False) -> int:
    """Characters of the widest line of `grid`."""
    width = max(len(cell) for row in cells for cell in row)
    return len(cells[0]) * (width + 3) + 1 if boxed else len(cells[0]) * (width + 2) - 2


def _boxed(row: Sequence[str], box: Box | None) -> str:
    """A line, `│` where the box begins and ends."""
    sides = {box.left, box.left + box.width} if box else set()
    parts = [("│" if place in sides else " ") + f" {cell} " for place, cell in enumerate(row)]
    return "".join(parts) + ("│" if len(row) in sides else "")


def beside(*blocks: Sequence[str], gap: int = 4) -> list[str]:
    """Blocks of lines next to each other, each centred on the height of the highest."""
    high = max(map(len, blocks))
    padded = []
    for block in blocks:
        wide, above = max(map(len, block), default=0), (high - len(block)) // 2
        lines = [*[""] * above, *block, *[""] * (high - len(block) - above)]
        padded.append([line.ljust(wide) for line in lines])
    return [(" " * gap).join(parts).rstrip() for parts in zip(*padded, strict=True)]


def cropped(cells: Sequence[Sequence[str]], box: Box, rows: int, columns: int) -> tuple[list[Sequence[str]], Box]:
    """The part of a matrix about a box that has so many rows and columns at most, and where the box is in it."""
    high, wide = min(rows, len(cells)), min(columns, len(cells[0]))
    top = max(0, min(box.top + box.height // 2 - high // 2, len(cells) - high))
    left = max(0, min(box.left + box.width // 2 - wide // 2, len(cells[0]) - wide))
    first, before = max(box.top - top, 0), max(box.left - left, 0)
    inside = Box(first, before, min(box.height, high - first), min(box.width, wide - before))
    return [row[left : left + wide] for row in cells[top : top + high]], inside


def flow(blocks: Sequence[Sequence[str]], width: int, gap: int = 3) -> list[str]:
    """Blocks of lines one after another, as words in a paragraph `width` wide: in bands, each centred on its height."""
    bands: list[list[Sequence[str]]] = [[]]
    used = 0
    for block in blocks:
        wide = max(map(len, block), default=0)
        if bands[-1] and used + gap + wide > width:
            bands.append([])
            used = 0
        used += wide + (gap if bands[-1] else 0)
        bands[-1].append(block)
    return [line for place, band in enumerate(bands) for line in ([""] * (place > 0) + beside(*band, gap=gap))]


def shades(
    values: Sequence[Sequence[float]] | NDArray[np.floating],
    width: int,
    low: float | None = None,
    high: float | None = None,
) -> list[str]:
    """A large matrix in shades, blank for `low` (the least) and full for `high` (the greatest), in its proportions.

    values: H×W. A character is twice as high as wide: a cell takes two, or where that is wider than `width` or higher than
    `HIGHEST`, a character is the mean of a block twice as high as wide.
    """
    import numpy as np

    matrix = np.asarray(values, dtype=float)
    whole = 2 * matrix.shape[1] <= width and len(matrix) <= HIGHEST
    twice = 2 if whole else 1
    across = 1 if whole else max(-(-matrix.shape[1] // width), -(-len(matrix) // (2 * HIGHEST)))
    means = _means(matrix, 1 if whole else 2 * across, across)
    low, high = (float(matrix.min()) if low is None else low), (float(matrix.max()) if high is None else high)
    part = (means - low) / (high - low or 1.0)
    places = np.clip(part * len(SHADES), 0, len(SHADES) - 1).astype(int)
    return ["".join(SHADES[place] * twice for place in row).rstrip() for row in places]


def _means(matrix: NDArray[np.floating], down: int, across: int) -> NDArray[np.floating]:
    """The means of blocks of `down` rows and `across` columns; those at the far end may be smaller."""
    import numpy as np

    rows, columns = np.arange(0, matrix.shape[0], down), np.arange(0, matrix.shape[1], across)
    sums = np.add.reduceat(np.add.reduceat(matrix, rows, axis=0), columns, axis=1)
    heights, widths = (np.diff(each, append=size) for each, size in zip((rows, columns), matrix.shape, strict=True))
    means: NDArray[np.floating] = sums / np.outer(heights, widths)
    return means
