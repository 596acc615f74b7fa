"""Layers that make maps larger or smaller without learning: padding, upsampling, pixel shuffle."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field, Reach
from cnncli.arithmetic.windows import Window, interpolated
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Layer, Shape, Tensor, at_least, dims, one_of, only, spec
from cnncli.layers._windows import per_axis_formulas

MODES = {"nearest": None, "linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
TAPS = {"nearest": 1, "bicubic": 4}  # elements of an axis that a unit is mixed from; 2 for the others
"""Upsampling modes, and the number of axes that each is for."""


@spec
class _ZeroPad(Layer):
    """Zeros around the last axes, as torch.nn.ZeroPad2d; a negative number cuts off.

    padding: before and after, the last axis first: (left, right, top, bottom)
    """

    axes: ClassVar[int]

    padding: int | Shape

    def __post_init__(self) -> None:
        """Write two values an axis."""
        given = self.padding
        sides = (given,) * 2 * self.axes if isinstance(given, int) else given
        if len(sides) != 2 * self.axes:
            raise RequestError(f"padding {dims(sides)} has {len(sides)} values; write one, or {2 * self.axes}")
        object.__setattr__(self, "padding", sides)

    @property
    def _sides(self) -> tuple[Window, ...]:
        """A window of one element on each padded axis, first axis first."""
        sides = self.padding if isinstance(self.padding, tuple) else (self.padding,) * 2 * self.axes
        return tuple(Window(1, 1, sides[at], sides[at + 1]) for at in range(2 * self.axes - 2, -1, -2))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """…×n → …×(n + before + after)."""
        x = only(inputs, self.torch_name)
        if len(x.shape) < self.axes:
            raise ShapeError(
                f"{self.torch_name} pads {self.axes} axes, the input is {dims(x.shape) or 'a single number'}"
            )
        sizes = x.shape[-self.axes :]
        counts = tuple(map(Window.count, self._sides, sizes))
        kept = (size + min(side.before, 0) + min(side.after, 0) for side, size in zip(self._sides, sizes, strict=True))
        if min(counts) < 1 or min(kept) < 0:
            raise ShapeError(f"padding {self.padding} leaves nothing of {dims(x.shape)}")
        return (x.like((*x.shape[: -self.axes], *counts)),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each unit keeps its field; what is padded sees nothing."""
        return fields[0].through(self._sides, call.y.shape[-self.axes :])

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size."""
        if not call.inputs or call.x.shape == call.y.shape:
            return ()
        axes = zip(call.x.shape[-self.axes :], self._sides, call.y.shape[-self.axes :], strict=True)
        return per_axis_formulas(
            [formula("size", "n + p₁ + p₂", m, {"n": n, "p₁": w.before, "p₂": w.after}) for n, w, m in axes]
        )

    @property
    def brief(self) -> str:
        """`pad 1`, `pad 1 1 0 0`: left, right, top, bottom."""
        sides = self.padding if isinstance(self.padding, tuple) else (self.padding,)
        return " ".join(("pad", *map(str, sides[:1] if len(set(sides)) == 1 else sides)))


class ZeroPad1d(_ZeroPad):
    """Zeros before and after the last axis."""

    kind = "zero-pad1d"
    axes = 1


class ZeroPad2d(_ZeroPad):
    """Zeros around the last two axes."""

    kind = "zero-pad"
    axes = 2


class ZeroPad3d(_ZeroPad):
    """Zeros around the last three axes."""

    kind = "zero-pad3d"
    axes = 3


@spec
class Upsample(Layer):
    """Every axis stretched to `size`, or by `scale_factor`: C×…n → C×…m, as torch.nn.Upsample.

    mode: nearest repeats units; linear (C×L), bilinear (C×H×W) and trilinear (C×D×H×W) mix two neighbours on each axis, bicubic
    (C×H×W) four · align_corners: the outermost units stay outermost
    """

    kind = "upsample"

    size: int | Shape | None = None
    scale_factor: float | Shape | None = None
    mode: str = "nearest"
    align_corners: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what torch refuses."""
        one_of("mode", self.mode, tuple(MODES))
        if (self.size is None) == (self.scale_factor is None):
            raise RequestError("upsample needs either size or scale_factor; write one of them")
        if self.mode == "nearest" and self.align_corners is not None:
            raise RequestError("align_corners means nothing to nearest; leave it out")

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C×size, or C×⌊n·scale_factor⌋ on each axis."""
        x = only(inputs, "Upsample")
        axes = len(x.shape) - 1
        if axes not in (1, 2, 3) or axes != (MODES[self.mode] or axes):
            raise ShapeError(f"{self.mode} upsampling cannot take {dims(x.shape) or 'a single number'}")
        given = self.scale_factor if self.size is None else self.size
        values = given if isinstance(given, tuple) else (given or 0,) * axes
        if len(values) != axes:
            raise ShapeError(f"{len(values)} values for the {axes} axes of {dims(x.shape)}; write one, or {axes}")
        stretch = self.size is None
        counts = tuple(int(n * value) if stretch else int(value) for n, value in zip(x.shape[1:], values, strict=True))
        if min(counts) < 1:
            raise ShapeError(f"upsampling leaves nothing of {dims(x.shape)}", fix="the least size is 1")
        return (x.like((x.shape[0], *counts)),)

    def _factors(self, axes: int) -> tuple[float | None, ...]:
        return self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor,) * axes

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit sees the units it is mixed from."""
        found: Field | None = fields[0]
        sizes, counts = call.x.shape[1:], call.y.shape[1:]
        corners = self.align_corners if self.mode != "nearest" else None
        for axis, (n, m, factor) in enumerate(zip(sizes, counts, self._factors(len(sizes)), strict=True), start=1):
            windows = interpolated(n, m, factor, taps=TAPS.get(self.mode, 2), corners=bool(corners))
            found = found and found.along(axis, partial(Reach.gathered, windows=windows))
        return found

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size."""
        if not call.inputs or call.x.shape == call.y.shape:
            return ()
        sizes, counts = call.x.shape[1:], call.y.shape[1:]
        return per_axis_formulas(list(map(_size_formula, sizes, counts, self._factors(len(sizes)))))

    @property
    def brief(self) -> str:
        """`nearest ×2`, `bilinear → 14×14`."""
        given = self.scale_factor if self.size is None else self.size
        values = given if isinstance(given, tuple) else (given,)
        return f"{self.mode} {'×' if self.size is None else '→ '}{'×'.join(f'{value:g}' for value in values)}"


@spec
class PixelShuffle(Layer):
    """Channels become positions: C·r²×H×W → C×H·r×W·r. Shi et al., 2016."""

    kind = "pixel-shuffle"

    upscale_factor: int

    def __post_init__(self) -> None:
        """Refuse factors below one."""
        at_least(1, upscale_factor=self.upscale_factor)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C/r²×H·r×W·r; axes before the channels stay."""
        x = only(inputs, "PixelShuffle")
        factor = self.upscale_factor
        if len(x.shape) < 3 or x.shape[-3] % factor**2:
            raise ShapeError(
                f"PixelShuffle by {factor} takes a multiple of {factor**2} channels, the input is {dims(x.shape)}"
            )
        *lead, channels, height, width = x.shape
        return (x.like((*lead, channels // factor**2, height * factor, width * factor)),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit sees what the unit it came from saw."""
        *lead, channels, height, width = call.x.shape
        r, front = self.upscale_factor, len(lead)
        apart = (*lead, channels // r**2, r, r, height, width)
        order = (*range(front), *(front + axis for axis in (0, 3, 1, 4, 2)))
        turned = fields[0].reshaped(call.x.shape, apart).permuted(order)
        return turned.reshaped(tuple(apart[axis] for axis in order), call.y.shape)

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Channels and output size."""
        if not call.inputs or call.x.shape == call.y.shape:
            return ()
        channels = formula("channels", "C/(r·r)", call.y.shape[-3], {"C": call.x.shape[-3], "r": self.upscale_factor})
        axes = zip(call.x.shape[-2:], call.y.shape[-2:], strict=True)
        sizes = [formula("size", "n·r", m, {"n": n, "r": self.upscale_factor}) for n, m in axes]
        return (channels, *per_axis_formulas(sizes))

    @property
    def brief(self) -> str:
        """`pixel-shuffle ×2`."""
        return f"{self.kind} ×{self.upscale_factor}"


def _size_formula(size: int, count: int, factor: float | None) -> Formula:
    if factor is None:
        return Formula("size", "size", f"{count:,}", count)
    numerator, denominator = float(factor).as_integer_ratio()
    if size * numerator // denominator != count:
        return Formula(
            "size", "size", f"{count:,}", count, f"{size}·{factor:g} falls short of {count + 1} in floating point"
        )
    written = f"{factor:g}" if float(f"{factor:g}") == factor else repr(float(factor))
    return Formula("size", "⌊n·scale_factor⌋", f"⌊{size:,}·{written}⌋", count)


KINDS: dict[str, type[Layer]] = {spec.kind: spec for spec in (ZeroPad1d, ZeroPad2d, ZeroPad3d, Upsample, PixelShuffle)}
