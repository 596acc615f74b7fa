"""Pooling: one number for each window, on each channel alone; nothing to learn."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from cnncli.errors import RequestError, ShapeError
from cnncli.field import Field
from cnncli.formula import Formula, formula
from cnncli.layers import Call, Layer, Saved, Shape, Tensor, per_axis, ranked
from cnncli.layers.conv import AXIS_NAMES, size_formulas, too_small, window_sentence, window_words, windowed
from cnncli.sizes import Window


@dataclass(frozen=True, kw_only=True)
class _Pool(Layer):
    """What max and average pooling share. Shapes: C×…n → C×…o; ceil_mode rounds up as PyTorch does."""

    axes: ClassVar[int]
    word: ClassVar[str]

    kernel_size: int | Shape
    stride: int | Shape | None = None
    padding: int | Shape = 0
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        """Write one value an axis everywhere, and refuse what torch refuses."""
        for name, least in self._least().items():
            value = getattr(self, name)
            value = self.kernel_size if value is None else value  # torch: the stride is the kernel unless given
            object.__setattr__(self, name, per_axis(value, self.axes, name, least))
        for window in self.windows:
            if 2 * window.before > window.kernel:
                raise RequestError(f"padding {window.before} is more than half of the kernel {window.kernel}; pad less")

    def _least(self) -> dict[str, int]:
        return {"kernel_size": 1, "stride": 1, "padding": 0}

    @property
    def kernel(self) -> Shape:
        """The window's size on each axis."""
        return per_axis(self.kernel_size, self.axes, "kernel_size", 1)

    @property
    def strides(self) -> Shape:
        """The stride on each axis."""
        return per_axis(self.kernel_size if self.stride is None else self.stride, self.axes, "stride", 1)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis."""
        padding = per_axis(self.padding, self.axes, "padding", 0)
        return tuple(Window(k, s, p, p) for k, s, p in zip(self.kernel, self.strides, padding, strict=True))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C×…, each axis by `Window.count` or, in ceil mode, `Window.count_ceil`."""
        x = ranked(inputs, self.axes + 1, self.torch_name)
        sizes = x.shape[1:]
        windows = self.windows
        counts = tuple(
            window.count_ceil(size) if self.ceil_mode else window.count(size)
            for window, size in zip(windows, sizes, strict=True)
        )
        if min(sizes) < 1 or min(counts) < 1:
            raise ShapeError(too_small(sizes, windows))
        return (x.like((x.shape[0], *counts)),)

    def connections(self, call: Call) -> int:
        """Window × output units; padding counts."""
        return call.y.numel * prod(self.kernel)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each axis through its window."""
        return windowed(fields[0], self.windows, call.y.shape[1:])

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size and connections; a pool has no parameters."""
        none = Formula("parameters", "0", "0", 0, "a pool has nothing to learn")
        if not call.inputs:
            return (none,)
        kernels = ("k",) if self.axes == 1 else tuple(f"k_{axis[0]}" for axis in AXIS_NAMES[self.axes])
        counts = tuple(name.replace("k", "o") for name in kernels)
        put = dict(zip((*kernels, *counts), (*self.kernel, *call.y.shape[1:]), strict=True)) | {"C": call.y.shape[0]}
        symbols = "·".join(("C", *counts)) + " · " + "·".join(kernels)
        connections = formula("connections", symbols, self.connections(call), put)
        return (*size_formulas(call, self.windows, ceil=self.ceil_mode), none, connections)

    @property
    def brief(self) -> str:
        """`max 3×3/2`; the stride is left out where it is the kernel's size on 1×1 alone."""
        return f"{self.word} {window_words(self.kernel, self.strides, 0, self.windows)}" + (
            " ceil" if self.ceil_mode else ""
        )

    @property
    def sentence(self) -> str:
        """`max-pool, kernel 3×3, stride 2, padding 0`."""
        return f"{self.kind}, {window_sentence(self.kernel, self.strides, 0, self.windows)}" + (
            ", rounding up" if self.ceil_mode else ""
        )


@dataclass(frozen=True, kw_only=True)
class _MaxPool(_Pool):
    """The largest element of each window; padding never wins."""

    word = "max"

    dilation: int | Shape = 1

    def _least(self) -> dict[str, int]:
        return super()._least() | {"dilation": 1}

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis, dilated."""
        dilation = per_axis(self.dilation, self.axes, "dilation", 1)
        return tuple(window._replace(dilation=d) for window, d in zip(super().windows, dilation, strict=True))

    def saved(self, call: Call) -> Saved:
        """The input, and where each maximum was found (int64)."""
        return Saved(inputs=(0,), per_example=8 * call.y.numel)


@dataclass(frozen=True, kw_only=True)
class _AvgPool(_Pool):
    """The mean of each window; zeros of the padding count unless `count_include_pad` is off."""

    word = "avg"

    count_include_pad: bool = True

    def saved(self, call: Call) -> Saved:  # noqa: ARG002
        """The input, of which backward reads the size alone."""
        return Saved(inputs=(0,))


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


class AvgPool1d(_AvgPool):
    """Average pooling along one axis: C×L → C×L'."""

    kind = "avg-pool1d"
    axes = 1


class AvgPool2d(_AvgPool):
    """Average pooling over two axes: C×H×W → C×H'×W'."""

    kind = "avg-pool"
    axes = 2


class AvgPool3d(_AvgPool):
    """Average pooling over three axes: C×D×H×W → C×D'×H'×W'."""

    kind = "avg-pool3d"
    axes = 3


KINDS = {spec.kind: spec for spec in (MaxPool1d, MaxPool2d, MaxPool3d, AvgPool1d, AvgPool2d, AvgPool3d)}
