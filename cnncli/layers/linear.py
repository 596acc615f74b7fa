"""Fully connected layers."""

from __future__ import annotations

from math import prod
from typing import Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import ShapeError
from cnncli.layers import Call, Layer, Saved, Shape, Tensor, agree, at_least, dims, only, spec


@spec
class Linear(Layer):
    """y = W·x + b over the last axis: …×in_features → …×out_features, as torch.nn.Linear."""

    kind = "linear"

    in_features: int | None = None
    out_features: int
    bias: bool = True

    def __post_init__(self) -> None:
        """Refuse widths below one."""
        at_least(1, in_features=self.in_features, out_features=self.out_features)

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `in_features` read from the input's last axis."""
        shape = only(inputs, "Linear").shape
        if not shape:
            raise ShapeError("Linear takes a vector, the input is a single number")
        if self.in_features == shape[-1]:
            return self
        if len(shape) > 1 and self.in_features == prod(shape):
            raise ShapeError(
                f"in_features is {self.in_features:,}, the input {dims(shape)} holds as many numbers and is not flat",
                fix="flatten it first, as x.flatten(1) does",
            )
        return self.with_arguments(in_features=agree("in_features", self.in_features, shape[-1]))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The last axis becomes out_features."""
        return (inputs[0].like((*inputs[0].shape[:-1], self.out_features)),)

    @property
    def weights(self) -> dict[str, Shape]:
        """The matrix, out_features×in_features, and the bias."""
        matrix: dict[str, Shape] = {"weight": (self.out_features, self.in_features or 0)}
        return matrix | {"bias": (self.out_features,)} if self.bias else matrix

    def macs(self, call: Call) -> int:
        """in_features × output units."""
        return call.y.numel * (self.in_features or 0)

    def connections(self, call: Call) -> int:
        """(in_features + 1 with a bias) × output units."""
        return call.y.numel * ((self.in_features or 0) + self.bias)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """Behind a flattened map a unit sees all of it; over the channels of each position, what that position sees."""
        return fields[0].mixing(-1)

    def kept(self, call: Call) -> Saved:
        """The input, for the matrix's gradient."""
        return Saved() if call.frozen else Saved(inputs=(0,))

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Parameters, and with an input MACs and connections."""
        numbers = {"in_features": self.in_features or 0, "out_features": self.out_features}
        fan_in = "(in_features + 1)" if self.bias else "in_features"
        parameters = formula("parameters", f"{fan_in}·out_features", self.params, numbers)
        if not call.inputs:
            return (parameters,)
        positions = prod(call.x.shape[:-1])
        repeated = "" if positions == 1 else "positions · "
        numbers["positions"] = positions
        return (
            parameters,
            formula("MACs", f"{repeated}in_features·out_features", self.macs(call), numbers),
            formula("connections", f"{repeated}{fan_in}·out_features", self.connections(call), numbers),
        )

    @property
    def brief(self) -> str:
        """`400→120`."""
        return f"{self.in_features or '?'}→{self.out_features}"

    @property
    def sentence(self) -> str:
        """`linear 400 → 120`."""
        return f"{self.kind} {self.in_features or '?'} → {self.out_features}" + ("" if self.bias else ", no bias")


KINDS = {spec.kind: spec for spec in (Linear,)}
