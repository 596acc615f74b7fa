"""Backwards through one layer: every window that turns one size into another, the simplest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import islice, product
from math import prod
from typing import NamedTuple

from cnncli.arithmetic.windows import Window, same, transposed
from cnncli.errors import RequestError
from cnncli.layers import Layer, Shape, Tensor, layer_kinds, make, per_axis

LEAST = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
MOST = {"kernel_size": 15, "stride": 8, "padding": 7, "dilation": 3}
"""How far each argument is searched unless it is given or the search is widened."""
LARGEST = 65_536
"""Elements a side that are asked about at most."""
TRIES = 500_000
"""Windows that are tried at most, a few seconds' work."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which layers of `kind` turn `sizes` into `outputs`? Both have one number an axis.

    given: arguments that stand fast, by PyTorch's names, one value an axis · most: how far the others are searched, one value
    for all axes · ceil: the output size is rounded up (pooling) · same: the padding is PyTorch's "same" (convolutions)

    Raises `RequestError` for a kind without a window, a size that is too large, and a search that would take too long.
    """

    kind: type[Layer]
    sizes: Shape
    outputs: Shape
    given: Mapping[str, Shape] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    ceil: bool = False
    same: bool = False

    def __post_init__(self) -> None:
        """Refuse what has no answer or takes too long to find."""
        if "kernel_size" not in self.arguments:
            windowed = ", ".join(kind for kind, spec in layer_kinds().items() if "kernel_size" in _arguments(spec))
            raise RequestError(f"{self.kind.kind} has no window to solve for; the kinds that have one: {windowed}")
        if self.same and "padding_mode" not in self.arguments:
            raise RequestError(f"padding same means nothing to {self.kind.kind}; write the padding as a number")
        if self.same and set(self.given.get("stride", (1,))) != {1}:
            raise RequestError("padding same needs stride 1; write the padding as a number")
        largest = max(*self.sizes, *self.outputs, *(max(values) for values in self.given.values()))
        if largest > LARGEST:
            raise RequestError(f"{largest:,} is beyond {LARGEST:,}, the largest number that is solved with")
        tries = prod(len(self.searched(part)) for part in LEAST if part not in self.given)
        if tries > TRIES:
            raise RequestError(
                f"there are {tries:,} windows to try, more than {TRIES:,}; give a value or search less far"
            )

    @cached_property
    def arguments(self) -> frozenset[str]:
        """The names of what the kind takes."""
        return _arguments(self.kind)

    def searched(self, part: str) -> range:
        """The values of one argument that are tried where it is not given."""
        fixed = part not in self.arguments or (self.same and part in {"stride", "padding"})
        most = LEAST[part] if fixed else self.most.get(part, MOST[part])
        return range(LEAST[part], most + 1)

    def choices(self, part: str) -> list[Shape]:
        """The same for each axis, or what was given."""
        axes = len(self.sizes)
        return [self.given[part]] if part in self.given else [(value,) * axes for value in self.searched(part)]

    def windows(self) -> Iterator[tuple[Window, ...]]:
        """Every candidate: a window for each axis."""
        for values in product(*map(self.choices, LEAST)):
            yield tuple(map(self._window, *values))

    def _window(self, kernel: int, stride: int, padding: int, dilation: int) -> Window:
        before, after = same(kernel, dilation) if self.same else (padding, padding)
        return Window(kernel, stride, before, after, dilation)

    def reach(self, window: Window, size: int) -> range:
        """The outputs that `window` makes of one axis: one, or none where it does not fit; several by output_padding."""
        if "output_padding" in self.arguments:
            least = transposed(size, window)
            return range(max(least, 1), least + max(window.stride, window.dilation))
        count = window.count_ceil(size) if self.ceil else window.count(size)
        return range(count, count + 1) if count > 0 else range(0)

    def accepts(self, found: Solution) -> bool:
        """Whether the layer itself takes the input: pools refuse some windows that arithmetic allows (padding over k/2)."""
        if "ceil_mode" not in self.arguments:
            return True
        axes: int = getattr(self.kind, "axes", 1)
        values: dict[str, object] = {"ceil_mode": self.ceil}
        values |= {part: getattr(found, part) * (axes // len(self.sizes)) for part in LEAST if part in self.arguments}
        x = Tensor((1, *self.sizes * (axes // len(self.sizes))))
        try:
            return bool(make(self.kind, values).outputs((x,)))
        except RequestError:
            return False


def ask(  # noqa: PLR0913  (the question's parts)
    kind: type[Layer],
    size: int | Shape,
    output: int | Shape,
    given: Mapping[str, object] | None = None,
    *,
    most: Mapping[str, int] | None = None,
    ceil: bool = False,
) -> Question:
    """The question in a user's words: one number for all axes or one for each; axes that are alike are asked about once.

    given: argument → a number, one an axis, or for the padding "same" or "valid". Raises `RequestError`.
    """
    axes: int = getattr(kind, "axes", 1)
    fast = {name: 0 if value == "valid" else value for name, value in (given or {}).items()}
    same = fast.get("padding") == "same"
    values = {name: _values(value, axes, name) for name, value in fast.items() if value != "same"}
    sizes, outputs = _values(size, axes, "input"), _values(output, axes, "output")
    if len(set(zip(sizes, outputs, *values.values(), strict=True))) == 1:
        sizes, outputs = sizes[:1], outputs[:1]
        values = {name: value[:1] for name, value in values.items()}
    return Question(kind=kind, sizes=sizes, outputs=outputs, given=values, most=most or {}, ceil=ceil, same=same)


def _values(value: object, axes: int, name: str) -> Shape:
    if type(value) is int or (isinstance(value, tuple) and all(type(item) is int for item in value)):
        one = isinstance(value, tuple) and len(value) == 1
        return per_axis(value * axes if one else value, axes, name, LEAST.get(name, 1))
    raise RequestError(f"{name} takes a number or one an axis (3x5), not {value!r}")


class Solution(NamedTuple):
    """A window that does it, one value an axis.

    padding: before; with padding "same" there may be one more after · output_padding: empty for all but transposed
    convolutions · reads_all: every input element has a part in some output: none is left behind the last window, between
    windows (a stride beyond the window) or between taps (dilation), and none is cropped away by a transposed convolution
    """

    kernel_size: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    output_padding: Shape
    reads_all: bool


def solutions(question: Question) -> list[Solution]:
    """All that answer the question. The same value serves all axes, except where one was given for each.

    Simplest first: less dilation; no gaps between windows; less output_padding; for convolutions an odd kernel, which has a
    centre; less padding; a smaller kernel; a smaller stride.
    """
    axes = list(zip(question.sizes, question.outputs, strict=True))
    windows = (
        each
        for each in question.windows()
        if all(output in question.reach(window, size) for window, (size, output) in zip(each, axes, strict=True))
    )
    found = filter(question.accepts, (_solution(question, each) for each in windows))
    return sorted(found, key=lambda one: _rank(question, one))


def nearest(question: Question, most: int = 2) -> list[Shape]:
    """The outputs nearest to what was asked for that the searched windows reach, at most `most` of them, the nearest first."""
    reached = {
        outputs for windows in question.windows() for outputs in product(*map(question.reach, windows, question.sizes))
    }
    ranked = sorted(reached, key=lambda outputs: (_distance(outputs, question.outputs), outputs))
    return [*islice((outputs for outputs in ranked if solutions(replace(question, outputs=outputs))), most)]


def reads_all(window: Window, size: int, count: int) -> bool:
    """Whether `count` windows read every one of `size` elements."""
    if window.dilation == 1 and window.stride <= window.kernel:  # no gaps: only the far end may be left out
        return (count - 1) * window.stride + window.extent - window.before >= size
    seen = bytearray(size)
    for tap in range(window.kernel):
        place = tap * window.dilation - window.before  # of the first window's tap
        first = max(0, -(place // window.stride))
        last = min(count - 1, (size - 1 - place) // window.stride)
        if first <= last:
            start, stop = place + first * window.stride, place + last * window.stride + 1
            seen[start : stop : window.stride] = bytes([1]) * (last - first + 1)
    return 0 not in seen


def spreads_all(window: Window, size: int, count: int) -> bool:
    """Whether each of `size` elements reaches one of the `count` outputs of a transposed convolution, o = i·s − p + d·t."""
    seen = bytearray(size)
    for tap in range(window.kernel):
        place = tap * window.dilation - window.before  # where the first element's tap lands
        first = max(0, -(place // window.stride))
        last = min(size - 1, (count - 1 - place) // window.stride)
        if first <= last:
            seen[first : last + 1] = bytes([1]) * (last - first + 1)
    return 0 not in seen


def _arguments(kind: type[Layer]) -> frozenset[str]:
    return frozenset(each.name for each in fields(kind))


def _solution(question: Question, windows: tuple[Window, ...]) -> Solution:
    kernel, stride, padding, _, dilation = map(tuple, zip(*windows, strict=True))
    axes = list(zip(windows, question.sizes, question.outputs, strict=True))
    spread = "output_padding" in question.arguments
    extra = tuple(output - transposed(size, window) for window, size, output in axes) if spread else ()
    reads = all((spreads_all if spread else reads_all)(*axis) for axis in axes)
    return Solution(kernel, stride, padding, dilation, extra, reads)


def _rank(question: Question, found: Solution) -> tuple[object, ...]:
    axes = zip(found.kernel_size, found.stride, found.dilation, strict=True)
    gaps = any(stride > dilation * (kernel - 1) + 1 for kernel, stride, dilation in axes)
    convolution = "bias" in question.arguments and "output_padding" not in question.arguments
    even = convolution and any(kernel % 2 == 0 for kernel in found.kernel_size)
    return found.dilation, gaps, found.output_padding, even, found.padding, found.kernel_size, found.stride


def _distance(outputs: Shape, wanted: Shape) -> int:
    return sum(abs(output - asked) for output, asked in zip(outputs, wanted, strict=True))
