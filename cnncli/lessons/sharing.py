"""One kernel for all places: it finds a pattern where that stands, at a fraction of a dense layer's cost. Free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cnncli.arithmetic.formula import Formula
from cnncli.errors import RequestError
from cnncli.layers import Call, Shape, dims
from cnncli.layers.conv import Conv2d
from cnncli.layers.factory import single_layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATTERN = "01110 10001 10101 10001 01110"  # a ring with a point in it
SIZE = (12, 16)  # of the example, rows and columns
PLACE = (1, 2)  # of the pattern's corner in it
SHIFT = (4, 6)


Rectangle = tuple[int, int, int, int]
"""Its first row and column, its height and width."""


class Found(NamedTuple):
    """Where one kernel answers most.

    image: H×W · response: H'×W', the sums of products of every window · place: of the largest, the window's first row and column ·
    others: how many windows answer as much
    """

    image: NDArray[np.float64]
    response: NDArray[np.float64]
    place: tuple[int, int]
    others: int

    @property
    def highest(self) -> float:
        """The largest answer."""
        return float(self.response[self.place])


class Moved(NamedTuple):
    """A pattern and where its kernel finds it before and after it is moved.

    kernel: h×w, the pattern without its mean, so that evenly bright places answer with 0 · shift: rows down and columns right ·
    before, after: what it finds
    """

    kernel: NDArray[np.float64]
    shift: tuple[int, int]
    before: Found
    after: Found

    @property
    def follows(self) -> bool:
        """Whether the largest answer moved as the pattern did."""
        return self.moved == self.shift

    @property
    def moved(self) -> tuple[int, int]:
        """How far it did move."""
        (y, x), (down, right) = self.before.place, self.after.place
        return down - y, right - x


class Cost(NamedTuple):
    """What a layer learns, and what a fully connected layer between the same sizes would."""

    layer: Conv2d
    call: Call
    shared: Formula
    dense: Formula

    @property
    def times(self) -> int:
        """How many times as much the fully connected one learns, rounded down."""
        return self.dense.value // self.shared.value


def example() -> tuple[NDArray[np.float64], Rectangle]:
    """A dark image with the pattern in it, and the pattern's box: top, left, height, width."""
    import numpy as np

    pattern = np.array([[float(sign) for sign in row] for row in PATTERN.split()])
    image = np.zeros(SIZE)
    height, width = pattern.shape
    image[PLACE[0] : PLACE[0] + height, PLACE[1] : PLACE[1] + width] = pattern
    return image, (*PLACE, height, width)


def striking(image: NDArray[np.float64], shift: tuple[int, int]) -> Rectangle:
    """The square of the image with the most contrast (deviation), of those that `shift` leaves in it.

    A third of the image's shorter side, 12 pixels at most. Raises `RequestError` where none stays in it.
    """
    import numpy as np

    side = max(2, min(12, min(image.shape) // 3))
    spread = np.lib.stride_tricks.sliding_window_view(image, (side, side)).std(axis=(2, 3))
    for axis, by in enumerate(shift):
        places = np.arange(spread.shape[axis])
        out = (places + by < 0) | (places + by > image.shape[axis] - side)
        spread[(out, slice(None)) if axis == 0 else (slice(None), out)] = -1
    if not spread.max() >= 0:
        raise RequestError(
            f"--shift {shift[0]},{shift[1]} moves everything out of the {dims(image.shape)} image; take less"
        )
    top, left = divmod(int(spread.argmax()), spread.shape[1])
    return top, left, side, side


def moved(image: NDArray[np.float64], box: Rectangle, shift: tuple[int, int]) -> Moved:
    """What the kernel that is the part of the image in `box` (top, left, height, width) finds, before and after the shift.

    What comes in at the edges is a copy of them. Raises `RequestError` where the box is not in the image before and after.
    """
    top, left, height, width = box
    _check(image.shape, box, shift)
    kernel = image[top : top + height, left : left + width]
    if not kernel.std() > 0:
        raise RequestError(f"--pattern {','.join(map(str, box))} is evenly bright; take a part with something in it")
    centred = kernel - kernel.mean()
    return Moved(centred, shift, _found(image, centred), _found(shifted(image, shift), centred))


def shifted(image: NDArray[np.float64], shift: tuple[int, int]) -> NDArray[np.float64]:
    """The image moved down and to the right; what comes in repeats its edge."""
    import numpy as np

    rows, columns = (np.clip(np.arange(size) - by, 0, size - 1) for size, by in zip(image.shape, shift, strict=True))
    found: NDArray[np.float64] = image[np.ix_(rows, columns)]
    return found


def _found(image: NDArray[np.float64], kernel: NDArray[np.float64]) -> Found:
    """Every window's answer by `corr2d`'s arithmetic, divided by what the pattern itself answers: 1 is a perfect match in size."""
    import numpy as np

    from cnncli.lessons.correlation import correlation

    response = correlation(image[None], kernel, {}).y[0] / (kernel**2).sum()
    highest = response.max()
    row, column = np.unravel_index(response.argmax(), response.shape)
    return Found(image, response, (int(row), int(column)), int(np.isclose(response, highest).sum()) - 1)


def _check(sizes: Shape, box: Rectangle, shift: tuple[int, int]) -> None:
    top, left, height, width = box
    if min(top, left) < 0 or min(height, width) < 1:
        raise RequestError(
            f"--pattern {top},{left},{height},{width} is no rectangle; write y,x,h,w from row and column 0 on"
        )
    if top + height > sizes[0] or left + width > sizes[1]:
        raise RequestError(f"--pattern {top},{left},{height},{width} reaches beyond the {sizes[0]}×{sizes[1]} image")
    for start, length, size, by, name in (
        (top, height, sizes[0], shift[0], "rows"),
        (left, width, sizes[1], shift[1], "columns"),
    ):
        if not 0 <= start + by <= size - length:
            raise RequestError(
                f"--shift moves the pattern out of the image; take {-start} to {size - length - start} {name}"
            )


def cost(cin: int, cout: int, kernel: Shape, input: Shape) -> Cost:
    """A convolution that keeps the size, and its dense twin. input: H×W. Raises `RequestError`, `ShapeError`."""
    layer, call = single_layer(
        Conv2d, {"in_channels": cin, "out_channels": cout, "kernel_size": kernel, "padding": "same"}, (cin, *input)
    )
    assert isinstance(layer, Conv2d)  # noqa: S101  (that kind was asked for)
    found = {each.of: each for each in layer.formulas(call)}
    if "dense twin" not in found:
        raise RequestError("a kernel that reads the whole map at its only place is a fully connected layer already")
    return Cost(layer, call, found["parameters"], found["dense twin"])
