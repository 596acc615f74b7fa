"""Attention: every position of a sequence looks at every other."""

from __future__ import annotations

from typing import Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import RequestError
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Tensor, agree, at_least, ranked, spec


@spec
class MultiheadAttention(Layer):
    """Self-attention over L positions of E numbers, L×E → L×E. Vaswani et al., "Attention is all you need", 2017.

    Parameters are those of torch.nn.MultiheadAttention: one projection to queries, keys and values, one of the result.
    """

    kind = "attention"
    home = OWN

    embed_dim: int | None = None
    num_heads: int
    dropout: float = 0.0
    bias: bool = True

    def __post_init__(self) -> None:
        """Refuse heads that do not divide the width."""
        at_least(1, embed_dim=self.embed_dim, num_heads=self.num_heads)
        if (self.embed_dim or 0) % self.num_heads:
            raise RequestError(f"embed_dim {self.embed_dim} does not divide into {self.num_heads} heads")
        if not 0 <= self.dropout < 1:
            raise RequestError(f"dropout {self.dropout} is not a probability below 1")

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `embed_dim` read from the input, L×E."""
        width = ranked(inputs, 2, "MultiheadAttention").shape[1]
        if self.embed_dim == width:
            return self
        return self.with_arguments(embed_dim=agree("embed_dim", self.embed_dim, width))

    @property
    def weights(self) -> dict[str, Shape]:
        """The two projections."""
        width = self.embed_dim or 0
        matrices: dict[str, Shape] = {"in_proj_weight": (3 * width, width), "out_proj.weight": (width, width)}
        biases: dict[str, Shape] = {"in_proj_bias": (3 * width,), "out_proj.bias": (width,)}
        return matrices | biases if self.bias else matrices

    def macs(self, call: Call) -> int:
        """Four projections of every position, and for every pair of positions the product of their keys and of their values."""
        length, width = call.x.shape
        return 4 * length * width**2 + 2 * length**2 * width

    def connections(self, call: Call) -> int:
        """Of the four projections; products of two activations have no weight and are none."""
        length, width = call.x.shape
        return 4 * length * width * (width + self.bias)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """A position sees what all positions see."""
        return fields[0].mixing(0).mixing(1)

    def kept(self, call: Call) -> Saved:
        """Input and result (for the projections' gradients), queries, keys and values, and what softmax was divided by.

        With dropout torch keeps scaled queries and keys besides, and the attention itself: after softmax, after dropout, its mask.
        """
        length, width = call.x.shape
        item = call.x.nbytes // call.x.numel
        inputs = () if call.frozen else (0,)
        if not self.dropout:
            return Saved(inputs=inputs, per_example=item * length * (4 * width + self.num_heads))
        result = 0 if call.frozen else width
        return Saved(inputs=inputs, per_example=item * length * (5 * width + result + 3 * length * self.num_heads))

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Parameters, and with an input MACs and connections."""
        numbers = {"E": self.embed_dim or 0}
        per_unit = "(E + 1)" if self.bias else "E"
        parameters = formula("parameters", f"4·{per_unit}·E", self.params, numbers, "queries, keys, values and result")
        if not call.inputs:
            return (parameters,)
        numbers["L"] = call.x.shape[0]
        return (
            parameters,
            formula("MACs", "4·L·E·E + 2·L·L·E", self.macs(call), numbers, "projections, and products of all pairs"),
            formula("connections", f"4·L·E·{per_unit}", self.connections(call), numbers, "of the projections"),
        )

    @property
    def brief(self) -> str:
        """`attention h12`."""
        return f"{self.kind} h{self.num_heads}"

    @property
    def sentence(self) -> str:
        """`attention over 768 numbers in 12 heads`."""
        return f"{self.kind} over {self.embed_dim or '?'} numbers in {self.num_heads} heads" + (
            "" if self.bias else ", no bias"
        )


KINDS = {spec.kind: spec for spec in (MultiheadAttention,)}
