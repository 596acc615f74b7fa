"""What a recorded module does between its layers: reshapes, transposes and slices, several of them as one row."""

from __future__ import annotations

from typing import Any

from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import OWN, Call, Layer, Shape, Tensor, dims, only, spec

Steps = tuple[Layer, ...]


@spec
class Expand(Layer):
    """Sizes of one repeated, and axes added in front, without a copy: the shape becomes `shape` (torch.Tensor.expand)."""

    home = OWN

    shape: Shape

    @property
    def aliases(self) -> bool:
        """Every repetition is the same memory."""
        return True

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """`shape`; raises `ShapeError` where the input's sizes are neither these nor one."""
        x = only(inputs, "Expand")
        tail = self.shape[len(self.shape) - len(x.shape) :]
        if len(x.shape) > len(self.shape) or any(n not in (1, m) for n, m in zip(x.shape, tail, strict=True)):
            raise ShapeError(f"cannot expand {dims(x.shape)} to {dims(self.shape)}")
        return (x.like(self.shape),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Copies see what the original sees."""
        field, added = fields[0], len(call.y.shape) - len(call.x.shape)
        for axis, (old, new) in enumerate(zip(call.x.shape, call.y.shape[added:], strict=True)):
            field = field.mixing(axis) if old != new else field
        for _ in range(added):
            field = field.inserted(0)
        return field

    @property
    def brief(self) -> str:
        """`expand → 8×64`."""
        return f"expand → {dims(self.shape)}"


@spec
class Contiguous(Layer):
    """The same numbers laid out in memory one after the other (torch.Tensor.contiguous)."""

    home = OWN

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The input's shape."""
        return (only(inputs, "Contiguous"),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """The input's."""
        return fields[0]


@spec
class Rearrange(Layer):
    """The same numbers in other shapes. parts: for each output the steps from the input to it; copies: they are laid out anew."""

    home = OWN
    folds = True

    operation: str
    parts: tuple[Steps, ...]
    copies: bool = False

    @property
    def aliases(self) -> bool:
        """Whether the outputs are views."""
        return not self.copies

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What each part's steps lead to."""
        return tuple(self._follow(part, only(inputs, "Rearrange"))[-1] for part in self.parts)

    def _follow(self, part: Steps, x: Tensor) -> list[Tensor]:
        found = [x]
        for step in part:
            found.append(step.resolve((found[-1],)).outputs((found[-1],))[0])
        return found

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Of the first output."""
        return self.fields(fields, call)[0]

    def fields(self, fields: tuple[Field, ...], call: Call) -> tuple[Field | None, ...]:
        """Each number keeps its field."""
        return tuple(self._seen(part, fields[0], call.x) for part in self.parts)

    def _seen(self, part: Steps, field: Field, x: Tensor) -> Field | None:
        tensors = self._follow(part, x)
        found: Field | None = field
        for step, before, after in zip(part, tensors, tensors[1:], strict=False):
            found = found and step.field((found,), Call((before,), (after,)))
        return found

    @property
    def config(self) -> dict[str, Any]:
        """The steps in words."""
        return {"operation": self.operation, "parts": [self._words(part) for part in self.parts]}

    def _words(self, part: Steps) -> list[str]:
        return [step.brief for step in part if not isinstance(step, Contiguous)]

    @property
    def brief(self) -> str:
        """`transpose`, `split into 3`."""
        return self.operation if len(self.parts) == 1 else f"{self.operation} into {len(self.parts)}"

    @property
    def folded(self) -> str:
        """Nothing: the next row's input says it."""
        return ""

    def module(self) -> Any:  # noqa: ANN401  (never returns)
        """Raise `RequestError`: only single steps can be built."""
        raise RequestError(
            f"{self.operation} was recorded from a module and cannot be built again; use that module itself"
        )
