"""What convolutions and pools share: windows on every axis, in formulas, in words and in receptive fields."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import ClassVar

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.windows import Window
from cnncli.errors import ShapeError
from cnncli.layers import Call, Layer, Shape, dims, per_axis, times


class Sliding(Layer):
    """What slides a kernel along `axes` axes; its specs have `kernel_size` and `stride`, written one value an axis."""

    axes: ClassVar[int]

    def _per_axis(self, name: str, least: int) -> Shape:
        return per_axis(getattr(self, name), self.axes, name, least)

    @cached_property
    def kernel(self) -> Shape:
        """The window's size on each axis."""
        return self._per_axis("kernel_size", 1)

    @cached_property
    def strides(self) -> Shape:
        """The stride on each axis."""
        return self._per_axis("stride", 1)


AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def along(letter: str, axes: int) -> tuple[str, ...]:
    """A symbol for each axis: `k_h`, `k_w`; the bare letter where there is one axis."""
    return (letter,) if axes == 1 else tuple(f"{letter}_{axis[0]}" for axis in AXIS_NAMES[axes])


def fitting(sizes: Shape, windows: Sequence[Window]) -> None:
    """Raise `ShapeError` where a window is larger than its padded axis."""
    for size, window in zip(sizes, windows, strict=True):
        if not window.fits(size):
            raise ShapeError(too_small(sizes, windows))


def too_small(sizes: Shape, windows: Sequence[Window]) -> str:
    """Why a window does not fit: `a 2×2 input is smaller than the 3×3 window`."""
    padded = tuple(size + window.before + window.after for size, window in zip(sizes, windows, strict=True))
    extent = tuple(window.extent for window in windows)
    with_padding = "" if padded == sizes else f", {dims(padded)} with its padding,"
    return f"a {dims(sizes)} input{with_padding} is smaller than the {dims(extent)} window"


def size_formulas(call: Call, windows: Sequence[Window], *, ceil: bool = False) -> tuple[Formula, ...]:
    """The output size's formula: once where all axes agree, else one an axis."""
    axes = list(zip(call.x.shape[1:], windows, call.y.shape[1:], strict=True))
    return per_axis_formulas([_size_formula(*axis, ceil=ceil) for axis in axes])


def per_axis_formulas(found: Sequence[Formula]) -> tuple[Formula, ...]:
    """One formula an axis, named by the axis; a single one called `size` where all are the same."""
    if len(set(found)) == 1:
        return (found[0]._replace(of="size"),)
    return tuple(one._replace(of=name) for name, one in zip(AXIS_NAMES[len(found)], found, strict=True))


def _size_formula(size: int, window: Window, count: int, *, ceil: bool) -> Formula:
    left, right = "⌈⌉" if ceil else "⌊⌋"
    padding = "2·p" if window.before == window.after else "p₁ + p₂"
    extent = "k" if window.dilation == 1 else "d·(k − 1) − 1"
    symbols = f"{left}(n + {padding} − {extent})/s{right} + 1"
    note = "p on each side" if window.before == window.after > 0 else ""
    if ceil and count < -(-(size + window.before + window.after - window.extent) // window.stride) + 1:
        symbols, note = f"{symbols} − 1", "the last window would start in the far padding"
    sides = {"p": window.before, "p₁": window.before, "p₂": window.after}
    put = {"n": size, "k": window.kernel, "s": window.stride, "d": window.dilation} | sides
    return formula("size", symbols, count, put, note)


def in_padding(call: Call, windows: Sequence[Window], channels: int) -> str:
    """A remark on connections: how many of them end in padding. channels: pairs of channels that a window connects."""
    axes = list(zip(windows, call.x.shape[1:], call.y.shape[1:], strict=True))
    taps = prod(window.kernel * count for window, _, count in axes)
    inside = prod(window.taps(size, count) for window, size, count in axes)
    return f"{channels * (taps - inside):,} of them end in padding" if inside < taps else ""


def window_words(kernel: Shape, strides: Shape, padding: object, windows: Sequence[Window]) -> str:
    """A window in a table's row: `11×11/4 p1`, `3×3/2 p1 d2`, `3×3 same`."""
    words = [dims(kernel) + ("" if set(strides) == {1} else f"/{times(strides)}")]
    if isinstance(padding, str):
        words += [padding] if padding == "same" else []
    elif any(window.before or window.after for window in windows):
        words.append(f"p{_sides(windows)}")
    dilation = tuple(window.dilation for window in windows)
    if set(dilation) != {1}:
        words.append(f"d{times(dilation)}")
    return " ".join(words)


def window_sentence(kernel: Shape, strides: Shape, padding: object, windows: Sequence[Window]) -> str:
    """A window in a heading: `kernel 5×5, stride 1, padding 0`."""
    dilation = tuple(window.dilation for window in windows)
    sides = padding if isinstance(padding, str) else _sides(windows)
    dilated = "" if set(dilation) == {1} else f", dilation {times(dilation)}"
    return f"kernel {dims(kernel)}, stride {times(strides)}, padding {sides}{dilated}"


def _sides(windows: Sequence[Window]) -> str:
    """`1`, `1×2`; `0+1` where the sides differ."""
    words = [
        str(window.before) if window.before == window.after else f"{window.before}+{window.after}" for window in windows
    ]
    return words[0] if len(set(words)) == 1 else "×".join(words)
