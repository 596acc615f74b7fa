"""Layers that only rearrange: the numbers stay, their shape changes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from cnncli.errors import RequestError, ShapeError
from cnncli.field import Field
from cnncli.layers import Call, Layer, Tensor


@dataclass(frozen=True, kw_only=True)
class Flatten(Layer):
    """Axes from start_dim to end_dim become one, as torch.nn.Flatten; dimension 0 is the batch."""

    kind = "flatten"
    folds = True

    start_dim: int = 1
    end_dim: int = -1

    def __post_init__(self) -> None:
        """Refuse to flatten the batch away."""
        if self.start_dim == 0:
            raise RequestError("start_dim 0 would flatten the batch away; the least is 1")

    @property
    def aliases(self) -> bool:
        """A view: nothing is copied."""
        return True

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C×H×W → C·H·W with the defaults."""
        shape = inputs[0].shape
        rank = len(shape) + 1
        first, last = (axis % rank - 1 if -rank <= axis < rank else rank for axis in (self.start_dim, self.end_dim))
        if first == last == -1 or max(first, last) >= len(shape) or first > last:
            raise ShapeError(f"cannot flatten dimensions {self.start_dim} to {self.end_dim} of {rank}")
        return (inputs[0].like((*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])),)

    @property
    def folded(self) -> str:
        """Nothing: the next row's input says it."""
        return ""

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each number keeps its field; the input's axes are gone."""
        return fields[0] if call.x.shape == call.y.shape else fields[0]._replace(flat=True)


KINDS = {spec.kind: spec for spec in (Flatten,)}
