"""What a recorder knows about a tensor: who made it and which way it came, or which parameters it was made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from cnncli.layers import Layer, Tensor
from cnncli.layers.traced_call import Operand

if TYPE_CHECKING:
    from cnncli.tracing.draft import Draft, Visit


@dataclass(eq=False, slots=True)
class Flow:
    """A tensor that depends on the network's input.

    maker, index: who made it, and which of its outputs it is · tensor: for one example · base: as it was made · steps: reshapes
    and slices since then · copies: they were laid out anew · operation, visit: what the last step was called, and in which call
    of a module
    """

    maker: Draft
    index: int
    tensor: Tensor
    base: Tensor
    steps: tuple[Layer, ...] = ()
    copies: bool = False
    operation: str = ""
    visit: Visit | None = None
    settled: Flow | None = field(default=None, repr=False)
    """The output of the row that its steps became, once they did."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that does not depend on the network's input.

    sources: the parameters and buffers it was made from · name: the one that it is, where it is one itself · made: the call that
    made it, where it was seen
    """

    sources: frozenset[str] = frozenset()
    name: str | None = None
    made: Operand | None = None


Tag: TypeAlias = "Flow | Constant"
NOTHING = Constant()
