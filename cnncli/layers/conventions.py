"""Four conventions for the size that a window leaves, where they differ, and what rounding down never reads.

"Convolutions round down, pooling rounds up" is Caffe's convention. Sources: torch.nn.MaxPool2d; Caffe's conv_layer and
pooling_layer; TensorFlow's guide to `SAME` and `VALID` padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.windows import Window
from cnncli.errors import RequestError
from cnncli.layers import Call, Layer, Shape, dims

CONVENTIONS = ("torch", "caffe", "tf-same", "tf-valid")


class Sized(NamedTuple):
    """An output size on one axis, by a convention, with its formula's symbols."""

    size: int
    symbols: str


def _caffe(window: Window, size: int, *, pool: bool) -> Sized:
    if not pool:
        return Sized(window.count(size), "⌊(n + 2·p − e)/s⌋ + 1")
    padded = size + window.before + window.after
    count = -(-(padded - window.extent) // window.stride) + 1
    clipped = window.before > 0 and (count - 1) * window.stride >= size + window.before
    return Sized(count - clipped, "⌈(n + 2·p − e)/s⌉ + 1" + (" − 1" if clipped else ""))


def _tf_same(window: Window, size: int, *, pool: bool) -> Sized:  # noqa: ARG001
    return Sized(-(-size // window.stride), "⌈n/s⌉")


def _tf_valid(window: Window, size: int, *, pool: bool) -> Sized:  # noqa: ARG001
    return Sized(-(-(size - window.extent + 1) // window.stride), "⌈(n − e + 1)/s⌉")


_RULES = {"caffe": _caffe, "tf-same": _tf_same, "tf-valid": _tf_valid}


def windows_of(layer: Layer) -> tuple[Window, ...]:
    """The layer's window on each axis; none for a layer that has none."""
    found: tuple[Window, ...] = getattr(layer, "windows", ())
    return found


def outcomes(layer: Layer, call: Call) -> dict[str, Shape]:
    """The output's spatial size by each convention; empty for a layer without windows or a use without input.

    A convention under which the window does not fit is left out.
    """
    windows = windows_of(layer)
    if not windows or not call.inputs:
        return {}
    found = {"torch": call.y.shape[1:]}
    for name, rule in _RULES.items():
        axes = zip(windows, call.x.shape[1:], strict=True)
        sizes = tuple(rule(window, size, pool=not layer.weights).size for window, size in axes)
        if min(sizes) >= 1:
            found[name] = sizes
    return found


def under(convention: str, layer: Layer, call: Call) -> tuple[Call, tuple[Formula, ...]]:
    """The same use of `layer` by another convention, and the formulas of its size; raises `RequestError` where it does not fit."""
    sizes = outcomes(layer, call)
    if not sizes:
        raise RequestError(
            f"--convention {convention} needs a layer with a window and an --input; {layer.kind} as given has none"
        )
    if convention not in sizes:
        raise RequestError(f"--convention {convention}: the window does not fit into {dims(call.x.shape[1:])}")
    output = call.y.like((call.y.shape[0], *sizes[convention]))
    found = [
        _sized_formula(_RULES[convention](window, size, pool=not layer.weights), window, size)
        for window, size in zip(windows_of(layer), call.x.shape[1:], strict=True)
    ]
    if len(set(found)) == 1:
        found = found[:1]
    else:
        names = ("depth", "height", "width")[-len(found) :]
        found = [each._replace(of=name) for name, each in zip(names, found, strict=True)]
    return call._replace(outputs=(output,)), tuple(found)


def _sized_formula(sized: Sized, window: Window, size: int) -> Formula:
    put = {"n": size, "p": window.before, "e": window.extent, "s": window.stride}
    return formula("size", sized.symbols, sized.size, put)


def unread(layer: Layer, call: Call) -> str:
    """What rounding down leaves out: `the last 2 columns are never read`; empty where everything is read."""
    if getattr(layer, "ceil_mode", False) or not windows_of(layer) or not call.inputs:
        return ""
    names = {1: ("element",), 2: ("row", "column"), 3: ("slice", "row", "column")}[len(windows_of(layer))]
    axes = zip(windows_of(layer), call.x.shape[1:], names, strict=True)
    lost = [_last(window.unread(size), name) for window, size, name in axes if window.unread(size)]
    verb = "is" if lost == [f"the last {names[-1]}"] or lost == [f"the last {names[0]}"] else "are"
    return f"{' and '.join(lost)} {verb} never read" if lost else ""


def _last(number: int, name: str) -> str:
    return f"the last {name}" if number == 1 else f"the last {number} {name}s"


def disagreement(layer: Layer, call: Call) -> str:
    """`torch 112×112 · caffe 113×113 · …` where the conventions differ; empty where they agree."""
    found = outcomes(layer, call)
    if len(set(found.values())) < 2:
        return ""
    return " · ".join(f"{name} {dims(sizes)}" for name, sizes in found.items())


def gaps(windows: Sequence[Window], sizes: Shape) -> bool:
    """Whether elements between windows are skipped (a stride beyond the window's extent)."""
    return any(
        window.stride > window.extent and window.count(size) > 1 for window, size in zip(windows, sizes, strict=True)
    )
