"""Frames laid out for a terminal: never wider, never higher, the window always in sight."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnncli.render.frames import Frame, Grid, frame_lines, frozen, screenful
from cnncli.render.grids import Box


def frame(side: int, top: int, left: int) -> Frame:
    """A window of 3×3 on a square matrix, whose first element is marked."""
    cells = [["12"] * side for _ in range(side)]
    cells[top][left] = "77"
    return Frame("a title " * 9, (Grid(frozen(cells), Box(top, left, 3, 3)), "*", Grid((("1",),))), ("1·2 + " * 30,))


@given(st.integers(3, 40), st.integers(40, 100), st.data())
def test_a_frame_is_no_wider_than_its_terminal(side: int, width: int, data: st.DataObject) -> None:
    """What is too wide or too high is cut to the part about the window, and how much of it that is stands below."""
    places = st.integers(0, side - 3)
    found = frame(side, data.draw(places), data.draw(places))
    lines = frame_lines(found, width)
    assert max(map(len, lines)) <= width
    assert any("│ 77   12   12 │" in line for line in lines)
    assert any(f"of {side}×{side})" in line for line in lines) == (side > 16 or side * 5 + 1 > width)


def test_a_low_terminal_sees_the_arithmetic() -> None:
    """Rows of the matrices are left out for it, as far as the window goes."""
    lines = screenful(frame(14, 5, 5), 80, 20)
    assert len(lines) <= 20
    assert any("│ 77" in line for line in lines)
    assert "1·2 +" in lines[-1]
    for height in (1, 2, 4, 8, 12):
        lines = screenful(frame(14, 5, 5), 80, height)
        assert len(lines) == height
        assert any("1·2 +" in line for line in lines)
    assert screenful(frame(4, 0, 0), 80, 99) == frame_lines(frame(4, 0, 0), 80)
