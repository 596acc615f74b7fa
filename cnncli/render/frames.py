"""A lesson step by step: frames that are computed first, and laid out for the terminal's width when they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import NamedTuple

from cnncli.render.grids import Box, cropped, flow, grid

SHORT = 2  # digits after the point in a frame's matrices; the arithmetic has more
TALLEST, LEAST = 16, 3  # rows of a matrix in a frame; what is farther from the window is cut off

Cells = tuple[tuple[str, ...], ...]


class Grid(NamedTuple):
    """A matrix as text, and the window on it."""

    cells: Cells
    box: Box | None = None


class Frame(NamedTuple):
    """title: where we are · blocks: matrices and the signs between them · lines: the arithmetic"""

    title: str
    blocks: tuple[Grid | str, ...]
    lines: tuple[str, ...]


def frozen(cells: Sequence[Sequence[str]]) -> Cells:
    """Cells that a frame may hold."""
    return tuple(map(tuple, cells))


def frame_lines(frame: Frame, width: int, rows: int = TALLEST) -> list[str]:
    """The frame as text, at most `width` wide where its window fits into that; rows: of a matrix at most."""
    return [line for part in _parts(frame, width, rows) for line in part]


def _parts(frame: Frame, width: int, rows: int) -> tuple[list[str], list[str], list[str]]:
    """The lines of title, matrices and arithmetic."""
    blocks = [[block] if isinstance(block, str) else _grid_lines(block, width, rows) for block in frame.blocks]
    arithmetic = [part for line in frame.lines for part in wrap(line, width, subsequent_indent="  ")]
    return [*wrap(frame.title, width), ""], [*flow(blocks, width), ""], arithmetic


def screenful(frame: Frame, width: int, height: int) -> list[str]:
    """The frame with as many rows of its matrices as leave room for the arithmetic in `height` lines."""
    for rows in range(TALLEST, LEAST, -1):
        lines = frame_lines(frame, width, rows)
        if len(lines) <= height:
            return lines
    # Of what does not fit even so, the arithmetic tells more than the last matrix.
    *above, arithmetic = _parts(frame, width, LEAST)
    room = max(0, height - len(arithmetic))
    return [*[line for part in above for line in part][:room], *arithmetic][:height]


def fits(block: Grid | str, width: int, rows: int = TALLEST) -> bool:
    """Whether nothing of it has to be cut off."""
    return isinstance(block, str) or (len(block.cells) <= rows and len(block.cells[0]) <= _columns(block, width))


def _columns(block: Grid, width: int) -> int:
    """Columns of the matrix that stand side by side in `width` characters."""
    widest = max(len(cell) for row in block.cells for cell in row)
    return max(1, (width - 1) // (widest + 3)) if block.box else max(1, (width + 2) // (widest + 2))


def _grid_lines(block: Grid, width: int, most: int) -> list[str]:
    if fits(block, width, most):
        return grid(block.cells, block.box)
    rows, columns = min(most, len(block.cells)), min(_columns(block, width), len(block.cells[0]))
    cells, box = cropped(block.cells, block.box or Box(0, 0, 1, 1), rows, columns)
    part = f"({rows}×{columns} of {len(block.cells)}×{len(block.cells[0])})"
    return [*grid(cells, box if block.box else None), part]
