"""What a 1×1 convolution saves that cuts the channels before a wide window: Lin et al. 2013, Szegedy et al. 2014 (section 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import NamedTuple

from cnncli.analysis.report import Report, report
from cnncli.arithmetic.formula import Formula, formula
from cnncli.errors import ShapeError
from cnncli.layers import Shape, Tensor
from cnncli.layers.conv import Conv2d
from cnncli.network.builder import Value, write

ASKED = ("parameters", "MACs")
"""What a path costs, by the names of the formulas."""


class Bottleneck(NamedTuple):
    """One convolution, C_in×H×W → C_out×H×W, and the two that stand in for it.

    direct, through: the path without and with the 1×1 convolution to `mid` channels before · break_even: for each of `ASKED` the
    widest bottleneck that costs no more than none
    """

    mid: int
    direct: Report
    through: Report
    break_even: tuple[Formula, ...]

    @property
    def wide(self) -> Conv2d:
        """The convolution that is to be replaced."""
        layer = self.direct.rows[0].layer
        assert isinstance(layer, Conv2d)  # noqa: S101  (for the type)
        return layer

    def costs(self, mid: int) -> tuple[int, int]:
        """Parameters and MACs of the path with a bottleneck of another width."""
        totals = _report(partial(_through, mid=mid, wide=self.wide), self.direct.network.input).totals
        return totals.params, totals.macs


def bottleneck(wide: Conv2d, mid: int, input: Shape) -> Bottleneck:
    """`wide` on an input of C_in×H×W, and behind a 1×1 convolution to `mid` channels.

    Raises `RequestError` for a number below 1, `ShapeError` where the input's channels are not those of `wide`.
    """
    direct = _report(partial(_direct, wide=wide), input)
    through = _report(partial(_through, mid=mid, wide=wide), input)
    layer = direct.rows[0].layer
    assert isinstance(layer, Conv2d)  # noqa: S101  (for the type)
    return Bottleneck(mid, direct, through, (_break_even(layer, of_params=True), _break_even(layer, of_params=False)))


def _direct(x: Value, wide: Conv2d) -> Value:
    return x(conv=wide)


def _through(x: Value, mid: int, wide: Conv2d) -> Value:
    return x(
        reduce=Conv2d(out_channels=mid, kernel_size=1, bias=wide.bias),
        conv=wide.with_arguments(in_channels=None),
    )


def _report(body: Callable[[Value], Value], input: Shape) -> Report:
    found = report(write(body, name="path", inputs={"input": Tensor(input)}))
    if found.failure:
        raise ShapeError(str(found.failure))
    return found


def _break_even(wide: Conv2d, *, of_params: bool) -> Formula:
    """The largest C_mid with (C_in + k_h·k_w·C_out)·C_mid ≤ C_in·k_h·k_w·C_out; one more for each bias of the 1×1 convolution.

    Both sides times H·W are the MACs; of the parameters, the C_out biases stand on both sides.
    """
    channels = wide.in_channels or 0
    biased = of_params and wide.bias
    put = {"C_in": channels, "C_out": wide.out_channels, "k_h": wide.kernel[0], "k_w": wide.kernel[1]}
    weights = prod(wide.kernel) * wide.out_channels
    symbols = f"⌊C_in·k_h·k_w·C_out/(C_in + {'1 + ' if biased else ''}k_h·k_w·C_out)⌋"
    name = ASKED[0] if of_params else ASKED[1]
    return formula(name, symbols, channels * weights // (channels + biased + weights), put)
