"""Adaptive pooling: the output's size is given, the windows follow from it; global pooling is the size 1."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import ClassVar, Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field, Reach
from cnncli.arithmetic.windows import adaptive, adaptive_elements
from cnncli.errors import RequestError
from cnncli.layers import Call, Layer, Saved, Shape, Sizes, Tensor, ranked, spec
from cnncli.layers._windows import along, per_axis_formulas
from cnncli.layers.pool import NOTHING_TO_LEARN


@spec
class _AdaptivePool(Layer):
    """Window i of m over n elements goes from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉: C×…n → C×…m. An output size of None keeps n."""

    axes: ClassVar[int]
    word: ClassVar[str]

    output_size: int | Sizes = 1

    def __post_init__(self) -> None:
        """Write one value an axis, and refuse sizes below one."""
        given = self.output_size
        sizes = given if isinstance(given, tuple) else (given,) * self.axes
        written = "×".join("n" if size is None else str(size) for size in sizes)
        if len(sizes) != self.axes:
            raise RequestError(f"output_size {written} has {len(sizes)} values; write one, or {self.axes}")
        if self.axes == 1 and None in sizes:
            raise RequestError("output_size of the only axis must be a number; a pool that keeps it does nothing")
        if any(size is not None and size < 1 for size in sizes):
            raise RequestError(f"output_size {written} is too small; the least is 1")
        object.__setattr__(self, "output_size", sizes)

    @property
    def sizes(self) -> Sizes:
        """The output's size on each axis, None where it is the input's."""
        return self.output_size if isinstance(self.output_size, tuple) else (self.output_size,) * self.axes

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with the sizes it keeps read from the input."""
        x = ranked(inputs, self.axes + 1, self.torch_name)
        if None not in self.sizes:
            return self
        sizes = zip(self.sizes, x.shape[1:], strict=True)
        return self.with_arguments(output_size=tuple(n if size is None else size for size, n in sizes))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C×output_size."""
        return (inputs[0].like((inputs[0].shape[0], *(size or 1 for size in self.sizes))),)

    def connections(self, call: Call) -> int:
        """The elements of all windows."""
        return call.y.shape[0] * prod(_elements(call))

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each axis through its windows."""
        found: Field | None = fields[0]
        for axis, (size, count) in enumerate(zip(call.x.shape[1:], call.y.shape[1:], strict=True), start=1):
            found = found and found.along(axis, partial(_windowed, size=size, count=count))
        return found

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Output size and connections; a pool has no parameters."""
        if not call.inputs:
            return (NOTHING_TO_LEARN,)
        axes = zip(call.x.shape[1:], call.y.shape[1:], strict=True)
        sizes = [
            Formula("size", "output_size", str(m), m, f"window i reads from ⌊i·{n}/{m}⌋ to before ⌈(i + 1)·{n}/{m}⌉")
            for n, m in axes
        ]
        names = along("w", self.axes)
        put = dict(zip(names, _elements(call), strict=True)) | {"C": call.y.shape[0]}
        note = "w: the elements of all windows along the axis"
        connections = formula("connections", "·".join(("C", *names)), self.connections(call), put, note)
        return (*per_axis_formulas(sizes), NOTHING_TO_LEARN, connections)

    @property
    def brief(self) -> str:
        """`avg → 6×6`; `global avg`."""
        if set(self.sizes) == {1}:
            return f"global {self.word}"
        return f"{self.word} → {'×'.join(str(size or 'n') for size in self.sizes)}"

    @property
    def sentence(self) -> str:
        """`adaptive-avg-pool, output size 6×6`."""
        return f"{self.kind}, output size {'×'.join(str(size or 'n') for size in self.sizes)}"


class _AdaptiveAvgPool(_AdaptivePool):
    """The mean of each window."""

    word = "avg"

    def kept(self, call: Call) -> Saved:
        """The input, of which backward reads the size alone; nothing for global pooling, which torch does as a mean."""
        return Saved() if set(call.y.shape[1:]) == {1} else Saved(inputs=(0,))


class _AdaptiveMaxPool(_AdaptivePool):
    """The largest element of each window."""

    word = "max"

    def kept(self, call: Call) -> Saved:
        """The input, and where each maximum was found (int64)."""
        return Saved(inputs=(0,), per_example=8 * call.y.numel)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Average pooling to a given size: C×L → C×L'."""

    kind = "adaptive-avg-pool1d"
    axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Average pooling to a given size: C×H×W → C×H'×W'."""

    kind = "adaptive-avg-pool"
    axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Average pooling to a given size: C×D×H×W → C×D'×H'×W'."""

    kind = "adaptive-avg-pool3d"
    axes = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Max pooling to a given size: C×L → C×L'."""

    kind = "adaptive-max-pool1d"
    axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Max pooling to a given size: C×H×W → C×H'×W'."""

    kind = "adaptive-max-pool"
    axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Max pooling to a given size: C×D×H×W → C×D'×H'×W'."""

    kind = "adaptive-max-pool3d"
    axes = 3


def _elements(call: Call) -> Shape:
    """Elements that the windows of each axis read together; an element is counted once for each window."""
    axes = zip(call.x.shape[1:], call.y.shape[1:], strict=True)
    return tuple(adaptive_elements(size, count) for size, count in axes)


def _windowed(reach: Reach, size: int, count: int) -> Reach:
    return reach.gathered(adaptive(size, count))


_SPECS = (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
)
KINDS: dict[str, type[Layer]] = {spec.kind: spec for spec in _SPECS}
KINDS["global-avg-pool"] = AdaptiveAvgPool2d
