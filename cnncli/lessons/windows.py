"""A window sliding over an array: the padded array, and what each tap of all windows reads, as strided views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING

from cnncli.arithmetic.windows import Window
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Shape, dims
from cnncli.lessons.images import MOST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEPS = 1000  # windows up to which one may walk; ten times as many elements of the input


def bounded(call: Call, windows: Sequence[Window]) -> None:
    """Raise `ShapeError` where the padded input, or the output, has more than `MOST` numbers."""
    sizes = zip(windows, call.x.shape[1:], strict=True)
    whole = call.x.shape[0] * prod(size + window.before + window.after for window, size in sizes)
    for what, numbers in (("the padded input", whole), ("the output", call.y.numel)):
        if numbers > MOST:
            raise ShapeError(
                f"{what} would have {numbers:,} numbers, more than {MOST:,}", fix="use a smaller input, pad less"
            )


def walkable(count: int, call: Call) -> None:
    """Raise `RequestError` where there are more windows, or a larger input, than one walks through step by step."""
    if count > STEPS or call.x.numel > STEPS * 10:
        raise RequestError(
            f"--step would walk {count:,} windows over a {dims(call.x.shape)} input; take a smaller one, as --size 8x8 of an image"
        )


def padded(x: NDArray[np.float64], windows: Sequence[Window], counts: Shape, value: float = 0.0) -> NDArray[np.float64]:
    """C×H×W with `value` around it: the padding, and after it as much as `counts` windows need (ceil mode passes the end)."""
    import numpy as np

    sides = [
        (w.before, max(w.after, (count - 1) * w.stride + w.extent - size - w.before))
        for w, size, count in zip(windows, x.shape[1:], counts, strict=True)
    ]
    return np.pad(x, ((0, 0), *sides), constant_values=value)


def views(
    array: NDArray[np.float64], windows: Sequence[Window], counts: Shape
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """For tap (i, j) of the window, row by row: i, j and what it reads in every window, a view C×H'×W' of the padded `array`."""
    down, right = windows
    for i in range(down.kernel):
        rows = _places(down, i, counts[0])
        for j in range(right.kernel):
            yield i, j, array[:, rows, _places(right, j, counts[1])]


def start(windows: Sequence[Window], row: int, column: int) -> tuple[int, int]:
    """The first row and column of the padded array that the window of an output element reads."""
    return row * windows[0].stride, column * windows[1].stride


def _places(window: Window, tap: int, count: int) -> slice:
    first = tap * window.dilation
    return slice(first, first + (count - 1) * window.stride + 1, window.stride)
