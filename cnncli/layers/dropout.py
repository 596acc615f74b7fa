"""Layers that drop numbers at random while training and do nothing afterwards."""

from __future__ import annotations

from cnncli.errors import RequestError
from cnncli.layers import ITEM_BYTES, OWN, Call, Layer, Saved, Tensor, one_of, ranked, spec


@spec
class _Dropping(Layer):
    """What dropping shares: with probability p a number becomes 0, the others are divided by 1 − p."""

    folds = True

    p: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        if not 0 <= self.p <= 1:
            raise RequestError(f"p {self.p} is not a probability; write a number from 0 to 1")

    @property
    def idle(self) -> bool:
        """In eval mode nothing is dropped and the input is handed on."""
        return True

    @property
    def brief(self) -> str:
        """`dropout 0.5`."""
        return f"{self.kind} {self.p:g}"

    @property
    def folded(self) -> str:
        """`dropout`: the line it is folded into has no room for more."""
        return self.kind


@spec
class Dropout(_Dropping):
    """Single numbers are dropped. Any shape."""

    kind = "dropout"

    inplace: bool = False

    @property
    def aliases(self) -> bool:
        """In place, or with nothing to drop, the output is the input's memory."""
        return self.inplace or self.p == 0

    def kept(self, call: Call) -> Saved:
        """A number for each that may be dropped: 0 or 1/(1 − p)."""
        return self._mask(call.x)

    def _mask(self, mask: Tensor) -> Saved:
        if self.p == 0:
            return Saved()
        return Saved(per_example=mask.nbytes) if self.p < 1 else Saved(constant=ITEM_BYTES[mask.dtype])


class Dropout2d(Dropout):
    """Whole channels are dropped: C×H×W."""

    kind = "dropout2d"

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input."""
        return (ranked(inputs, 3, "Dropout2d"),)

    def kept(self, call: Call) -> Saved:
        """A number for each channel."""
        return self._mask(call.x.like((call.x.shape[0],)))


@spec
class StochasticDepth(_Dropping):
    """Whole examples are dropped (mode `row`), or all of the batch at once (`batch`). Huang et al., 2016."""

    kind = "stochastic-depth"
    home = OWN

    mode: str = "row"

    def __post_init__(self) -> None:
        """Refuse what is no probability and no mode."""
        super().__post_init__()
        one_of("mode", self.mode, ("row", "batch"))

    @property
    def aliases(self) -> bool:
        """With nothing to drop the input is handed on."""
        return self.p == 0

    def kept(self, call: Call) -> Saved:
        """A number for each example, or one."""
        size = ITEM_BYTES[call.x.dtype] if self.p else 0
        return Saved(per_example=size) if self.mode == "row" else Saved(constant=size)


KINDS: dict[str, type[Layer]] = {spec.kind: spec for spec in (Dropout, Dropout2d, StochasticDepth)}
