"""Convolutions: cross-correlation plus a bias, as torch.nn.Conv1d, Conv2d and Conv3d do it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field, Reach
from cnncli.arithmetic.windows import PADDING_MODES, Window, mirrored, same
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import OWN, Call, Saved, Shape, Tensor, one_of, spec, times
from cnncli.layers._convolution import Convolution
from cnncli.layers._windows import along, fitting, in_padding, size_formulas

if TYPE_CHECKING:
    from torch import nn

    from cnncli.layers import Pairs


@spec
class _Conv(Convolution):
    """What convolutions over one, two and three axes share: C_in×…n → C_out×…o, `sizes.Window.count` per axis.

    padding may be a pair (before, after) for each axis, which torch.nn lacks; `padding_mode` says what stands in the padding.
    """

    padding_mode: str = "zeros"

    def _check_padding(self) -> None:
        one_of("padding_mode", self.padding_mode, PADDING_MODES)
        if isinstance(self.padding, str):
            one_of("padding", self.padding, ("a number", "same", "valid"))
            if self.padding == "same" and set(self.strides) != {1}:
                raise RequestError(
                    f"padding same needs stride 1, not {times(self.strides)}; write the padding as a number"
                )
        elif isinstance(self.padding, tuple) and any(isinstance(pair, tuple) for pair in self.padding):
            self._check_pairs()
        else:
            super()._check_padding()

    def _check_pairs(self) -> None:
        pairs = self._sides()
        if len(pairs) != self.axes or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
            raise RequestError(f"padding {self.padding} is not a pair of numbers from 0 for each of {self.axes} axes")
        if all(before == after for before, after in pairs):
            object.__setattr__(self, "padding", tuple(before for before, _ in pairs))

    def _sides(self) -> Pairs:
        if self.padding == "same":
            return tuple(map(same, self.kernel, self._per_axis("dilation", 1)))
        if self.padding == "valid":
            return ((0, 0),) * self.axes
        if self.sided:
            pairs: Pairs = self.padding  # type: ignore[assignment]
            return pairs
        return super()._sides()

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window on each axis, its padding in numbers."""
        return self._kernels

    @property
    def sided(self) -> bool:
        """The padding is written as a pair for each axis."""
        return isinstance(self.padding, tuple) and isinstance(self.padding[0], tuple)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C_out×…, each axis by `Window.count`."""
        sizes = inputs[0].shape[1:]
        windows = self.windows
        fitting(sizes, windows)
        if self.padding_mode != "zeros":
            self._check_mirror(sizes)
        counts = tuple(window.count(size) for window, size in zip(windows, sizes, strict=True))
        return (inputs[0].like((self.out_channels, *counts)),)

    def _check_mirror(self, sizes: Shape) -> None:
        """A reflection shows what stands inside the border, once; a circle goes round once."""
        most = {"reflect": [size - 1 for size in sizes], "circular": list(sizes)}.get(self.padding_mode)
        for window, limit in zip(self.windows, most or (), strict=bool(most)):
            if max(window.before, window.after) > limit:
                widest = max(window.before, window.after)
                raise ShapeError(f"{self.padding_mode} padding {widest} is more than the {limit} this input can show")

    @property
    def weights(self) -> dict[str, Shape]:
        """The kernel, C_out×C_in/g×k…, and the bias."""
        kernel: dict[str, Shape] = {"weight": (self.out_channels, (self.in_channels or 0) // self.groups, *self.kernel)}
        return kernel | {"bias": (self.out_channels,)} if self.bias else kernel

    def macs(self, call: Call) -> int:
        """Output units × fan-in; the bias is no MAC."""
        return call.y.numel * self.fan_in

    def connections(self, call: Call) -> int:
        """Output units × (fan-in + 1 with a bias); those that end in padding count."""
        return call.y.numel * (self.fan_in + self.bias)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each axis through its window; a mirror or a circle shows a border unit more than lies in its window."""
        field = fields[0].mixing(0)
        if self.padding_mode == "zeros":
            return field.through(self.windows, call.y.shape[1:])
        found: Field | None = field
        for axis, (window, count) in enumerate(zip(self.windows, call.y.shape[1:], strict=True), start=1):
            found = found and found.along(axis, partial(_mirroring, window=window, count=count, mode=self.padding_mode))
        return found

    def kept(self, call: Call) -> Saved:
        """The input, for the weight's gradient; a padded copy of it where torch pads first."""
        if self.padding_mode == "zeros" and not self.sided:
            extra = tuple(window.after - window.before for window in self.windows)
            return Saved(per_example=self._padded(call, extra)) if any(extra) else Saved(inputs=(0,))
        read = self.padding_mode in {"reflect", "replicate"} and any(call.grads)
        total = tuple(window.before + window.after for window in self.windows)
        return Saved(inputs=(0,) if read else (), per_example=self._padded(call, total))

    def _padded(self, call: Call, extra: Shape) -> int:
        sizes = (size + more for size, more in zip(call.x.shape[1:], extra, strict=True))
        return call.x.like((call.x.shape[0], *sizes)).nbytes

    def _size_formulas(self, call: Call) -> tuple[Formula, ...]:
        return size_formulas(call, self.windows)

    def one_map(self, call: Call) -> str:
        """What counting the connections of a single input map would give; empty where there is one alone."""
        pairs = (self.in_channels or 0) // self.groups
        if pairs < 2:
            return ""
        taps, units = self.fan_in // pairs, "·".join(map(str, call.y.shape))
        per_unit = f"({taps} + 1)" if self.bias else f"{taps}"
        count = call.y.numel * (taps + self.bias)
        return f"{count:,} = {units}·{per_unit} counts one of the {pairs} input maps only"

    def _dense_twin(self, call: Call) -> tuple[Formula, ...]:
        """What a fully connected layer between the same sizes would have to learn; none where that is the same."""
        numel = call.x.numel + self.bias
        times_as_many = numel * call.y.numel // self.params
        if times_as_many < 2:
            return ()
        names = {"n": call.x.shape[1:], "o": call.y.shape[1:]}
        put = {"C_in": call.x.shape[0], "C_out": self.out_channels}
        put |= {
            name: size
            for letter, sizes in names.items()
            for name, size in zip(along(letter, self.axes), sizes, strict=True)
        }
        inputs, outputs = (
            "·".join((f"C_{side}", *along(letter, self.axes))) for side, letter in (("in", "n"), ("out", "o"))
        )
        symbols = f"({inputs} + 1)·{outputs}" if self.bias else f"{inputs}·{outputs}"
        note = f"parameters, {times_as_many:,} times as many"
        return (formula("dense twin", symbols, numel * call.y.numel, put, note),)

    def _cost_formulas(self, call: Call) -> tuple[Formula, ...]:
        fan_in, numbers = self._fan_in_symbols()
        names = along("o", self.axes)
        units = "·".join(("C_out", *names))
        numbers |= dict(zip(names, call.y.shape[1:], strict=True))
        per_unit = f"({fan_in} + 1)" if self.bias else fan_in
        pairs = self.out_channels * ((self.in_channels or 0) // self.groups)
        note = in_padding(call, self.windows, pairs) if self.padding_mode == "zeros" else ""
        return (
            formula("MACs", f"{units} · {fan_in}", self.macs(call), numbers),
            formula("connections", f"{units} · {per_unit}", self.connections(call), numbers, note),
            *self._dense_twin(call),
        )

    def module(self) -> nn.Module:
        """torch.nn's convolution; ours where the padding differs from side to side. Imports torch."""
        if not self.sided:
            return super().module()
        module: nn.Module = getattr(import_module(OWN), f"SidedConv{self.axes}d")(**self.config)
        return module


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


def _mirroring(reach: Reach, window: Window, count: int, mode: str) -> Reach:
    """What units see whose padding shows the input again."""
    plain = [window.read(unit, reach.units) for unit in range(count)]
    shown = [mirrored(window, unit, reach.units, mode) for unit in range(count)]
    return reach.through(window, count) if plain == shown else reach.gathered(shown)


KINDS = {spec.kind: spec for spec in (Conv1d, Conv2d, Conv3d)}
