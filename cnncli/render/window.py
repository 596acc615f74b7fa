"""A small picture of a window on its padded input, in characters."""

from __future__ import annotations

from collections.abc import Sequence

from cnncli.arithmetic.windows import Window
from cnncli.layers import Shape

WIDE, HIGH = 24, 12  # elements drawn at most; a larger input is cut off at the far corner


def window_lines(windows: Sequence[Window], sizes: Shape) -> list[str]:
    """The near corner of the padded input with the first window and the next one to its right, and a legend.

    Empty for anything but two axes, and where the window is too large to be drawn.
    """
    if len(windows) != 2 or windows[0].extent > HIGH or windows[1].extent > WIDE:
        return []
    high = min(HIGH, windows[0].before + windows[0].extent + 2)
    rows, columns = (_axis(window, size, most) for window, size, most in zip(windows, sizes, (high, WIDE), strict=True))
    lines = [" ".join(_sign(row, column, windows, sizes) for column in columns) for row in rows]
    whole = [window.before + size + window.after for window, size in zip(windows, sizes, strict=True)]
    if len(columns) < whole[1]:
        lines = [f"{line} …" for line in lines]
    if len(rows) < whole[0]:
        lines.append("…")
    return [*lines, _legend(windows, sizes)]


def _axis(window: Window, size: int, most: int) -> range:
    return range(min(window.before + size + window.after, most))  # from the padded axis's near end


def _sign(row: int, column: int, windows: Sequence[Window], sizes: Shape) -> str:
    down, right = windows
    if _tap(down, row) and _tap(right, column):
        return "■"
    if right.count(sizes[1]) > 1 and _tap(down, row) and _tap(right, column - right.stride):
        return "□"
    inside = all(w.before <= at < w.before + n for w, n, at in zip(windows, sizes, (row, column), strict=True))
    return "·" if inside else "0"


def _tap(window: Window, at: int) -> bool:
    return 0 <= at < window.extent and at % window.dilation == 0


def _legend(windows: Sequence[Window], sizes: Shape) -> str:
    parts = ["■ the first window"]
    if windows[1].count(sizes[1]) > 1:
        parts.append(f"□ the next, {windows[1].stride} to the right")
    parts.append("· input")
    if any(window.before or window.after for window in windows):
        parts.append("0 padding")
    return "   ".join(parts)
