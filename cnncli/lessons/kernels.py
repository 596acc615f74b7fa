"""Kernels with names, as image processing uses them: R. Gonzalez, R. Woods, "Digital image processing", chapters 3 and 10.

The pairs answer to what grows from left to right (`-x`, or no ending) and from top to bottom (`-y`). They are
cross-correlated: nothing is turned around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Matrix = tuple[tuple[float, ...], ...]


class Kernel(NamedTuple):
    """A matrix and what it does."""

    matrix: Matrix
    about: str


def _outer(down: Sequence[float], right: Sequence[float], divisor: float = 1) -> Matrix:
    return tuple(tuple(a * b / divisor for b in right) for a in down)


def _gradient(name: str, smooth: Sequence[float]) -> dict[str, Kernel]:
    """The difference along one axis, smoothed along the other."""
    step = (-1.0, 0.0, 1.0)
    across = Kernel(
        _outer(smooth, step), "answers to edges that stand upright: positive from dark to bright, left to right"
    )
    down = Kernel(_outer(step, smooth), "answers to edges that lie flat: positive from dark to bright, top to bottom")
    return {name: across, f"{name}-x": across, f"{name}-y": down}


KERNELS = {
    "identity": Kernel(((0, 0, 0), (0, 1, 0), (0, 0, 0)), "leaves every pixel as it is"),
    "box": Kernel(_outer((1, 1, 1), (1, 1, 1), 9), "blurs: the mean of 3×3 pixels"),
    "gaussian": Kernel(
        _outer((1, 2, 1), (1, 2, 1), 16), "blurs: a weighted mean of 3×3 pixels, the near ones count more"
    ),
    "gaussian5": Kernel(
        _outer((1, 4, 6, 4, 1), (1, 4, 6, 4, 1), 256),
        "blurs more: a weighted mean of 5×5 pixels, the near ones count more",
    ),
    "sharpen": Kernel(
        ((0, -1, 0), (-1, 5, -1), (0, -1, 0)), "sharpens: each pixel, and how it differs from its neighbours"
    ),
    **_gradient("sobel", (1, 2, 1)),
    **_gradient("prewitt", (1, 1, 1)),
    **_gradient("scharr", (3, 10, 3)),
    "laplacian": Kernel(
        ((0, 1, 0), (1, -4, 1), (0, 1, 0)), "answers to edges of every direction: the second derivative"
    ),
    "emboss": Kernel(((-2, -1, 0), (-1, 1, 1), (0, 1, 2)), "lights the image from one corner, as a relief"),
}
