"""A first look at a kind of call: which layer it is, what torch makes of it, and whether the two agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from cnncli.errors import RequestError
from cnncli.layers import Layer, Saved, Tensor
from cnncli.layers.batch_axis import Seen
from cnncli.layers.traced import Elementwise, Measured, Opaque
from cnncli.layers.traced import Operation as Fixed
from cnncli.layers.traced_call import Form
from cnncli.layers.wrapped import once_or_mapped
from cnncli.tracing.calls import calls
from cnncli.tracing.known import Known, Made, Moved
from cnncli.tracing.measure import counted, kept
from cnncli.tracing.moving import moves, reads
from cnncli.tracing.operations import ELEMENTWISE, MOVES, PRICED, SIZED, Operation
from cnncli.tracing.said import Reader, Said
from cnncli.tracing.signature import storage, tensors_in
from cnncli.tracing.spelling import form, layout
from cnncli.tracing.tags import Constant, Flow, Tag
from cnncli.tracing.views import ORDERS, STEPS, reorder

ALIGNED = frozenset({"add", "mul", "matmul", "scaled_dot_product_attention"}) | ELEMENTWISE
"""Operations on tensors that are broadcast to each other."""


class Call(NamedTuple):
    """One call of a torch function: its tensors each once, and what is known about each."""

    operation: Operation
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: tuple[torch.Tensor, ...]
    tags: tuple[Tag, ...]

    def place(self, tensor: torch.Tensor) -> int:
        """Where a tensor stands among them."""
        return next(at for at, each in enumerate(self.tensors) if each is tensor)

    @property
    def flowing(self) -> list[int]:
        """Places of the tensors that depend on the network's input."""
        return [at for at, tag in enumerate(self.tags) if isinstance(tag, Flow)]

    @property
    def in_place(self) -> bool:
        """Whether it overwrites one of its arguments."""
        return self.operation.inplace or self.kwargs.get("inplace") is True or self.kwargs.get("out") is not None


def sized_by_numbers(call: Call) -> bool:
    """Whether the size of what comes out depends on numbers that flow."""
    name, rest = call.operation.name, (*call.args[1:], *call.kwargs.values())
    if name in SIZED:
        return bool(call.flowing)
    chosen: list[torch.Tensor] = []
    tensors_in(rest, chosen)
    flowing = [each for each in chosen if isinstance(call.tags[call.place(each)], Flow)]
    if name == "getitem":
        return any(each.dtype in (torch.bool, torch.uint8) for each in flowing)
    return (name == "where" and not rest) or (name == "repeat_interleave" and bool(flowing))


def said(call: Call, reader: Reader) -> Said | None:
    """What the call says of itself; None where nothing here reads it, or it is not what its reader describes."""
    if not call.operation.known:
        return None
    found = None if call.operation.composed else calls().get(f"torch.{call.operation.name}")
    found = found or calls().get(call.operation.name)
    if found is None:
        return None
    more = {"inplace": True} if call.operation.inplace else {}
    try:
        return found(reader, *call.args, **call.kwargs, **more)
    except Exception:  # noqa: BLE001  (an argument of a kind that the reader does not know)
        return None


def moved(call: Call, reader: Reader, result: object) -> Moved | None:
    """The call as steps that only rearrange its first tensor; None where it does more."""
    name = call.operation.name
    step = reorder(call.function) if name in ORDERS else STEPS.get(name)
    outputs: list[torch.Tensor] = []
    tensors_in(result, outputs)
    first = call.args[0] if call.args else None
    if step is None or not outputs or not isinstance(first, torch.Tensor) or reader.constant(first):
        return None
    if len(call.flowing) > 1 and not name.endswith("_as"):
        return None
    before, after = reader.seen(first), [reader.seen(each, constant=False) for each in outputs]
    try:
        parts = step(before, after, call.args[1:], call.kwargs)
    except Exception:  # noqa: BLE001
        return None
    tensors = tuple(each.tensor for each in after)
    if parts is None or len(parts) != len(after):
        return None
    if any(_end(steps, before.tensor) != tensor.shape for steps, tensor in zip(parts, tensors, strict=True)):
        return None
    copies = any(storage(each) != storage(first) for each in outputs)
    return Moved(tuple(parts), tensors, copies)


def _end(steps: Sequence[Layer], tensor: Tensor) -> tuple[int, ...] | None:
    try:
        for step in steps:
            tensor = step.resolve((tensor,)).outputs((tensor,))[0]
    except RequestError:
        return None
    return tensor.shape


class Looker:
    """Turns a call that was run into what is known about its kind. batch: examples in it"""

    def __init__(self, batch: int, seen: Callable[..., Seen]) -> None:
        self.batch = batch
        self.seen = seen

    def look(self, call: Call, says: Said | None, result: object) -> Known:
        """The row that the call is."""
        outputs: list[torch.Tensor] = []
        shape = tensors_in(result, outputs)
        constant = not call.flowing
        seen = tuple(self.seen(each, constant=constant).tensor for each in outputs)
        overwritten = _overwritten(call, outputs, says)
        if overwritten is not None and not outputs:  # x[i] = y returns nothing
            seen = (self.seen(call.tensors[overwritten], constant=False).tensor,)
        known = (says and self._explained(call, says, seen)) or self._unexplained(call, seen, overwritten)
        made = _made(call, outputs, overwritten)
        return known._replace(made=made, overwrites=overwritten, shape=shape, form=self._form(call, outputs))

    def _form(self, call: Call, outputs: Sequence[torch.Tensor]) -> Form | None:
        """How the call was written."""
        operands = tuple(layout(self.seen(each)) for each in call.tensors)
        results = tuple(layout(self.seen(each, constant=False)) for each in outputs)
        return form(call, self.batch, (operands, results))

    def _explained(self, call: Call, says: Said, seen: tuple[Tensor, ...]) -> Known | None:
        """The call as the layer that it says it is, where what that makes is what torch made."""
        operands = tuple(self._operand(call, tensor) for tensor in says.reads)
        places = [call.place(tensor) for tensor in says.reads]
        flows = [isinstance(call.tags[at], Flow) for at in places]
        for layer in once_or_mapped(says.layer, operands):
            found = _outcome(layer, operands)
            if found is None:
                continue
            resolved, outputs = found
            if len(outputs) == len(seen) and all(map(self._agree, outputs, seen)):
                flowing = tuple(at for at, flow in zip(places, flows, strict=True) if flow)
                constant = tuple(at for at, flow in zip(places, flows, strict=True) if not flow)
                given = tuple(None if flow else operand for flow, operand in zip(flows, operands, strict=True))
                weights = {name: call.place(tensor) for name, tensor in says.weights.items()}
                measured = self._measured(call, resolved, places)
                return Known(measured, flowing, given if constant else (), weights, constant, outputs)
        return None

    def _operand(self, call: Call, tensor: torch.Tensor) -> Tensor:
        """A tensor as the layer sees it; a constant's size of one that meets the batch is left out."""
        tag = call.tags[call.place(tensor)]
        if isinstance(tag, Flow):
            return tag.tensor
        found = self.seen(tensor, constant=True).tensor
        return self._aligned(call, tensor, found) if call.operation.name in ALIGNED else found

    def _aligned(self, call: Call, constant: torch.Tensor, found: Tensor) -> Tensor:
        for at in call.flowing:
            seen = self.seen(call.tensors[at], constant=False)
            if seen.batch is None or found.batch is not None:
                continue
            place = seen.batch - len(seen.axes)
            if constant.dim() >= -place and constant.shape[place] == 1:
                at_front = constant.dim() + place
                shape = (*constant.shape[:at_front], *constant.shape[at_front + 1 :])
                return Tensor(shape, found.dtype, None)
        return found

    def _agree(self, ours: Tensor, theirs: Tensor) -> bool:
        same = ours.shape == theirs.shape and ours.dtype == theirs.dtype
        return same and (self.batch == 1 or ours.batch == theirs.batch)

    def _unexplained(self, call: Call, seen: tuple[Tensor, ...], overwritten: int | None) -> Known:
        """The call as a row of its own: element by element, at these shapes, or opaque."""
        flowing = tuple(call.flowing)
        if call.operation.free and call.operation.name in ELEMENTWISE and len(seen) == 1 and flowing:
            known = self._elementwise(call, seen[0], inplace=overwritten is not None)
            if known is not None:
                return known
        takes = tuple(tag.tensor for tag in call.tags if isinstance(tag, Flow))
        sources = tuple(at for at, tag in enumerate(call.tags) if isinstance(tag, Constant) and tag.sources)
        fields: dict[str, Any] = {"takes": takes, "gives": seen, "keeps": self._kept(call, flowing)}
        fields["view"] = bool(flowing) and overwritten == flowing[0]
        priced = PRICED.get(call.operation.name) if call.operation.known else None
        if priced is not None:
            each = priced(*call.args, **call.kwargs)
            layer: Layer = Fixed(operation=call.operation.name, cost=each * seen[0].numel, **fields)
        elif call.operation.costly and (cost := self._cost(call, takes, seen)) is not None:
            fields |= self._what_it_reads(call, seen)
            layer = Fixed(operation=call.operation.name, cost=cost, **fields)
        else:
            kind = Fixed if call.operation.free else Opaque
            fields |= self._what_it_reads(call, seen) if call.operation.free else {}
            layer = kind(operation=call.operation.name, **fields)
        return Known(layer, flowing, (), {}, sources, seen)

    def _what_it_reads(self, call: Call, seen: tuple[Tensor, ...]) -> dict[str, Any]:
        """The operation's `moves`, or `reads`, where running it shows them."""
        made = (call.function, call.args, call.kwargs)
        flows = {id(call.tensors[at]): tag.tensor for at in call.flowing if isinstance(tag := call.tags[at], Flow)}
        if call.operation.name in MOVES:
            return {"moves": moves(made, flows, seen, self.batch)}
        if len(flows) == len(seen) == 1 and not call.in_place:
            (flow,) = flows.items()
            return {"reads": reads(made, flow, seen[0].shape, self.batch)}
        return {}

    def _elementwise(self, call: Call, seen: Tensor, *, inplace: bool) -> Known | None:
        """The call as one number out of those at the same place, constants of a single number left out."""
        places = [at for at, tag in enumerate(call.tags) if isinstance(tag, Flow) or _matters(call.tensors[at], tag)]
        first = call.tags[places[0]]
        same = isinstance(first, Flow) and first.tensor.dtype == seen.dtype
        layer = Elementwise(
            operation=call.operation.name,
            inplace=inplace and isinstance(first, Flow),
            dtype=None if same else seen.dtype,
        )
        return self._explained(call, Said(layer, tuple(call.tensors[at] for at in places)), (seen,))

    def _cost(self, call: Call, takes: tuple[Tensor, ...], gives: tuple[Tensor, ...]) -> int | None:
        total = counted(call.function, call.args, call.kwargs)
        if total is None:
            return None
        return total // self.batch if any(tensor.batch is not None for tensor in (*takes, *gives)) else total

    def _measured(self, call: Call, layer: Layer, places: Sequence[int]) -> Layer:
        """The layer with what autograd saves of this call, where its spec leaves that open."""
        if not isinstance(layer, Measured):
            return layer
        return layer.with_arguments(keeps=self._kept(call, places))

    def _kept(self, call: Call, places: Sequence[int]) -> Saved:
        """What autograd saves, inputs as places in `places`; constants that are no parameters count once."""
        saved = kept(call.function, call.args, call.kwargs, call.tensors, self.batch)
        others = [at for at in saved.inputs if at not in places and _computed(call.tags[at])]
        more = sum(call.tensors[at].untyped_storage().nbytes() for at in others)
        inputs = tuple(sorted(list(places).index(at) for at in saved.inputs if at in places))
        return saved._replace(inputs=inputs, constant=saved.constant + more)


def _outcome(layer: Layer, operands: tuple[Tensor, ...]) -> tuple[Layer, tuple[Tensor, ...]] | None:
    """The resolved layer and what it makes; None where it cannot take the operands."""
    try:
        resolved = layer.resolve(operands)
        return resolved, resolved.outputs(operands)
    except Exception:  # noqa: BLE001  (a spec may expect more axes than there are)
        return None


def _matters(tensor: torch.Tensor, tag: Constant) -> bool:
    return bool(tag.sources) or (tensor.dim() > 0 and tensor.numel() > 1)


def _computed(tag: Tag) -> bool:
    return isinstance(tag, Constant) and tag.name is None


def _overwritten(call: Call, outputs: Sequence[torch.Tensor], says: Said | None) -> int | None:
    """The place of the tensor that the call changes."""
    out = call.kwargs.get("out")
    if isinstance(out, torch.Tensor):
        return call.place(out)
    in_place = call.in_place or bool(says and getattr(says.layer, "inplace", False))
    first = next((each for each in call.args if isinstance(each, torch.Tensor)), None)
    if not in_place or first is None:
        return None
    return call.place(first) if not outputs or outputs[0] is first else None


def _made(call: Call, outputs: Sequence[torch.Tensor], overwritten: int | None) -> tuple[Made, ...] | None:
    """The outputs, where all are new tensors or the input handed on; None where they share memory."""
    if overwritten is not None:
        return ()
    storages = {storage(tensor) for tensor in call.tensors}
    found = []
    for output in outputs:
        handed_on = any(output is tensor for tensor in call.tensors)
        if not output.is_meta or (storage(output) in storages and not handed_on):
            return None
        found.append(Made(output.size(), output.stride(), output.dtype))
    return tuple(found)
