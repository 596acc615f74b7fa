"""The output layer of LeNet-5 (LeCun et al., 1998, section II.B): distances to fixed drawings of the classes."""

from __future__ import annotations

from typing import Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import RequestError
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Tensor, agree, at_least, ranked, spec
from cnncli.layers._bitmaps import HEIGHT, PIXELS, WIDTH


@spec
class RBF(Layer):
    """The squared distance to each class' bitmap, 84 → classes: y_i = Σ_j (x_j − w_ij)². The smallest number wins.

    negative: −y_i instead, so that the largest wins. Cross-entropy of that is the paper's criterion, its equation 9 without
    the "rubbish" class.

    The bitmaps are 7×12 drawings of −1 and 1 and are not learned; classes beyond the ten digits get a fixed code of
    −1 and 1 (the paper names such codes as the usual alternative).
    """

    kind = "rbf"
    home = OWN

    in_features: int | None = None
    out_features: int = 10
    negative: bool = False

    def __post_init__(self) -> None:
        """Refuse a width that is not a bitmap's."""
        at_least(1, out_features=self.out_features)
        if self.in_features not in (None, PIXELS):
            raise RequestError(
                f"in_features {self.in_features} is not the {PIXELS} pixels of a {WIDTH}×{HEIGHT} bitmap"
            )

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `in_features` filled in; the input is a vector of 84."""
        found = ranked(inputs, 1, "RBF").shape[0]
        agree("in_features", PIXELS, found)
        return self if self.in_features else self.with_arguments(in_features=found)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A distance for each class."""
        return (inputs[0].like((self.out_features,)),)

    @property
    def buffers(self) -> dict[str, Shape]:
        """The bitmaps."""
        return {"bitmaps": (self.out_features, PIXELS)}

    def macs(self, call: Call) -> int:
        """Pixels × classes: each connection squares a difference and adds it up, one multiply-accumulate."""
        return PIXELS * call.y.numel

    def connections(self, call: Call) -> int:
        """Pixels × classes; there is no bias."""
        return PIXELS * call.y.numel

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """Every distance is to all of the input."""
        return fields[0].mixing(0)

    def kept(self, call: Call) -> Saved:
        """The differences."""
        return Saved(per_example=call.x.like((self.out_features, PIXELS)).nbytes)

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Parameters (none), MACs and connections."""
        none = Formula("parameters", "0", "0", 0, f"{self.out_features * PIXELS:,} fixed numbers: the bitmaps")
        if not call.inputs:
            return (none,)
        put = {"in_features": PIXELS, "out_features": self.out_features}
        symbols = "in_features·out_features"
        return (
            none,
            formula("MACs", symbols, self.macs(call), put, "a difference squared and added"),
            formula("connections", symbols, self.connections(call), put),
        )

    @property
    def brief(self) -> str:
        """`rbf 84→10`."""
        return f"{self.kind} {PIXELS}→{self.out_features}"

    @property
    def sentence(self) -> str:
        """`rbf 84 → 10`."""
        return f"{self.kind} {PIXELS} → {self.out_features}"


KINDS = {spec.kind: spec for spec in (RBF,)}
