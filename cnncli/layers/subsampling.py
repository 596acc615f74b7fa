"""The subsampling of LeNet-5 (LeCun et al., 1998, section II.B): pooling with two learned numbers for each map."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.arithmetic.windows import Window
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Tensor, agree, at_least, per_axis, ranked, spec
from cnncli.layers._windows import fitting, size_formulas, window_sentence, window_words


@spec
class TrainableSubsampling(Layer):
    """The sum of each window times the map's coefficient plus its bias: C×H×W → C×H'×W'. The activation is its own layer.

    It costs no MACs: the sum is pooling and the coefficient a scale, as in a normalisation.
    """

    kind = "subsampling"
    home = OWN
    axes = 2

    in_channels: int | None = None
    kernel_size: int | Shape = 2
    stride: int | Shape | None = None

    def __post_init__(self) -> None:
        """Write one value an axis; the stride is the kernel unless given."""
        if self.stride is None:
            object.__setattr__(self, "stride", self.kernel_size)
        for name in ("kernel_size", "stride"):
            object.__setattr__(self, name, per_axis(getattr(self, name), 2, name, 1))
        at_least(1, in_channels=self.in_channels)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis."""
        kernel, stride = self.kernel_size, self.stride
        return tuple(map(Window, per_axis(kernel, 2, "kernel_size", 1), per_axis(stride or kernel, 2, "stride", 1)))

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `in_channels` read from the input, C×H×W."""
        channels = ranked(inputs, 3, "TrainableSubsampling").shape[0]
        if self.in_channels == channels:
            return self
        return self.with_arguments(in_channels=agree("in_channels", self.in_channels, channels))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C×…, each axis by `Window.count`."""
        channels, *sizes = inputs[0].shape
        fitting(tuple(sizes), self.windows)
        return (inputs[0].like((channels, *map(Window.count, self.windows, sizes))),)

    @property
    def weights(self) -> dict[str, Shape]:
        """A coefficient and a bias for each map."""
        return {"weight": (self.in_channels or 0,), "bias": (self.in_channels or 0,)}

    def connections(self, call: Call) -> int:
        """(window + 1) × output units."""
        return call.y.numel * (prod(window.kernel for window in self.windows) + 1)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each axis through its window."""
        return fields[0].through(self.windows, call.y.shape[1:])

    def kept(self, call: Call) -> Saved:
        """The input, of which backward reads the size alone, and the sums, for the coefficients' gradient."""
        return Saved(inputs=(0,) if any(call.grads) else (), per_example=0 if call.frozen else call.y.nbytes)

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size, parameters and connections."""
        put = {"C": self.in_channels or 0}
        parameters = formula("parameters", "2·C", self.params, put, "a coefficient and a bias for each map")
        if not call.inputs:
            return (parameters,)
        k_h, k_w = (window.kernel for window in self.windows)
        put |= {"o_h": call.y.shape[1], "o_w": call.y.shape[2], "k_h": k_h, "k_w": k_w}
        connections = formula("connections", "C·o_h·o_w · (k_h·k_w + 1)", self.connections(call), put)
        return (*size_formulas(call, self.windows), parameters, connections)

    @property
    def brief(self) -> str:
        """`subsampling 2×2/2`."""
        kernel, strides = (tuple(window[at] for window in self.windows) for at in (0, 1))
        return f"{self.kind} {window_words(kernel, strides, 0, self.windows)}"

    @property
    def sentence(self) -> str:
        """`subsampling, kernel 2×2, stride 2, padding 0`."""
        kernel, strides = (tuple(window[at] for window in self.windows) for at in (0, 1))
        return f"{self.kind}, {window_sentence(kernel, strides, 0, self.windows)}"


KINDS = {spec.kind: spec for spec in (TrainableSubsampling,)}
