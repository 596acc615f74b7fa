"""Arrays as text and as pictures."""

from __future__ import annotations

from io import BytesIO
from itertools import product

import numpy as np
import pytest
from PIL import Image

from cnncli.render.grids import Box, beside, grid, grid_width, nested, number, shades, texts
from cnncli.render.panels import Panel, look_of, sheet


@pytest.mark.parametrize(
    ("value", "text"),
    [(19.0, "19"), (10 / 9, "1.1111"), (-0.0, "0"), (-0.5, "-0.5"), (0.00001, "1e-05"), (1e9, "1e+09"), (1234567.25, "1234567.25"),
     (0.99999, "1"), (1e100, "1e+100"), (-0.99996, "-1")],
)  # fmt: skip
def test_numbers_have_no_more_digits_than_needed(value: float, text: str) -> None:
    """Four after the point at most."""
    assert number(value) == text


def test_nested_reads_as_the_textbook() -> None:
    """Brackets and commas; whole numbers without a point."""
    assert nested([[19.0, 25.0], [37.0, 43.0]]) == "[[19, 25], [37, 43]]"


def test_a_grid_without_a_window() -> None:
    """Columns to the right, two blanks between."""
    assert grid(texts([[0, 10], [2, 3]])) == [" 0  10", " 2   3"]


def test_a_window_is_boxed() -> None:
    """A frame around its elements, the rest in the same columns."""
    assert grid(texts([[0, 1, 2], [3, 4, 5], [6, 7, 8]]), Box(1, 1, 2, 2)) == [
        "  0   1   2",
        "    ┌───────┐",
        "  3 │ 4   5 │",
        "  6 │ 7   8 │",
        "    └───────┘",
    ]


def test_all_boxes_give_one_layout() -> None:
    """Wherever the box is, a frame has as many lines, none wider than promised, and the numbers do not move sideways."""
    cells = texts(np.arange(20).reshape(4, 5).tolist())
    frames = [grid(cells, Box(top, left, 2, 3)) for top, left in product(range(3), range(3))]
    assert {len(frame) for frame in frames} == {6}
    assert max(len(line) for frame in frames for line in frame) == grid_width(cells, boxed=True)
    numbers = {tuple(line.translate({ord("│"): " "}).rstrip() for line in f if "─" not in line) for f in frames}
    assert len(numbers) == 1
    assert grid_width(cells) == max(map(len, grid(cells)))


def test_blocks_stand_beside_each_other() -> None:
    """The lower one in the middle."""
    assert beside(["a", "bb", "c"], ["x"], gap=1) == ["a", "bb x", "c"]


def test_shades_run_from_the_least_to_the_greatest() -> None:
    """Two characters a cell; means of blocks where the width does not suffice."""
    assert shades([[0, 1], [0.5, 0.25]], 80) == ["  ██", "▒▒░░"]
    assert shades(np.kron([[0, 1], [1, 0]], np.ones((8, 8))), 4) == ["  ██", "██"]
    assert shades([[3, 3]], 80) == [""]
    assert max(map(len, shades(np.eye(101), 60))) <= 60


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 2)),
        np.arange(9.0).reshape(3, 3) - 4,
        np.full((1, 1), 1e100),
        np.random.default_rng(0).random((3, 20, 30)),
    ],
    ids=lambda values: str(values.shape),
)
def test_a_sheet_is_a_picture(values: np.ndarray) -> None:
    """PNG, wider the more panels stand in a row; hostile titles and formulas are shown as they are."""
    look = "image" if values.ndim == 3 else look_of(values)
    panels = [Panel("$x_1 \x1b[31m", values, look, note="$", boxes=(Box(0, 0, 1, 1),))] * 4
    sizes = [Image.open(BytesIO(sheet(panels[:count], "a long title " * 20))).size for count in (1, 3, 4)]
    assert sizes[0][0] < sizes[1][0] == sizes[2][0]
    assert sizes[1][1] < sizes[2][1]
