"""What convolutions and transposed convolutions share: channels, groups, the kernel, and the formulas of its parameters."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.windows import Window
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Pairs, Shape, Tensor, agree, at_least, per_axis, ranked, spec
from cnncli.layers._windows import Sliding, along, window_sentence, window_words


@spec
class Convolution(Sliding):
    """A kernel of learned weights that slides along `axes` axes: C_in×…n → C_out×…o."""

    in_channels: int | None = None
    out_channels: int
    kernel_size: int | Shape
    stride: int | Shape = 1
    padding: int | Shape | Pairs | str = 0
    dilation: int | Shape = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        """Write one value an axis everywhere, and refuse what torch refuses."""
        for name in ("kernel_size", "stride", "dilation"):
            object.__setattr__(self, name, per_axis(getattr(self, name), self.axes, name, 1))
        self._check_padding()
        at_least(1, in_channels=self.in_channels, out_channels=self.out_channels, groups=self.groups)
        for name in ("in_channels", "out_channels"):
            if (getattr(self, name) or 0) % self.groups:
                raise RequestError(f"{name} {getattr(self, name)} does not divide into {self.groups} groups")

    def _check_padding(self) -> None:
        object.__setattr__(self, "padding", self._per_axis("padding", 0))

    @cached_property
    def _kernels(self) -> tuple[Window, ...]:
        """Kernel, stride, padding in numbers and dilation on each axis."""
        values = zip(self.kernel, self.strides, self._sides(), self._per_axis("dilation", 1), strict=True)
        return tuple(Window(k, s, before, after, d) for k, s, (before, after), d in values)

    def _sides(self) -> Pairs:
        return tuple((p, p) for p in self._per_axis("padding", 0))

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `in_channels` read from the input, C_in×…"""
        channels = ranked(inputs, self.axes + 1, self.torch_name).shape[0]
        if self.in_channels == channels:
            return self
        if channels % self.groups:
            raise ShapeError(f"the input's {channels} channels do not divide into {self.groups} groups")
        return self.with_arguments(in_channels=agree("in_channels", self.in_channels, channels))

    @property
    def fan_in(self) -> int:
        """Weights for each output channel: C_in/g·k_h·k_w; what one output unit of a convolution reads."""
        return (self.in_channels or 0) // self.groups * prod(self.kernel)

    @property
    def params(self) -> int:
        """(fan-in + 1 with a bias) × output channels; the elements of `weights`."""
        return (self.fan_in + self.bias) * self.out_channels

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size, parameters, MACs and connections; without an input the parameters alone."""
        fan_in, numbers = self._fan_in_symbols()
        symbols = f"({fan_in} + 1)·C_out" if self.bias else f"{fan_in}·C_out"
        parameters = formula("parameters", symbols, self.params, numbers)
        if not call.inputs:
            return (parameters,)
        return (*self._size_formulas(call), parameters, *self._cost_formulas(call))

    def _size_formulas(self, call: Call) -> tuple[Formula, ...]:
        raise NotImplementedError

    def _cost_formulas(self, call: Call) -> tuple[Formula, ...]:
        raise NotImplementedError

    def _fan_in_symbols(self) -> tuple[str, dict[str, int]]:
        names = along("k", self.axes)
        channels = "C_in" if self.groups == 1 else "C_in/g"
        numbers = {"C_in": self.in_channels or 0, "C_out": self.out_channels, "g": self.groups}
        return "·".join((channels, *names)), numbers | dict(zip(names, self.kernel, strict=True))

    @property
    def brief(self) -> str:
        """`11×11/4 p1`: kernel, stride, padding, dilation and groups where they are not the usual."""
        return window_words(self.kernel, self.strides, self.padding, self._kernels) + (
            f" g{self.groups}" if self.groups > 1 else ""
        )

    @property
    def sentence(self) -> str:
        """`conv 6 → 16, kernel 5×5, stride 1, padding 0`."""
        channels = f"{self.kind} {self.in_channels or '?'} → {self.out_channels}"
        groups = f", groups {self.groups}" if self.groups > 1 else ""
        return f"{channels}, {window_sentence(self.kernel, self.strides, self.padding, self._kernels)}{groups}" + (
            "" if self.bias else ", no bias"
        )
