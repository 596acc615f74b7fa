"""A convolution whose output maps read only some of the input maps each, as C3 of LeNet-5 (LeCun et al., 1998, table I)."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.arithmetic.windows import Window
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Table, Tensor, agree, at_least, per_axis, ranked, spec
from cnncli.layers._windows import fitting, in_padding, size_formulas, window_sentence, window_words

C3 = "012,123,234,345,045,015,0123,1234,2345,0345,0145,0125,0134,1245,0235,012345"
"""LeNet-5's third layer: the S2 maps that each of its sixteen maps reads."""


@spec
class PartialConv2d(Layer):
    """Cross-correlation over two axes, C_in×H×W → maps×H'×W'; a map has weights for the input maps it reads and no others.

    table: for each output map the input maps it reads, from 0; or their digits, commas between maps: "012,123"
    """

    kind = "partial-conv"
    home = OWN
    axes = 2

    in_channels: int | None = None
    table: Table | str = C3
    kernel_size: int | Shape
    stride: int | Shape = 1
    padding: int | Shape = 0
    bias: bool = True

    def __post_init__(self) -> None:
        """Write one value an axis and the table as numbers; refuse a table that names no map, or one twice."""
        for name, least in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
            object.__setattr__(self, name, per_axis(getattr(self, name), 2, name, least))
        at_least(1, in_channels=self.in_channels)
        if isinstance(self.table, str):
            object.__setattr__(self, "table", _spelled(self.table))
        for row in self.maps:
            if not row or min(row) < 0 or len(set(row)) < len(row):
                raise RequestError(f"table row {row} does not name input maps from 0, each once")
        last = max(map(max, self.maps))
        if self.in_channels is not None and last >= self.in_channels:
            raise RequestError(
                f"table reads input map {last}; the last of {self.in_channels} is {self.in_channels - 1}"
            )

    @property
    def maps(self) -> Table:
        """For each output map the input maps it reads."""
        return _spelled(self.table) if isinstance(self.table, str) else self.table

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis."""
        kernel, stride, padding = (per_axis(value, 2, "", 0) for value in (self.kernel_size, self.stride, self.padding))
        return tuple(Window(k, s, p, p) for k, s, p in zip(kernel, stride, padding, strict=True))

    @property
    def kernel(self) -> Shape:
        """The kernel's size on each axis."""
        return tuple(window.kernel for window in self.windows)

    @property
    def pairs(self) -> int:
        """Kernels: pairs of an output map and an input map it reads."""
        return sum(map(len, self.maps))

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `in_channels` read from the input, C_in×H×W."""
        channels = ranked(inputs, 3, "PartialConv2d").shape[0]
        last = max(map(max, self.maps))
        if last >= channels:
            raise ShapeError(
                f"the table reads input map {last}, the input has {channels} maps", fix=f"give it {last + 1} or more"
            )
        if self.in_channels == channels:
            return self
        return self.with_arguments(in_channels=agree("in_channels", self.in_channels, channels))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Maps×…, each axis by `Window.count`."""
        sizes = inputs[0].shape[1:]
        fitting(sizes, self.windows)
        return (inputs[0].like((len(self.maps), *map(Window.count, self.windows, sizes))),)

    @property
    def weights(self) -> dict[str, Shape]:
        """A kernel for each pair, in the table's order, and the bias of each map."""
        kernels: dict[str, Shape] = {"weight": (self.pairs, *self.kernel)}
        return kernels | {"bias": (len(self.maps),)} if self.bias else kernels

    def macs(self, call: Call) -> int:
        """Positions × weights; the zeros that the module multiplies by for all other pairs are not counted."""
        return prod(call.y.shape[1:]) * self.pairs * prod(self.kernel)

    def connections(self, call: Call) -> int:
        """Positions × (weights + biases)."""
        return self.macs(call) + self.bias * call.y.numel

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each axis through its window."""
        return fields[0].mixing(0).through(self.windows, call.y.shape[1:])

    def kept(self, call: Call) -> Saved:
        """The input, and the kernel with its zeros filled in."""
        filled = call.x.like((len(self.maps), call.x.shape[0], *self.kernel))
        return Saved(inputs=(0,), constant=filled.nbytes)

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size, parameters, MACs and connections."""
        put = {"pairs": self.pairs, "k_h": self.kernel[0], "k_w": self.kernel[1], "C_out": len(self.maps)}
        weights = "pairs·k_h·k_w"
        both = f"{weights} + C_out" if self.bias else weights
        note = "pairs: an output map and an input map that it reads"
        parameters = formula("parameters", both, self.params, put, note)
        if not call.inputs:
            return (parameters,)
        put |= {"o_h": call.y.shape[1], "o_w": call.y.shape[2]}
        padded = in_padding(call, self.windows, self.pairs)
        return (
            *size_formulas(call, self.windows),
            parameters,
            formula("MACs", f"o_h·o_w · {weights}", self.macs(call), put),
            formula("connections", f"o_h·o_w · ({both})", self.connections(call), put, padded),
        )

    @property
    def brief(self) -> str:
        """`5×5 60 pairs`."""
        strides = tuple(window.stride for window in self.windows)
        return f"{window_words(self.kernel, strides, 0, self.windows)} {self.pairs} pairs"

    @property
    def sentence(self) -> str:
        """`partial-conv 6 → 16 by 60 pairs, kernel 5×5, stride 1, padding 0`."""
        strides = tuple(window.stride for window in self.windows)
        channels = f"{self.kind} {self.in_channels or '?'} → {len(self.maps)} by {self.pairs} pairs"
        return f"{channels}, {window_sentence(self.kernel, strides, 0, self.windows)}"


def _spelled(text: str) -> Table:
    rows = text.replace(" ", "").split(",")
    if not all(row.isascii() and row.isdigit() for row in rows):
        raise RequestError(
            f"table {text!r} is not a list of maps; write the digits of the maps that each reads, as in 012,123"
        )
    return tuple(tuple(map(int, row)) for row in rows)


KINDS = {spec.kind: spec for spec in (PartialConv2d,)}
