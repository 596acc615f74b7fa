"""A call of one of torch's functions as somebody's module made it, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeAlias

_numbers = count()


class Layout(NamedTuple):
    """How a tensor lay in the module, where a network has the batch first.

    batch: the axis that is the batch alone · folded: the one that holds the batch and as many as `times` others
    """

    batch: int | None = 0
    folded: int | None = None
    times: int = 1

    @property
    def usual(self) -> bool:
        """Whether it is as in the network."""
        return not self.batch and self.folded is None


class Place(NamedTuple):
    """A tensor among the arguments: which operand it is."""

    at: int


class Batched(NamedTuple):
    """A number that grows with the batch: `times` for each example."""

    times: int


class Word(NamedTuple):
    """What stands for itself: `torch.float32`, `...`; `device` for the one that the inputs are on."""

    text: str


class Stretch(NamedTuple):
    """A slice."""

    start: object
    stop: object
    step: object


class Form(NamedTuple):
    """What calls of a kind share.

    function: `torch.roll`, `Tensor.add_`, `functional.pad` · args, named: plain values, tuples and lists of them, and the above ·
    operands: how each tensor lies that flows · results: how each output lies
    """

    function: str
    args: tuple[object, ...]
    named: tuple[tuple[str, object], ...] = ()
    operands: tuple[Layout, ...] = ()
    results: tuple[Layout, ...] = ()


AFTER = Form("", ())
"""What is no call: the first operand, once the second, which overwrites a part of it, is computed."""


class Flowing(NamedTuple):
    """An input of the row, by its place among them."""

    at: int


class Held(NamedTuple):
    """A parameter or buffer, by its name in the state dict."""

    name: str


class Alike(NamedTuple):
    """Any tensor that flows, of this dtype: only its device and dtype matter."""

    dtype: str


class Unknown(NamedTuple):
    """A tensor that cannot be written. why: `a tensor that nobody was seen to make`"""

    why: str


Operand: TypeAlias = "Flowing | Held | Alike | Unknown | Computed"


class Spelled(NamedTuple):
    """A call: its form, and what its tensors are."""

    form: Form
    operands: tuple[Operand, ...]

    @property
    def inplace(self) -> bool:
        """Whether it overwrites its first tensor."""
        name = self.form.function.rpartition(".")[2]
        if name.endswith("__"):
            return name == "__setitem__" or (name.startswith("__i") and name != "__invert__")
        return name.endswith("_")


@dataclass(frozen=True, eq=False)
class Computed:
    """What a call made that does not depend on the network's input. index: which of its outputs, None for the only one."""

    call: Spelled
    index: int | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    """In the order in which they were made."""


def computed(call: Spelled) -> list[Computed]:
    """What is computed on the way to a call, in the order in which the module computed it."""
    found: dict[int, Computed] = {}
    waiting = list(call.operands)
    while waiting:
        each = waiting.pop()
        if isinstance(each, Computed) and each.number not in found:
            found[each.number] = each
            waiting += each.call.operands
    return [found[number] for number in sorted(found)]


def leaves(call: Spelled) -> Iterator[Operand]:
    """The tensors that a call starts from, those of what is computed for it among them."""
    for each in (call, *(made.call for made in computed(call))):
        yield from (operand for operand in each.operands if not isinstance(operand, Computed))


def counts(call: Spelled) -> bool:
    """Whether a number of the call, or of what is computed for it, grows with the batch."""
    forms = [call.form, *(each.call.form for each in computed(call))]
    return any(_grows(value) for form in forms for value in (*form.args, *(value for _, value in form.named)))


def _grows(value: object) -> bool:
    if isinstance(value, Batched):
        return True
    plain = type(value) in (tuple, list) or isinstance(value, Stretch)
    return plain and any(_grows(each) for each in value)  # type: ignore[attr-defined]
