"""Pooling: one number for each window, on each channel alone; nothing to learn."""

from __future__ import annotations

from functools import cached_property
from math import prod
from operator import gt
from typing import ClassVar

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.arithmetic.windows import Window
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Saved, Shape, Tensor, dims, ranked, spec
from cnncli.layers._windows import Sliding, along, in_padding, size_formulas, too_small, window_sentence, window_words

NOTHING_TO_LEARN = Formula("parameters", "0", "0", 0, "a pool has nothing to learn")


@spec
class _Pool(Sliding):
    """What max and average pooling share. Shapes: C×…n → C×…o; ceil_mode rounds up as PyTorch does."""

    word: ClassVar[str]

    kernel_size: int | Shape
    stride: int | Shape | None = None
    padding: int | Shape = 0
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        """Write one value an axis everywhere, and refuse what torch refuses."""
        if self.stride is None:  # torch: the stride is the kernel unless given
            object.__setattr__(self, "stride", self.kernel_size)
        for name, least in self._least().items():
            object.__setattr__(self, name, self._per_axis(name, least))
        for window in self.windows:
            if 2 * window.before > window.kernel:
                raise RequestError(f"padding {window.before} is more than half of the kernel {window.kernel}; pad less")

    def _least(self) -> dict[str, int]:
        return {"kernel_size": 1, "stride": 1, "padding": 0}

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis."""
        values = zip(self.kernel, self.strides, self._per_axis("padding", 0), self._dilation(), strict=True)
        return tuple(Window(k, s, p, p, d) for k, s, p, d in values)

    def _dilation(self) -> Shape:
        return (1,) * self.axes

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C×…, each axis by `Window.count` or, in ceil mode, `Window.count_ceil`."""
        x = ranked(inputs, self.axes + 1, self.torch_name)
        sizes = x.shape[1:]
        counts = tuple(map(Window.count_ceil if self.ceil_mode else Window.count, self.windows, sizes))
        if min(counts) < 1:
            raise ShapeError(too_small(sizes, self.windows))
        return (x.like((x.shape[0], *counts)),)

    def connections(self, call: Call) -> int:
        """Window × output units; padding counts."""
        return call.y.numel * prod(self.kernel)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each axis through its window."""
        return fields[0].through(self.windows, call.y.shape[1:])

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size and connections; a pool has no parameters."""
        if not call.inputs:
            return (NOTHING_TO_LEARN,)
        o, k = along("o", self.axes), along("k", self.axes)
        put = dict(zip((*o, *k), (*call.y.shape[1:], *self.kernel), strict=True)) | {"C": call.y.shape[0]}
        symbols = f"{'·'.join(('C', *o))} · {'·'.join(k)}"
        note = in_padding(call, self.windows, call.y.shape[0])
        connections = formula("connections", symbols, self.connections(call), put, note)
        return (*self._size_formulas(call), NOTHING_TO_LEARN, connections)

    def _size_formulas(self, call: Call) -> tuple[Formula, ...]:
        """The output's size; where rounding matters, whose rule it is."""
        axes = list(zip(self.windows, call.x.shape[1:], strict=True))
        rounded = [(window.count(size), window.count_ceil(size)) for window, size in axes]
        found = size_formulas(call, self.windows, ceil=self.ceil_mode)
        if all(down == up for down, up in rounded):
            return found
        up = "as here" if self.ceil_mode else f"which gives {dims(tuple(up for _, up in rounded))}"
        last = found[-1]
        rule = f"\"convolutions round down, pooling rounds up\" is Caffe's rule; PyTorch's pools round up with ceil_mode only, {up}"
        return (*found[:-1], last._replace(note="; ".join(note for note in (last.note, rule) if note)))

    @property
    def brief(self) -> str:
        """`max 3×3/2`."""
        words = f"{self.word} {window_words(self.kernel, self.strides, 0, self.windows)}"
        return f"{words} ceil" if self.ceil_mode else words

    @property
    def sentence(self) -> str:
        """`max-pool, kernel 3×3, stride 2, padding 0`."""
        words = f"{self.kind}, {window_sentence(self.kernel, self.strides, 0, self.windows)}"
        return f"{words}, rounding up" if self.ceil_mode else words


@spec
class _MaxPool(_Pool):
    """The largest element of each window; padding never wins."""

    word = "max"

    dilation: int | Shape = 1

    def _least(self) -> dict[str, int]:
        return super()._least() | {"dilation": 1}

    def _dilation(self) -> Shape:
        return self._per_axis("dilation", 1)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As of any pool; a dilated window must not step over the whole input (torch gives −∞ and then corrupts memory)."""
        found = super().outputs(inputs)
        for window, size, count in zip(self.windows, inputs[0].shape[1:], found[0].shape[1:], strict=True):
            if window.dilation > 1 and window.before and window.blind(size, count):
                raise ShapeError(
                    f"a window of {window.kernel} taps {window.dilation} apart reads nothing but padding",
                    fix="pad less",
                )
        return found

    def kept(self, call: Call) -> Saved:
        """The input, and where each maximum was found (int64)."""
        return Saved(inputs=(0,), per_example=8 * call.y.numel)


@spec
class AvgPool1d(_Pool):
    """The mean of each window, C×L → C×L'; zeros of the padding count unless `count_include_pad` is off."""

    kind = "avg-pool1d"
    word = "avg"
    axes = 1

    count_include_pad: bool = True

    def kept(self, call: Call) -> Saved:  # noqa: ARG002
        """The input, of which backward reads the size alone."""
        return Saved(inputs=(0,))


@spec
class AvgPool2d(AvgPool1d):
    """The mean of each window, or its sum over `divisor_override`: C×H×W → C×H'×W'."""

    kind = "avg-pool"
    axes = 2

    divisor_override: int | None = None

    def __post_init__(self) -> None:
        """Refuse to divide by zero."""
        super().__post_init__()
        if self.divisor_override == 0:
            raise RequestError("divisor_override 0 would divide by zero; leave it out to take the mean")


class AvgPool3d(AvgPool2d):
    """Average pooling over three axes: C×D×H×W → C×D'×H'×W'."""

    kind = "avg-pool3d"
    axes = 3

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As of any pool; torch wants the kernel to fit without padding here."""
        found = super().outputs(inputs)
        sizes = inputs[0].shape[1:]
        if any(map(gt, self.kernel, sizes)):
            raise ShapeError(
                f"AvgPool3d's kernel {dims(self.kernel)} is larger than the {dims(sizes)} input without padding"
            )
        return found


class MaxPool1d(_MaxPool):
    """Max pooling along one axis: C×L → C×L'."""

    kind = "max-pool1d"
    axes = 1


class MaxPool2d(_MaxPool):
    """Max pooling over two axes: C×H×W → C×H'×W'."""

    kind = "max-pool"
    axes = 2


class MaxPool3d(_MaxPool):
    """Max pooling over three axes: C×D×H×W → C×D'×H'×W'."""

    kind = "max-pool3d"
    axes = 3


KINDS = {spec.kind: spec for spec in (MaxPool1d, MaxPool2d, MaxPool3d, AvgPool1d, AvgPool2d, AvgPool3d)}
