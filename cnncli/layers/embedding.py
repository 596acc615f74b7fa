"""Embeddings: a learned vector for each of a list of things."""

from __future__ import annotations

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.layers import Call, Layer, Saved, Shape, Tensor, at_least, only, spec


@spec
class Embedding(Layer):
    """The row of a table for each number of the input: … → …×embedding_dim, as torch.nn.Embedding. Nothing is multiplied.

    dtype: of the table
    """

    num_embeddings: int
    embedding_dim: int
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Refuse an empty table."""
        at_least(1, num_embeddings=self.num_embeddings, embedding_dim=self.embedding_dim)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A vector for each number."""
        x = only(inputs, "Embedding")
        return (Tensor((*x.shape, self.embedding_dim), self.dtype, x.batch),)

    @property
    def weights(self) -> dict[str, Shape]:
        """The table."""
        return {"weight": (self.num_embeddings, self.embedding_dim)}

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """A vector sees its number."""
        return fields[0].inserted(-1)

    def kept(self, call: Call) -> Saved:  # noqa: ARG002
        """The numbers."""
        return Saved(inputs=(0,))

    def formulas(self, call: Call) -> tuple[Formula, ...]:  # noqa: ARG002
        """Parameters."""
        put = {"num_embeddings": self.num_embeddings, "embedding_dim": self.embedding_dim}
        return (formula("parameters", "num_embeddings·embedding_dim", self.params, put),)

    @property
    def brief(self) -> str:
        """`embedding 50257→768`."""
        return f"embedding {self.num_embeddings}→{self.embedding_dim}"
