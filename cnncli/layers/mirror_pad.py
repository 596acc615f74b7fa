"""Padding that shows the input again: mirrored at its border, its border repeated, or its other end."""

from __future__ import annotations

from functools import partial

from cnncli.arithmetic.receptive_field import Field, Reach
from cnncli.arithmetic.windows import PADDING_MODES, Window, mirrored
from cnncli.errors import ShapeError
from cnncli.layers import OWN, Call, Layer, Shape, Tensor, dims, one_of, only, spec


@spec
class MirrorPad(Layer):
    """The last axes made longer by what they hold (torch.nn.functional.pad with mode reflect, replicate or circular).

    padding: before and after, the last axis first: (left, right, top, bottom)
    """

    home = OWN

    padding: Shape
    mode: str = "reflect"

    def __post_init__(self) -> None:
        """Refuse modes that show nothing of the input."""
        one_of("mode", self.mode, PADDING_MODES[1:])

    def _windows(self) -> list[Window]:
        sides = self.padding
        return [Window(1, 1, sides[at], sides[at + 1]) for at in range(len(sides) - 2, -1, -2)]

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """…×n → …×(n + before + after)."""
        x, windows = only(inputs, "MirrorPad"), self._windows()
        if len(x.shape) < len(windows):
            raise ShapeError(f"padding {len(windows)} axes, the input is {dims(x.shape) or 'a single number'}")
        first = len(x.shape) - len(windows)
        counts = (window.count(size) for window, size in zip(windows, x.shape[first:], strict=True))
        return (x.like((*x.shape[:first], *counts)),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit of the padding sees what the unit sees that it shows."""
        found: Field | None = fields[0]
        first = len(call.x.shape) - len(self.padding) // 2
        for axis, window in enumerate(self._windows(), start=first):
            size, count = call.x.shape[axis], call.y.shape[axis]
            shown = [mirrored(window, unit, size, self.mode) for unit in range(count)]
            found = found and found.along(axis, partial(Reach.gathered, windows=shown))
        return found

    @property
    def brief(self) -> str:
        """`pad 1 1 1 1 reflect`: left, right, top, bottom."""
        sides = self.padding[:1] if len(set(self.padding)) == 1 else self.padding
        return " ".join(("pad", *map(str, sides), self.mode))
