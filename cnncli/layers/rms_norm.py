"""Root-mean-square normalisation. Zhang & Sennrich, 2019."""

from __future__ import annotations

from math import prod

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import ShapeError
from cnncli.layers import Call, Shape, Tensor, dims, only, spec
from cnncli.layers.traced import Measured


@spec
class RMSNorm(Measured):
    """The last axes, whose sizes are `normalized_shape`, over the root of their mean square, as torch.nn.RMSNorm."""

    normalized_shape: Shape
    eps: float | None = None
    elementwise_affine: bool = True

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input, whose last axes must be `normalized_shape`."""
        shape = only(inputs, "RMSNorm").shape
        if shape[-len(self.normalized_shape) :] != self.normalized_shape:
            raise ShapeError(
                f"RMSNorm over {dims(self.normalized_shape)} cannot take {dims(shape) or 'a single number'}",
                fix="normalized_shape is the input's last axes",
            )
        return (inputs[0],)

    @property
    def weights(self) -> dict[str, Shape]:
        """A scale for each normalised element."""
        return {"weight": self.normalized_shape} if self.elementwise_affine else {}

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit sees everything along the normalised axes."""
        field = fields[0]
        for axis in range(len(call.x.shape) - len(self.normalized_shape), len(call.x.shape)):
            field = field.mixing(axis)
        return field

    def formulas(self, call: Call) -> tuple[Formula, ...]:  # noqa: ARG002
        """Parameters."""
        if not self.elementwise_affine:
            return (Formula("parameters", "0", "0", 0, "normalised only: nothing is learned"),)
        return (formula("parameters", "n", self.params, {"n": prod(self.normalized_shape)}, "a scale"),)

    @property
    def brief(self) -> str:
        """`rms-norm 768`."""
        return f"rms-norm {dims(self.normalized_shape)}"
