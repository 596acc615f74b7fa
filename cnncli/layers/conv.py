"""Convolutions: cross-correlation plus a bias, as torch.nn.Conv1d, Conv2d and Conv3d do it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar, Self

from cnncli.errors import RequestError, ShapeError
from cnncli.field import Field
from cnncli.formula import Formula, formula
from cnncli.layers import Call, Layer, Saved, Shape, Tensor, agree, dims, per_axis, ranked, times
from cnncli.sizes import Window, same

if TYPE_CHECKING:
    from collections.abc import Sequence

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True, kw_only=True)
class _Conv(Layer):
    """What convolutions over one, two and three axes share. Shapes: C_in×…n → C_out×…o, `sizes.Window.count` per axis."""

    axes: ClassVar[int]

    in_channels: int | None = None
    out_channels: int
    kernel_size: int | Shape
    stride: int | Shape = 1
    padding: int | Shape | str = 0
    dilation: int | Shape = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        """Write one value an axis everywhere, and refuse what torch refuses."""
        for name, least in (("kernel_size", 1), ("stride", 1), ("dilation", 1)):
            object.__setattr__(self, name, per_axis(getattr(self, name), self.axes, name, least))
        if isinstance(self.padding, str):
            self._check_named_padding(self.padding)
        else:
            object.__setattr__(self, "padding", per_axis(self.padding, self.axes, "padding", 0))
        self._check_channels()

    def _check_named_padding(self, padding: str) -> None:
        if padding not in {"same", "valid"}:
            raise RequestError(f"padding {padding!r} is not known; write a number, same or valid")
        if padding == "same" and set(self.strides) != {1}:
            raise RequestError(f"padding same needs stride 1, not {times(self.strides)}; write the padding as a number")

    def _check_channels(self) -> None:
        for name in ("in_channels", "out_channels"):
            channels = getattr(self, name)
            if channels is not None and channels < 1:
                raise RequestError(f"{name} {channels} is too small; the least is 1")
            if self.groups < 1 or (channels is not None and channels % self.groups):
                raise RequestError(f"{name} {channels} does not divide into {self.groups} groups")

    @property
    def kernel(self) -> Shape:
        """The kernel's size on each axis."""
        return per_axis(self.kernel_size, self.axes, "kernel_size", 1)

    @property
    def strides(self) -> Shape:
        """The stride on each axis."""
        return per_axis(self.stride, self.axes, "stride", 1)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis, its padding in numbers."""
        dilation = per_axis(self.dilation, self.axes, "dilation", 1)
        if self.padding == "same":
            sides: Sequence[tuple[int, int]] = [same(k, d) for k, d in zip(self.kernel, dilation, strict=True)]
        else:
            padding = 0 if isinstance(self.padding, str) else self.padding
            sides = [(p, p) for p in per_axis(padding, self.axes, "padding", 0)]
        return tuple(
            Window(k, s, before, after, d)
            for k, s, (before, after), d in zip(self.kernel, self.strides, sides, dilation, strict=True)
        )

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `in_channels` read from the input, C_in×…"""
        x = ranked(inputs, self.axes + 1, self.torch_name)
        if self.in_channels == x.shape[0]:
            return self
        if x.shape[0] % self.groups:
            raise ShapeError(f"the input's {x.shape[0]} channels do not divide into {self.groups} groups")
        return self.with_arguments(in_channels=agree("in_channels", self.in_channels, x.shape[0]))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C_out×…, each axis by `Window.count`."""
        sizes = inputs[0].shape[1:]
        windows = self.windows
        if not all(window.fits(size) for window, size in zip(windows, sizes, strict=True)):
            raise ShapeError(too_small(sizes, windows))
        counts = tuple(window.count(size) for window, size in zip(windows, sizes, strict=True))
        return (inputs[0].like((self.out_channels, *counts)),)

    @property
    def fan_in(self) -> int:
        """Inputs that one output unit reads: C_in/g·k_h·k_w."""
        return (self.in_channels or 0) // self.groups * prod(self.kernel)

    @property
    def weights(self) -> dict[str, Shape]:
        """The kernel, C_out×C_in/g×k…, and the bias."""
        kernel: dict[str, Shape] = {"weight": (self.out_channels, (self.in_channels or 0) // self.groups, *self.kernel)}
        return kernel | {"bias": (self.out_channels,)} if self.bias else kernel

    def macs(self, call: Call) -> int:
        """Output units × fan-in; the bias is no MAC."""
        return call.y.numel * self.fan_in

    def connections(self, call: Call) -> int:
        """Output units × (fan-in + 1 with a bias)."""
        return call.y.numel * (self.fan_in + self.bias)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each axis through its window."""
        return windowed(fields[0], self.windows, call.y.shape[1:])

    def saved(self, call: Call) -> Saved:  # noqa: ARG002
        """The input, for the weight's gradient."""
        return Saved(inputs=(0,))

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size, parameters, MACs and connections; without an input the parameters alone."""
        parameters = self._parameter_formula()
        if not call.inputs:
            return (parameters,)
        return (*size_formulas(call, self.windows), parameters, *self._cost_formulas(call))

    def _parameter_formula(self) -> Formula:
        fan_in, numbers = self._fan_in_symbols()
        symbols = f"({fan_in} + 1)·C_out" if self.bias else f"{fan_in}·C_out"
        return formula("parameters", symbols, self.params, numbers | {"C_out": self.out_channels})

    def _cost_formulas(self, call: Call) -> tuple[Formula, Formula]:
        fan_in, numbers = self._fan_in_symbols()
        names = ("o",) if self.axes == 1 else tuple(f"o_{axis[0]}" for axis in AXIS_NAMES[self.axes])
        units = "·".join(("C_out", *names))
        numbers |= {"C_out": self.out_channels} | dict(zip(names, call.y.shape[1:], strict=True))
        per_unit = f"({fan_in} + 1)" if self.bias else fan_in
        return (
            formula("MACs", f"{units} · {fan_in}", self.macs(call), numbers),
            formula("connections", f"{units} · {per_unit}", self.connections(call), numbers),
        )

    def _fan_in_symbols(self) -> tuple[str, dict[str, int]]:
        names = ("k",) if self.axes == 1 else tuple(f"k_{axis[0]}" for axis in AXIS_NAMES[self.axes])
        channels = "C_in" if self.groups == 1 else "C_in/g"
        numbers = {"C_in": self.in_channels or 0, "g": self.groups} | dict(zip(names, self.kernel, strict=True))
        return "·".join((channels, *names)), numbers

    @property
    def brief(self) -> str:
        """`11×11/4 p1`: kernel, stride, padding, dilation and groups where they are not the usual."""
        return window_words(self.kernel, self.strides, self.padding, self.windows) + (
            f" g{self.groups}" if self.groups > 1 else ""
        )

    @property
    def sentence(self) -> str:
        """`conv 6 → 16, kernel 5×5, stride 1, padding 0`."""
        channels = f"{self.kind} {self.in_channels or '?'} → {self.out_channels}"
        groups = f", groups {self.groups}" if self.groups > 1 else ""
        return f"{channels}, {window_sentence(self.kernel, self.strides, self.padding, self.windows)}{groups}" + (
            "" if self.bias else ", no bias"
        )


class Conv1d(_Conv):
    """Cross-correlation along one axis: C_in×L → C_out×L'."""

    kind = "conv1d"
    axes = 1


class Conv2d(_Conv):
    """Cross-correlation over two axes: C_in×H×W → C_out×H'×W'."""

    kind = "conv"
    axes = 2


class Conv3d(_Conv):
    """Cross-correlation over three axes: C_in×D×H×W → C_out×D'×H'×W'."""

    kind = "conv3d"
    axes = 3


def too_small(sizes: Shape, windows: Sequence[Window]) -> str:
    """Why a window does not fit: `a 2×2 input is smaller than the 3×3 window`."""
    padded = tuple(size + window.before + window.after for size, window in zip(sizes, windows, strict=True))
    extent = tuple(window.extent for window in windows)
    with_padding = "" if padded == sizes else f", {dims(padded)} with its padding,"
    return f"a {dims(sizes)} input{with_padding} is smaller than the {dims(extent)} window"


def windowed(field: Field, windows: Sequence[Window], counts: Shape) -> Field | None:
    """The field seen through one window an axis; None once the input's axes are lost."""
    if field.flat or len(field.axes) != len(windows):
        return None
    reaches = zip(field.axes, windows, counts, strict=True)
    return field._replace(axes=tuple(reach.through(window, count) for reach, window, count in reaches))


def size_formulas(call: Call, windows: Sequence[Window], *, ceil: bool = False) -> tuple[Formula, ...]:
    """The output size's formula: once where all axes agree, else one an axis."""
    axes = list(zip(call.x.shape[1:], windows, call.y.shape[1:], strict=True))
    if len(set(axes)) == 1:
        return (_size_formula("size", *axes[0], ceil=ceil),)
    names = AXIS_NAMES[len(axes)]
    return tuple(_size_formula(name, *axis, ceil=ceil) for name, axis in zip(names, axes, strict=True))


def _size_formula(of: str, size: int, window: Window, count: int, *, ceil: bool) -> Formula:
    left, right = "⌈⌉" if ceil else "⌊⌋"
    padding = "2·p" if window.before == window.after else "p₁ + p₂"
    extent = "k" if window.dilation == 1 else "d·(k − 1) − 1"
    symbols = f"{left}(n + {padding} − {extent})/s{right} + 1"
    note = ""
    if ceil and count <= (size + window.before + window.after - window.extent - 1) // window.stride + 1:
        symbols, note = f"{symbols} − 1", "the last window would start in the far padding"
    sides = {"p": window.before, "p₁": window.before, "p₂": window.after}
    put = {"n": size, "k": window.kernel, "s": window.stride, "d": window.dilation} | sides
    return formula(of, symbols, count, put, note)


def window_words(kernel: Shape, strides: Shape, padding: int | Shape | str, windows: Sequence[Window]) -> str:
    """A window in a table's row: `11×11/4 p1`, `3×3/2 p1 d2`, `3×3 same`."""
    stride = "" if set(strides) == {1} else f"/{times(strides)}"
    dilation = tuple(window.dilation for window in windows)
    words = [dims(kernel) + stride]
    if isinstance(padding, str):
        words += [padding] if padding == "same" else []
    elif any(window.before for window in windows):
        words.append(f"p{times(tuple(window.before for window in windows))}")
    if set(dilation) != {1}:
        words.append(f"d{times(dilation)}")
    return " ".join(words)


def window_sentence(kernel: Shape, strides: Shape, padding: int | Shape | str, windows: Sequence[Window]) -> str:
    """A window in a heading: `kernel 5×5, stride 1, padding 0`."""
    dilation = tuple(window.dilation for window in windows)
    sides = padding if isinstance(padding, str) else times(tuple(window.before for window in windows))
    dilated = "" if set(dilation) == {1} else f", dilation {times(dilation)}"
    return f"kernel {dims(kernel)}, stride {times(strides)}, padding {sides}{dilated}"


KINDS = {spec.kind: spec for spec in (Conv1d, Conv2d, Conv3d)}
