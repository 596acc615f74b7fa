"""What flows between the nodes of an ONNX graph, as one example sees it, and what an operation reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncli.layers import Layer, Shape, Tensor
from cnncli.layers.batch_axis import PRIMES, Seen, among_many, whole, without

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto


def seen(shape: Shape, dtype: str, batch: int, *, constant: bool) -> Seen:
    """A tensor of `shape` where `batch` examples are run at once.

    Where the batch is 0 no axis is one. At a batch of one, the batch is a leading axis of one of what depends on the input;
    a batch that the file fixes, which is no unlikely number, is not looked for within the axes of a constant.
    """
    if not batch:
        return whole(Tensor(shape, dtype, None))
    if batch == 1:
        tensor = Tensor(shape, dtype, None if constant else 0)
        return whole(tensor) if constant or shape[:1] != (1,) else without(tensor, 0)
    if constant and batch < PRIMES[0] and batch not in shape:
        return whole(Tensor(shape, dtype, None))
    return among_many(shape, dtype, batch)


@dataclass(eq=False, slots=True)
class Draft:
    """A row to be: named when all rows are known. scope: the path of modules it stands in, its own last · hint: what it does

    lacks: the layer's buffers that the file does not hold
    """

    layer: Layer
    reads: tuple[Reference, ...]
    scope: tuple[str, ...]
    hint: str
    fallback: str
    shares: Draft | None = None
    name: str = ""
    lacks: tuple[str, ...] = ()


class Reference(NamedTuple):
    """An output of a row, or an input of the network by its name."""

    maker: Draft | str
    place: int = 0

    def __str__(self) -> str:
        """As a node writes that it reads this."""
        name = self.maker if isinstance(self.maker, str) else self.maker.name
        return f"{name}:{self.place}" if self.place else name


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph.

    shape: whole · reference: who makes it, None for a constant · data: what a constant holds, where that is known · sources: the
    initializers that a constant was made from · literal: it was written into a node and is no initializer
    """

    name: str
    shape: Shape
    seen: Seen
    reference: Reference | None = None
    data: np.ndarray[Any, Any] | None = None
    sources: frozenset[str] = field(default=frozenset())
    literal: bool = False

    @property
    def flows(self) -> bool:
        """It depends on the network's input."""
        return self.reference is not None

    @property
    def dtype(self) -> str:
        """Torch's name."""
        return self.seen.tensor.dtype

    @property
    def numel(self) -> int:
        """Elements, of the whole batch."""
        return prod(self.shape)

    @property
    def learned(self) -> bool:
        """It is made from initializers that count where they flow in: no literal, and no single number."""
        return bool(self.sources) and not self.literal and self.numel > 1


class Said(NamedTuple):
    """What a node is: a layer, the values it reads, and weights by the spec's names; None is the first value as it was.

    fused: a node behind it that it includes
    """

    layer: Layer | None
    reads: tuple[Value, ...]
    weights: Mapping[str, Value] = {}
    fused: NodeProto | None = None


@dataclass(frozen=True, eq=False)
class Op:
    """One node, what it reads and what comes out. outputs: (whole shape, dtype) of each, None where that cannot be told

    next: the only node that reads its first output, and the other value that reads, where there is one · whole: the sizes of all
    that it reads are known
    """

    node: NodeProto
    inputs: tuple[Value | None, ...]
    outputs: tuple[tuple[Shape, str] | None, ...]
    batch: int
    version: int
    next: tuple[NodeProto, Value] | None = None
    whole: bool = True

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """Its settings by name."""
        from onnx import helper

        return {each.name: helper.get_attribute_value(each) for each in self.node.attribute}

    def word(self, name: str, otherwise: str) -> str:
        """A setting that is a word."""
        found = self.attributes.get(name, otherwise)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)

    def number(self, name: str, otherwise: float) -> float:
        """A setting that is a number, as it was before it was written in single precision."""
        return float(f"{self.attributes.get(name, otherwise):.6g}")

    def get(self, place: int) -> Value | None:
        """An input, None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    @property
    def x(self) -> Value:
        """The first input, which must flow; raises `LookupError`."""
        found = self.get(0)
        if found is None or not found.flows:
            raise LookupError
        return found

    def constant(self, place: int) -> Value:
        """An input that must be constant; raises `LookupError`."""
        found = self.get(place)
        if found is None or found.flows:
            raise LookupError
        return found

    def values(self, place: int, name: str = "", otherwise: Any = None) -> Any:  # noqa: ANN401
        """The numbers of a constant input, or of the attribute that it was in older versions; raises `LookupError`."""
        found = self.get(place)
        if found is None:
            return self.attributes.get(name, otherwise)
        if found.data is None:
            raise LookupError
        return found.data.tolist()

    def output(self, place: int = 0) -> Shape:
        """The whole shape of an output; raises `LookupError`."""
        found = self.outputs[place]
        if found is None:
            raise LookupError
        return found[0]

    def makes(self, place: int = 0) -> Seen:
        """An output as one example sees it; raises `LookupError`."""
        found = self.outputs[place]
        if found is None:
            raise LookupError
        return seen(*found, self.batch, constant=False)

    @property
    def lone(self) -> bool:
        """Only its first output is asked for."""
        return not any(self.node.output[1:])
