"""From what nodes say of themselves to rows: who owns an initializer, and which layer fits the shapes that ONNX infers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from cnncli.errors import RequestError, ShapeError
from cnncli.formats.onnx.ops import readers
from cnncli.formats.onnx.ops.costs import COSTS
from cnncli.formats.onnx.ops.elementwise import ELEMENTWISE, FREE, KEEPS, matters
from cnncli.formats.onnx.values import Draft, Op, Reference, Said, Value
from cnncli.layers import Layer, Saved, Shape, Tensor
from cnncli.layers.batch_axis import AlongBatchError, FoldedError, Seen
from cnncli.layers.merge import Concat
from cnncli.layers.traced import Elementwise, Opaque, Operation
from cnncli.layers.wrapped import Given, once_or_mapped

NARROW = frozenset({"int8", "uint8", "int4", "uint4", "int2", "uint2"})
"""Whole numbers that may be weights: quantized ones."""

RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
"""What goes along one axis of its input step by step."""
HINTS = {"Concat": "cat", "ReduceMean": "mean", "ReduceSum": "sum"}
"""Torch's words for a row within a module, where they are not ONNX's: rows of a file and of its module are then called alike."""


class Rows:
    """The rows so far, and which of them reads an initializer first: that one counts it. initializers: name → shape, dtype

    literals: those that are written into nodes · along_batch: whether a node works along what is taken for the batch, which
    examples that stay apart do not do
    """

    def __init__(self, initializers: dict[str, tuple[Shape, str]]) -> None:
        self.known = initializers
        self.drafts: list[Draft] = []
        self.owner: dict[str, Draft] = {}
        self.literals: set[str] = set()
        self.along_batch = False

    def counts(self, name: str) -> bool:
        """Whether an initializer is one that may be learned."""
        dtype = self.known[name][1] if name in self.known else ""
        return "float" in dtype or dtype in NARROW or dtype.startswith("complex")

    def learned(self, name: str) -> bool:
        """Whether it may be learned wherever it flows in: no literal."""
        return self.counts(name) and name not in self.literals

    def add(self, op: Op, scope: tuple[str, ...], fallback: str) -> tuple[tuple[Reference, Seen] | None, ...] | Said:
        """The row of `op`, and its outputs; what it says of itself where it includes the next node or does nothing."""
        try:
            said = _said(op) if op.whole and op.outputs[0] is not None else None
        except AlongBatchError:
            said, self.along_batch = None, True
        if said is not None and said.layer is None:
            return said
        draft = Draft(_UNKNOWN, (), scope, HINTS.get(op.node.op_type, op.node.op_type.lower()), fallback)
        draft.layer = (said and self._explained(draft, said, op)) or self._unexplained(draft, op)
        self.drafts.append(draft)
        if said is not None and said.fused is not None:
            return said
        return self.outputs(draft, op)

    def outputs(self, draft: Draft, op: Op) -> tuple[tuple[Reference, Seen] | None, ...]:
        """What `op` makes, as the outputs of its row."""
        found: list[tuple[Reference, Seen] | None] = []
        for place, made in enumerate(op.outputs):
            at = sum(each is not None for each in found)  # outputs that are left out are none of the row's
            found.append(None if made is None else (Reference(draft, at), op.makes(place)))
        return tuple(found)

    def _explained(self, draft: Draft, said: Said, op: Op) -> Layer | None:
        """The layer that the node says it is, where it makes what ONNX infers; also where it says why it cannot run."""
        layer = said.layer
        if layer is None:
            return None
        operands = _operands(said, op)
        found = None
        for candidate in once_or_mapped(layer, operands):
            outputs = _outcome(candidate, operands)
            if outputs is not None and _agree(outputs, op, said):
                found = candidate.resolve(operands)
                break
        if found is None:
            made = op.outputs[0]
            empty = any(0 in operand.shape for operand in operands)
            windows = getattr(
                layer, "windows", ()
            )  # what does not fit into one is told; else an output may hold nothing
            if empty or (made is not None and (0 not in made[0] or not windows)) or not _refused(layer, operands):
                return None
            found = layer
        return self._owned(draft, found, said, operands)

    def _owned(self, draft: Draft, layer: Layer, said: Said, operands: tuple[Tensor, ...]) -> Layer:
        """The layer with the initializers that no row before has read."""
        draft.reads = tuple(value.reference for value in said.reads if value.reference is not None)
        constants = [value for value in said.reads if not value.flows]
        names = [name for value in said.weights.values() for name in sorted(value.sources)]
        fresh = [name for name in dict.fromkeys(names) if name not in self.owner]
        if not constants and self._plain(layer, said):
            owners = {self.owner[name] for name in names if name in self.owner}
            draft.lacks = tuple(name for name in layer.buffers if name not in said.weights)
            if len(fresh) == len(names):
                return self._own(draft, fresh, layer)
            owner = next(iter(owners), None)
            if owner is not None and not fresh and len(owners) == 1 and _alike(owner.layer, layer):
                draft.shares = owner
                return layer
        flowing = tuple(value.reference for value in said.weights.values() if value.reference is not None)
        draft.reads = (*draft.reads, *flowing)
        return self._given(draft, layer, said, operands, len(flowing))

    def _plain(self, layer: Layer, said: Said) -> bool:
        """Whether each weight is one initializer, all of it."""
        shapes = layer.weights | layer.buffers
        return all(
            len(value.sources) == 1 and not value.flows and value.numel == prod(shapes[name])
            for name, value in said.weights.items()
        )

    def _given(self, draft: Draft, layer: Layer, said: Said, operands: tuple[Tensor, ...], besides: int) -> Layer:
        flows = [value.flows for value in said.reads]
        of_operands = [name for value in said.reads if not value.flows for name in self._flowing_in(value)]
        stored = [name for key, value in said.weights.items() if key in layer.buffers for name in sorted(value.sources)]
        learned = [
            name for key, value in said.weights.items() if key not in layer.buffers for name in sorted(value.sources)
        ]
        given = Given(
            layer=layer,
            operands=()
            if all(flows)
            else tuple(None if flow else tensor for flow, tensor in zip(flows, operands, strict=True)),
            besides=besides,
            learned=self._fresh(draft, (*learned, *of_operands)),
            stored=self._fresh(draft, stored),
        )
        return given if said.weights or not all(flows) else layer

    def _flowing_in(self, value: Value) -> list[str]:
        return [name for name in sorted(value.sources) if self.learned(name)] if value.learned else []

    def _fresh(self, draft: Draft, names: Sequence[str]) -> tuple[tuple[str, Shape], ...]:
        fresh = [name for name in dict.fromkeys(names) if name not in self.owner]
        self._own(draft, fresh, _UNKNOWN)
        return tuple((name, self.known[name][0]) for name in fresh)

    def _own(self, draft: Draft, names: Sequence[str], layer: Layer) -> Layer:
        self.owner |= dict.fromkeys(names, draft)
        return layer

    def _unexplained(self, draft: Draft, op: Op) -> Layer:
        """The node as one number out of those at the same place, as a row at its shapes, or as opaque."""
        name, values = op.node.op_type, [value for value in op.inputs if value is not None]
        steps = 1 if op.attributes.get("layout") else 0
        if name in RECURRENT and op.inputs[0] is not None and op.inputs[0].seen.batch == steps:
            self.along_batch = True
        draft.reads = tuple(value.reference for value in values if value.reference is not None)
        if name in ELEMENTWISE and not op.node.domain and op.lone and op.whole and op.outputs[0] is not None:
            elementwise = self._elementwise(draft, op)
            if elementwise is not None:
                return elementwise
        takes = tuple(value.seen.tensor for value in values if value.flows)
        gives = tuple(op.makes(place).tensor for place, made in enumerate(op.outputs) if made is not None)
        names = [each for value in values for each in sorted(value.sources) if self.learned(each)]
        statistics = op.inputs[3:5] if name == "BatchNormalization" else ()
        held = [each for value in statistics if value is not None for each in sorted(value.sources)]
        fields: dict[str, Any] = {"takes": takes, "gives": gives, "stored": self._fresh(draft, held)}
        fields["learned"] = self._fresh(draft, names)
        cost = _cost(op, (*takes, *gives))
        if cost is None:
            return Opaque(operation=name, **fields)
        return Operation(operation=name, cost=cost, **fields)

    def _elementwise(self, draft: Draft, op: Op) -> Layer | None:
        values = tuple(value for value in op.inputs if value is not None and matters(value))
        made = op.makes().tensor
        first = values[0].dtype == made.dtype and values[0].flows
        layer = Elementwise(
            operation=op.node.op_type.lower(),
            dtype=None if first else made.dtype,
            keeps=KEEPS.get(op.node.op_type, Saved()),
        )
        return self._explained(draft, Said(layer, values), op)


def _alike(layer: Layer, other: Layer) -> bool:
    return type(layer) is type(other) and layer.config == other.config


_UNKNOWN = Opaque(operation="")


def _said(op: Op) -> Said | None:
    """What a node of ONNX's own says of itself; None where nothing here reads it."""
    reader = readers().get(op.node.op_type) if op.node.domain in {"", "ai.onnx"} else None
    try:
        return reader(op) if reader else None
    except AlongBatchError:
        raise
    except (LookupError, FoldedError, RequestError, ValueError, TypeError, AttributeError):
        return None  # an input, a setting or a number of axes that the reader does not know


def _operands(said: Said, op: Op) -> tuple[Tensor, ...]:
    """What the layer reads, for one example; a constant's size of one, or of the batch, that meets the batch is left out."""
    batches = [(value.seen.batch, len(value.shape)) for value in said.reads if value.flows]
    return tuple(
        value.seen.tensor if value.flows else _aligned(value, batches, op.batch, side=isinstance(said.layer, Concat))
        for value in said.reads
    )


def _aligned(constant: Value, batches: Sequence[tuple[int | None, int]], size: int, *, side: bool) -> Tensor:
    found = constant.seen.tensor
    for batch, rank in batches:
        if batch is None or found.batch is not None:
            continue
        place = len(constant.shape) + batch - rank
        if place >= 0 and constant.shape[place] in {1, size}:
            shape = (*constant.shape[:place], *constant.shape[place + 1 :])
            return Tensor(shape, found.dtype, 0 if side else None)
    return found


def _outcome(layer: Layer, operands: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    try:
        return layer.resolve(operands).outputs(operands)
    except Exception:  # noqa: BLE001  (a spec may expect more axes than there are)
        return None


def _refused(layer: Layer, operands: tuple[Tensor, ...]) -> bool:
    """Whether the layer says why it cannot take its inputs: a report says so too, and ends there."""
    try:
        layer.resolve(operands).outputs(operands)
    except ShapeError:
        return True
    except Exception:  # noqa: BLE001
        return False
    return False


def _agree(ours: tuple[Tensor, ...], op: Op, said: Said) -> bool:
    """Whether the layer makes what ONNX infers; outputs that are not asked for do not matter."""
    if said.fused is None and len(ours) < sum(map(bool, op.node.output)):
        return False
    theirs = [op.makes(place).tensor for place, made in enumerate(op.outputs) if made is not None]
    same = all(a.shape == b.shape and a.dtype == b.dtype for a, b in zip(ours, theirs, strict=False))
    whole = op.batch == 1 or all(a.batch == b.batch for a, b in zip(ours, theirs, strict=False))
    return bool(theirs) and same and whole


def _cost(op: Op, tensors: Sequence[Tensor]) -> int | None:
    """MACs for one example; None where nobody knows."""
    if op.node.domain not in {"", "ai.onnx"}:
        return None
    if op.node.op_type in FREE:
        return 0
    try:
        total = COSTS[op.node.op_type](op)
    except LookupError:
        return None
    return total // (op.batch or 1) if any(tensor.batch is not None for tensor in tensors) else total
