"""Writing down what a module does while it runs: every call of a torch function becomes a row, or a step on the way to one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from cnncli.layers import Layer, Tensor
from cnncli.layers.rearrange import Contiguous, Expand
from cnncli.layers.shape import Slice
from cnncli.layers.traced import Opaque
from cnncli.layers.traced import Operation as Fixed
from cnncli.tracing.draft import Draft, Drafts, Visit, identifier
from cnncli.tracing.examples import Batch
from cnncli.tracing.known import Known, Moved
from cnncli.tracing.lending import Lent, is_quantized
from cnncli.tracing.looking import Call, Looker, moved, said, sized_by_numbers
from cnncli.tracing.marks import Marks
from cnncli.tracing.measure import counted
from cnncli.tracing.moving import written
from cnncli.tracing.operations import FRESH, READING, Operation, operation, unasked
from cnncli.tracing.rows import At, Rows
from cnncli.tracing.said import Reader, Said
from cnncli.tracing.signature import rebuilt, same_shape, signature, tensors_in
from cnncli.tracing.spelling import after, constant, of_many
from cnncli.tracing.tags import NOTHING, Constant, Flow, Tag
from cnncli.tracing.transforms import CONTROL


class Failed(NamedTuple):
    """An error, the call of a module that it came out of, and the call of a function with what that said, where it was one."""

    error: BaseException
    visit: Visit
    call: Call | None
    says: Said | None


class Heard(NamedTuple):
    """A call within a block that is one row."""

    operation: Operation
    arguments: object


class Recorder(TorchFunctionMode):
    """Everything that one run of a module does, as rows. While it is entered, torch's functions come here."""

    def __init__(self, lent: Lent, batch: Batch, device: str) -> None:
        super().__init__()
        self.lent, self.device = lent, device
        self.drafts = Drafts(lent.modules)
        self.rows = Rows(self.drafts, lent.own)
        self.marks = Marks(lent, batch, device)
        self.visit, self.module = self.drafts.root, lent.module
        self.looker = Looker(batch.size, self.marks.seen)
        self.known: dict[Hashable, Known | Moved] = {}
        self.silent = False
        self.inside: list[Any] = []
        self.heard: list[Heard] | None = None
        self.failed: Failed | None = None
        self.decided: dict[str, None] = {}  # paths of modules where numbers that flow decide what is done

    @property
    def reader(self) -> Reader:
        """What readers of calls may ask."""
        return Reader(self.module, self.marks.seen, self.marks.is_constant, self.marks.is_learned)

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        """Run a function that was called on tensors, or make what it would make; write it down."""
        del types
        if (chooses := CONTROL.get(func)) is not None and not self.silent:
            with self:
                return chooses(*args, **(kwargs or {}))
        found = operation(func)
        if self.heard is not None:
            self.heard.append(Heard(found, (args, kwargs)))
        if found.name in READING and not self.silent:
            self._read((args, kwargs))
        if found.metadata or self.silent:
            return func(*args, **(kwargs or {}))
        return self._call(found, func, args, kwargs or {})

    def _call(
        self, found: Operation, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401
        tensors: dict[int, torch.Tensor] = {}
        try:
            key: Hashable = (function, signature(args, tensors), signature(kwargs, tensors) if kwargs else None)
        except TypeError:
            key, listed = None, list[torch.Tensor]()
            tensors_in((args, kwargs), listed)
            tensors = {id(tensor): tensor for tensor in listed}
        args, kwargs, own = self.marks.at_home(args, kwargs, tensors)
        call = Call(found, function, args, kwargs, own, tuple(map(self._tag, own)))
        if found.name in FRESH:
            return self._constant(call)
        if not any(isinstance(tag, Flow) for tag in call.tags) and not (found.costly and _costs(call)):
            return self._constant(call)
        if key is not None:
            key = (key, tuple((*same_shape(each), _state(tag)) for each, tag in zip(own, call.tags, strict=True)))
            known = self.known.get(key)
            if known is not None and self.device == "meta":
                return self._again(call, known)
        return self._first(call, key)

    def _read(self, arguments: object) -> None:
        """Remember where numbers that flow are taken out of a tensor: what comes next may depend on them."""
        tensors: list[torch.Tensor] = []
        tensors_in(arguments, tensors)
        if any(isinstance(self.marks.tag(tensor), Flow) for tensor in tensors):
            self.decided[self.visit.path or type(self.lent.module).__name__] = None

    def _tag(self, tensor: torch.Tensor) -> Tag:
        """What is known about a tensor; one of a batch that came from nowhere is a row of its own, whose cost is not known."""
        tag = self.marks.tag(tensor)
        if tag is not NOTHING or not self.marks.is_strange(tensor):
            return tag
        example = self.marks.seen(tensor, constant=False).tensor
        draft = self.drafts.add(Draft("unseen", Opaque(operation="unseen", gives=(example,)), (), self.visit))
        self.marks.mark(tensor, Flow(draft, 0, example, example))
        return self.marks.tag(tensor)

    def _again(self, call: Call, known: Known | Moved) -> Any:  # noqa: ANN401
        """A call of a kind that was looked at: no kernel runs where what it makes can be told."""
        if isinstance(known, Moved):
            return self._move(call, known, call.function(*call.args, **call.kwargs))
        if known.made is None:
            result = call.function(*call.args, **call.kwargs)
            outputs: list[torch.Tensor] = []
            tensors_in(result, outputs)
        else:
            outputs = [each.again() for each in known.made]
            own = outputs if known.overwrites is None else [call.tensors[known.overwrites]]
            result = rebuilt(known.shape, own)
        return self._row(call, known, result, outputs)

    def _first(self, call: Call, key: Hashable) -> Any:  # noqa: ANN401
        """A call of a new kind: what it says, what torch makes of it, and what that is."""
        says = said(call, self.reader)
        if says is None and self._opens(call):
            return self._descend(call)
        try:
            quick = says is not None and says.alike and says.fitting and self.device == "meta"
            result = torch.empty_like(says.reads[0]) if says and quick else call.function(*call.args, **call.kwargs)
        except Exception as error:
            self.note(error, call, says)
            raise
        outputs: list[torch.Tensor] = []
        tensors_in(result, outputs)
        if not outputs and not call.in_place:
            return result
        if sized_by_numbers(call):
            self._read(call.args)
        known = moved(call, self.reader, result) if says is None else None
        if known is not None:
            self._remember(key, known)
            return self._move(call, known, result)
        return self._look(call, says, result, key)

    def _look(self, call: Call, says: Said | None, result: Any, key: Hashable = None) -> Any:  # noqa: ANN401
        """The row of a call that was run."""
        known = self.looker.look(call, says, result)
        self._remember(key, known)
        outputs: list[torch.Tensor] = []
        shape = tensors_in(result, outputs)
        if known.overwrites is None and any(output is each for output in outputs for each in call.tensors):
            with torch._C.DisableTorchFunction():  # the copy is no row
                outputs = [each.clone() for each in outputs]  # handed on (dropout): a row needs a tensor of its own
            result = rebuilt(shape, outputs)
        return self._row(call, known, result, outputs)

    def _remember(self, key: Hashable, known: Known | Moved) -> None:
        if key is not None:
            self.known[key] = known

    def _row(self, call: Call, known: Known, result: Any, outputs: list[torch.Tensor]) -> Any:  # noqa: ANN401
        """Add the row, and mark what it made."""
        draft = self.rows.add(known, call.tags, At(identifier(call.operation.name), self.visit))
        if known.overwrites is not None:
            outputs = [call.tensors[known.overwrites]]
            self._written_back(draft, outputs[0], known)
        for index, (tensor, example) in enumerate(zip(outputs, known.outputs, strict=False)):
            self.marks.mark(tensor, Flow(draft, index, example, example))
        return result

    def _written_back(self, draft: Draft, part: torch.Tensor, known: Known) -> None:
        """Where a view of another tensor was overwritten, that tensor changed with it: a row that reads both."""
        whole = part._base
        before = self.marks.tag(whole) if whole is not None else None
        if whole is None or whole is part or not isinstance(before, Flow) or not known.outputs:
            return
        (base,), changed = self.rows.settled([before]), known.outputs[0]
        axes = self.marks.seen(part, constant=False).axes
        moves = written(whole, part, (base.tensor.shape, changed.shape), axes)
        layer = Fixed(operation="setitem", takes=(base.tensor, changed), gives=(base.tensor,), view=True, moves=moves)
        reads = (base, Flow(draft, 0, changed, changed))
        back = self.drafts.add(Draft("setitem", layer, reads, self.visit))
        self.marks.mark(whole, Flow(back, 0, base.tensor, base.tensor))

    def _move(self, call: Call, move: Moved, result: Any) -> Any:  # noqa: ANN401
        """Mark the outputs with the steps to them; what a module does, and flattening a map, is a row at once."""
        outputs: list[torch.Tensor] = []
        tensors_in(result, outputs)
        before = self.marks.tag(call.args[0])
        assert isinstance(before, Flow)  # noqa: S101
        if before.copies and any(isinstance(step, Slice | Expand) for steps in move.parts for step in steps):
            self.rows.settled([before])  # what is laid out anew is memory of its own, of which parts are looked at
        start = before.settled or before
        for tensor, steps, example in zip(outputs, move.parts, move.outputs, strict=True):
            lays = move.copies or (start.steps and call.operation.name == "contiguous")  # elsewhere it may copy
            if not steps and not lays:
                self.marks.mark(tensor, before)
                continue
            copies = start.copies or move.copies
            laid = (*start.steps, *steps, *((Contiguous(),) if lays else ()))
            name, visit = "slice" if call.operation.name == "getitem" else call.operation.name, self.visit
            flow = Flow(start.maker, start.index, example, start.base, laid, copies, name, visit)
            if steps and (isinstance(self.module, nn.Flatten | nn.Unflatten) or len(example.shape) == 1):
                self.rows.settled([flow], counts=isinstance(self.module, nn.Flatten | nn.Unflatten))
            self.marks.mark(tensor, flow)
        return result

    def _constant(self, call: Call) -> Any:  # noqa: ANN401
        """A call that does not depend on the network's input is no row; whoever reads its result owns its parameters."""
        result = call.function(*call.args, **call.kwargs)
        outputs: list[torch.Tensor] = []
        tensors_in(result, outputs)
        read = () if call.operation.name in FRESH else call.tags
        sources = frozenset[str]().union(*(tag.sources for tag in read if isinstance(tag, Constant)))
        changed = call.tensors[:1] if call.in_place else ()
        made = constant(call, self.marks.batch.size)
        for place, tensor in enumerate((*changed, *outputs), -len(changed)):
            if id(tensor) not in self.marks.own and (_among(tensor, changed) or not _among(tensor, call.tensors)):
                alone = place < 0 or result is tensor
                self.marks.mark(tensor, Constant(sources, made=of_many(made, None if alone else place)))
        for tensor in changed:
            self._overwritten(tensor)
        return result

    def _overwritten(self, part: torch.Tensor) -> None:
        """What a constant is part of changed with it."""
        whole = part._base
        tag = NOTHING if whole is None else self.marks.tag(whole)
        if whole is not None and isinstance(tag, Constant) and tag.name is None:
            self.marks.mark(whole, replace(tag, made=after(tag.made, self.marks.tag(part))))

    def _opens(self, call: Call) -> bool:
        """Whether to look at what the function itself calls."""
        made_of_others = call.operation.composed and call.operation.known and not call.operation.free
        return made_of_others and call.function not in self.inside

    def _descend(self, call: Call) -> Any:  # noqa: ANN401
        self.inside.append(call.function)
        try:
            with unasked(), self:
                return call.function(*call.args, **call.kwargs)
        finally:
            self.inside.pop()

    def stop(
        self,
        module: nn.Module,
        layer: Layer | None,
        run: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:  # noqa: ANN401
        """A module that is one row: what goes on inside it is not looked at. Without a `layer` nobody knows what it costs."""
        tensors: list[torch.Tensor] = []
        tensors_in((args, kwargs), tensors)
        weights: dict[str, torch.Tensor] = dict(module.named_parameters()) | dict(module.named_buffers())
        if is_quantized(module):
            home = f"{self.visit.path}." if self.visit.path else ""
            weights |= {name: own for name in ("weight", "bias") if (own := self.lent.own.get(home + name)) is not None}
        if layer is not None:
            self.rows.settings |= {
                self.marks.own[id(each)].name for each in module.buffers() if id(each) in self.marks.own
            }
            weights = {name: each for name, each in weights.items() if name in layer.weights or name in layer.buffers}
        unique = tuple({id(each): each for each in (*tensors, *weights.values())}.values())
        name = Operation(
            getattr(module, "original_name", type(module).__name__), inplace=False, known=False, composed=False
        )
        call = Call(name, run, args, kwargs, unique, tuple(map(self.marks.tag, unique)))
        says = Said(layer, tuple(tensors), weights) if layer is not None else None
        self.silent = True
        try:
            result = run(*args, **kwargs)
        except Exception as error:
            self.note(error, call, says)
            raise
        finally:
            self.silent = False
        return self._look(call, says, result)

    def block(self, name: str, run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """What is called on tensors that stand for others, as within vmap: one row; torch counts its cost if nothing is strange."""
        if self.silent or self not in _get_current_function_mode_stack():  # type: ignore[no-untyped-call]
            return run(*args, **kwargs)
        self.silent, self.heard = True, []
        try:
            result = run(*args, **kwargs)
            tensors: list[torch.Tensor] = []
            tensors_in((args, kwargs), tensors)
            given = {id(each) for each in tensors}
            tensors_in([each.arguments for each in self.heard], tensors)
            unique = {id(each): each for each in tensors if id(each) in given or id(each) in self.marks.own}
            plain = all(each.operation.free or each.operation.costly or each.operation.metadata for each in self.heard)
            own = tuple(unique.values())
            found = Operation(name, inplace=False, known=plain, composed=False)
            call = Call(found, run, args, kwargs, own, tuple(map(self._tag, own)))
            return self._look(call, None, result) if call.flowing or (plain and _costs(call)) else self._constant(call)
        finally:
            self.silent, self.heard = False, None

    def note(self, error: BaseException, call: Call | None = None, says: Said | None = None) -> None:
        """Remember where an error came from: the innermost place that it passes."""
        if self.failed is None or self.failed.error is not error:
            self.failed = Failed(error, self.visit, call, says)

    def input(self, name: str, tensor: torch.Tensor, example: Tensor) -> None:
        """A tensor that flows into the network."""
        draft = Draft(name, None, (), self.drafts.root, name=name)
        self.drafts.taken.add(name)
        self.marks.mark(tensor, Flow(draft, 0, example, example))

    def flows(self, result: object) -> list[Flow]:
        """The network's outputs: all tensors in what the module returned that depend on its input."""
        outputs: list[torch.Tensor] = []
        tensors_in(result, outputs)
        tags = [self._tag(tensor) for tensor in outputs]
        return list(self.rows.settled([tag for tag in tags if isinstance(tag, Flow)]))


def _state(tag: Tag) -> object:
    """What a reading depends on besides sizes: the example where it flows, whether it is learned where it does not."""
    return tag.tensor if isinstance(tag, Flow) else (bool(tag.sources), tag.name is None)


def _costs(call: Call) -> bool:
    """Whether weights are multiplied with weights, as torch's flop counter counts it, or may be where it cannot."""
    return bool(call.tensors) and counted(call.function, call.args, call.kwargs) != 0


def _among(tensor: torch.Tensor, others: tuple[torch.Tensor, ...]) -> bool:
    return any(tensor is other for other in others)
