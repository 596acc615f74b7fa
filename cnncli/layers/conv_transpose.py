"""Transposed convolutions: each input unit spreads its kernel over the output, as torch.nn.ConvTranspose2d does it."""

from __future__ import annotations

from functools import partial
from math import prod

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field, Reach
from cnncli.arithmetic.windows import Window, readers, transposed
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Saved, Shape, Tensor, dims, per_axis, spec
from cnncli.layers._convolution import Convolution
from cnncli.layers._windows import along, per_axis_formulas


@spec
class _ConvTranspose(Convolution):
    """What transposed convolutions share: C_in×…n → C_out×…o, `sizes.transposed` per axis.

    padding takes units away from the output's borders; output_padding adds some at the far side.
    """

    padding: int | Shape = 0
    output_padding: int | Shape = 0

    def _check_padding(self) -> None:
        super()._check_padding()
        extra = per_axis(self.output_padding, self.axes, "output_padding", 0)
        object.__setattr__(self, "output_padding", extra)
        for more, window in zip(extra, self._kernels, strict=True):
            limit = max(window.stride, window.dilation)
            if more >= limit:
                raise RequestError(
                    f"output_padding {more} must be smaller than the stride or the dilation; write {limit - 1} or less"
                )

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C_out×…, each axis by `sizes.transposed`."""
        sizes = inputs[0].shape[1:]
        extra = self._per_axis("output_padding", 0)
        counts = tuple(map(transposed, sizes, self._kernels, extra))
        if min(counts) < 1:
            padding = dims(self._per_axis("padding", 0))
            raise ShapeError(f"padding {padding} takes away all that a {dims(sizes)} input is spread over")
        return (inputs[0].like((self.out_channels, *counts)),)

    @property
    def weights(self) -> dict[str, Shape]:
        """The kernel, C_in×C_out/g×k…, and the bias."""
        kernel: dict[str, Shape] = {"weight": (self.in_channels or 0, self.out_channels // self.groups, *self.kernel)}
        return kernel | {"bias": (self.out_channels,)} if self.bias else kernel

    @property
    def fan_out(self) -> int:
        """Outputs that one input unit adds to: C_out/g·k_h·k_w."""
        return self.out_channels // self.groups * prod(self.kernel)

    def macs(self, call: Call) -> int:
        """Input units × fan-out: every input position meets every weight of its channel once."""
        return call.x.numel * self.fan_out

    def connections(self, call: Call) -> int:
        """Input units × fan-out, and one more for each output unit with a bias.

        The same count as a convolution's, seen from the other side: output units differ in how many inputs they read. What
        falls on positions that `padding` takes away counts, as a convolution's connections to its padding do.
        """
        return call.x.numel * self.fan_out + self.bias * call.y.numel

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """An output unit sees the inputs whose kernel reaches it."""
        found: Field | None = fields[0].mixing(0)
        for axis, (window, count) in enumerate(zip(self._kernels, call.y.shape[1:], strict=True), start=1):
            found = found and found.along(axis, partial(_spread, window=window, count=count))
        return found

    def kept(self, call: Call) -> Saved:  # noqa: ARG002
        """The input, for the weight's gradient."""
        return Saved(inputs=(0,))

    def _size_formulas(self, call: Call) -> tuple[Formula, ...]:
        extra = self._per_axis("output_padding", 0)
        axes = zip(call.x.shape[1:], self._kernels, extra, call.y.shape[1:], strict=True)
        return per_axis_formulas([_size_formula(*axis) for axis in axes])

    def _cost_formulas(self, call: Call) -> tuple[Formula, ...]:
        _, numbers = self._fan_in_symbols()
        n, k, o = (along(letter, self.axes) for letter in "nko")
        numbers |= dict(zip((*n, *o), (*call.x.shape[1:], *call.y.shape[1:]), strict=True))
        channels = "C_out" if self.groups == 1 else "C_out/g"
        spread = f"{'·'.join(('C_in', *n))} · {'·'.join((channels, *k))}"
        units = "·".join(("C_out", *o))
        return (
            formula("MACs", spread, self.macs(call), numbers),
            formula("connections", f"{spread} + {units}" if self.bias else spread, self.connections(call), numbers),
        )


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution along one axis: C_in×L → C_out×L'."""

    kind = "conv-transpose1d"
    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution over two axes: C_in×H×W → C_out×H'×W'."""

    kind = "conv-transpose"
    axes = 2


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution over three axes: C_in×D×H×W → C_out×D'×H'×W'."""

    kind = "conv-transpose3d"
    axes = 3


def _spread(reach: Reach, window: Window, count: int) -> Reach:
    return reach.gathered(readers(window, unit) for unit in range(count))


def _size_formula(size: int, window: Window, extra: int, count: int) -> Formula:
    kernel = "k" if window.dilation == 1 else "d·(k − 1) + 1"
    symbols = f"(n − 1)·s − 2·p + {kernel}" + (" + output_padding" if extra else "")
    put = {"n": size, "s": window.stride, "p": window.before, "k": window.kernel, "d": window.dilation}
    return formula("size", symbols, count, put | {"output_padding": extra})


KINDS = {spec.kind: spec for spec in (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)}
