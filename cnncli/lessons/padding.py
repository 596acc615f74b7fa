"""Padding and stride: how sizes change, and how often each pixel is read. Plain integers, free of numpy.

The choices and their names are those of V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
chapter 2: no padding (valid), half padding (same), full padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from cnncli.arithmetic.windows import Window, same
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Layer, Shape, Tensor, dims, make
from cnncli.layers.conv import Conv2d
from cnncli.layers.factory import smaller

MOST = 2048  # pixels a side, of the input, the kernel and the padding


@dataclass(frozen=True)
class Choice:
    """One way to pad, and what comes of it.

    name: as it is called · layer, call: the convolution of one channel · reads: along each axis, how many windows read each
    element; a pixel is read as often as the product says
    """

    name: str
    layer: Conv2d
    call: Call
    reads: tuple[tuple[int, ...], ...]

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis."""
        return self.layer.windows

    @property
    def output(self) -> Shape:
        """H'×W'."""
        return self.call.y.shape[1:]

    @property
    def counts(self) -> list[list[int]]:
        """How often each pixel is read, H×W."""
        down, right = self.reads
        return [[high * wide for wide in right] for high in down]

    @property
    def corner(self) -> int:
        """How often the first pixel is read."""
        return self.reads[0][0] * self.reads[1][0]

    @property
    def middle(self) -> int:
        """How often the pixel in the middle is read, or the one after it."""
        return prod(axis[len(axis) // 2] for axis in self.reads)

    @property
    def most(self) -> int:
        """How often the pixel is read that is read most."""
        return prod(map(max, self.reads))

    @property
    def unread(self) -> int:
        """Pixels that no window reads."""
        seen = prod(sum(read > 0 for read in axis) for axis in self.reads)
        return prod(map(len, self.reads)) - seen

    @property
    def in_padding(self) -> int:
        """Of what all windows read together, how much stands in the padding."""
        return prod(self.output) * prod(self.layer.kernel) - prod(map(sum, self.reads))


def choices(input: Shape, kernel: object, stride: object, dilation: object, pad: object) -> list[Choice]:
    """What was asked for, and beside it valid, same and full padding; each once, by its first name.

    input: H×W · the others as torch.nn.Conv2d takes them. One of the usual three that does not fit is left out. Raises
    `ShapeError` or `RequestError` where what was asked for does not work.
    """
    if len(input) != 2 or max(input) > MOST:
        raise RequestError(f"--input {dims(input)} is no height and width up to {MOST:,}; write it as in 5x5")
    asked = _choice("", input, kernel, stride, dilation, pad)
    down, right = asked.windows
    names = {
        "valid": (0, 0),
        "same": tuple(same(window.kernel, window.dilation) for window in (down, right)),
        "full": (down.extent - 1, right.extent - 1),
    }
    found = [asked]
    for name, padding in names.items():
        try:
            found.append(_choice(name, input, kernel, stride, dilation, padding))
        except ShapeError:
            continue
    return _once(found)


def _once(found: Sequence[Choice]) -> list[Choice]:
    """Those that read alike together, under the usual name if there is one; what was asked for first."""
    asked, *usual = found
    twin = next((each for each in usual if each.windows == asked.windows), None)
    return [twin or asked, *(each for each in usual if each is not twin)]


def _choice(name: str, input: Shape, kernel: object, stride: object, dilation: object, pad: object) -> Choice:  # noqa: PLR0913, PLR0917
    arguments = {"in_channels": 1, "out_channels": 1, "kernel_size": kernel, "stride": stride, "dilation": dilation}
    layer = make(Conv2d, {**arguments, "padding": pad, "bias": False})
    if not isinstance(layer, Conv2d):
        raise TypeError(layer)
    if any(max(window.kernel, window.before, window.after) > MOST for window in layer.windows):
        raise RequestError(f"--k and --pad go up to {MOST:,}; write smaller ones")
    inputs = (Tensor((1, *input)),)
    try:
        call = Call(inputs, layer.outputs(inputs))
    except ShapeError as error:
        raise ShapeError(error.reason, fix=error.fix or smaller(layer, input)) from error
    reads = tuple(tuple(axis_reads(*axis)) for axis in zip(layer.windows, input, call.y.shape[1:], strict=True))
    return Choice(name or _written(layer), layer, call, reads)


def _written(layer: Layer) -> str:
    """`padding 2`, `padding 1×2`."""
    return next(part for part in layer.sentence.split(", ") if part.startswith("padding"))


def axis_reads(window: Window, size: int, count: int) -> list[int]:
    """How many of `count` windows read each of `size` elements of an axis."""
    reads = [0] * size
    for tap in range(window.kernel):
        place = tap * window.dilation - window.before  # of the first window's tap
        first = place + max(0, -(place // window.stride)) * window.stride
        for at in range(first, min(size, place + count * window.stride), window.stride):
            reads[at] += 1
    return reads
