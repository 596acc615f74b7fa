"""Writing down what a module does while it runs: every call of a torch function becomes a row, or a step on the way to one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cnncli.layers import Layer, Tensor
from cnncli.record.draft import Draft, Drafts, Visit, identifier
from cnncli.record.examples import Batch, Seen
from cnncli.record.known import Known, Moved
from cnncli.record.lending import Lent
from cnncli.record.looking import Call, Looker, moved, said
from cnncli.record.operations import FRESH, Operation, operation
from cnncli.record.rows import At, Own, Rows
from cnncli.record.said import Reader, Said
from cnncli.record.signature import rebuilt, replaced, same_shape, signature, tensors_in
from cnncli.record.tags import NOTHING, Constant, Flow, Tag

MARK = "_cnncli_recorded"
"""The attribute of a tensor that holds what its recorder knows about it."""


class Marks:
    """What is known about tensors: each carries it, but for the module's own."""

    def __init__(self, lent: Lent, batch: Batch) -> None:
        self.own = {at: Constant(frozenset({name}), name) for at, name in lent.names.items()}
        self.batch = batch

    def tag(self, tensor: torch.Tensor) -> Tag:
        """What is known about a tensor; one that nobody was seen to make is a constant."""
        found = tensor.__dict__.get(MARK)
        if found is not None and found[0] is self:
            tag: Tag = found[1]
            return tag
        return self.own.get(id(tensor), NOTHING)

    def mark(self, tensor: torch.Tensor, tag: Tag) -> None:
        """Remember something about a tensor."""
        tensor.__dict__[MARK] = (self, tag)

    def is_constant(self, tensor: torch.Tensor) -> bool:
        """Whether it does not depend on the network's input."""
        return isinstance(self.tag(tensor), Constant)

    def is_learned(self, tensor: torch.Tensor) -> bool:
        """Whether it is made from parameters or buffers."""
        tag = self.tag(tensor)
        return isinstance(tag, Constant) and bool(tag.sources)

    def seen(self, tensor: torch.Tensor, *, constant: bool | None = None) -> Seen:
        """A tensor as one example sees it."""
        constant = self.is_constant(tensor) if constant is None else constant
        return self.batch.see(tuple(tensor.shape), tensor.dtype, constant=constant)


class Failed(NamedTuple):
    """An error, the call of a module that it came out of, and the call of a function with what that said, where it was one."""

    error: Exception
    visit: Visit
    call: Call | None
    says: Said | None


class Recorder(TorchFunctionMode):
    """Everything that one run of a module does, as rows. While it is entered, torch's functions come here."""

    def __init__(self, lent: Lent, batch: Batch, device: str) -> None:
        super().__init__()
        self.lent, self.device = lent, device
        self.drafts = Drafts(lent.paths.values())
        own = dict(lent.module.named_parameters()) | dict(lent.module.named_buffers())
        self.rows = Rows(self.drafts, {name: _own(tensor, name, lent) for name, tensor in own.items()})
        self.marks = Marks(lent, batch)
        self.visit, self.module = self.drafts.root, lent.module
        self.looker = Looker(batch.size, self.marks.seen)
        self.known: dict[Hashable, Known | Moved] = {}
        self.silent = False
        self.inside: list[Any] = []
        self.failed: Failed | None = None

    @property
    def reader(self) -> Reader:
        """What readers of calls may ask."""
        return Reader(self.module, self.marks.seen, self.marks.is_constant, self.marks.is_learned)

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        """Run a function that was called on tensors, or make what it would make; write it down."""
        del types
        found = operation(func)
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
        args, kwargs, own = self._at_home(args, kwargs, tensors)
        call = Call(found, function, args, kwargs, own, tuple(map(self.marks.tag, own)))
        if found.name in FRESH:
            return self._constant(call._replace(tags=()))
        if not any(isinstance(tag, Flow) for tag in call.tags) and not (found.costly and own):
            return self._constant(call)
        if key is not None:
            key = (key, tuple((*same_shape(each), _state(tag)) for each, tag in zip(own, call.tags, strict=True)))
            known = self.known.get(key)
            if known is not None and self.device == "meta":
                return self._again(call, known)
        return self._first(call, key)

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
            result = call.function(*call.args, **call.kwargs)
        except Exception as error:
            self.note(error, call, says)
            raise
        outputs: list[torch.Tensor] = []
        tensors_in(result, outputs)
        if not outputs and not call.in_place and call.operation.name != "setitem":
            return result
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
            outputs = [each.view_as(each) for each in outputs]  # handed on (dropout): a row needs a tensor of its own
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
        for index, (tensor, example) in enumerate(zip(outputs, known.outputs, strict=False)):
            self.marks.mark(tensor, Flow(draft, index, example, example))
        return result

    def _move(self, call: Call, move: Moved, result: Any) -> Any:  # noqa: ANN401
        """Mark the outputs with the steps to them; what a module does, and flattening a map, is a row at once."""
        outputs: list[torch.Tensor] = []
        tensors_in(result, outputs)
        before = self.marks.tag(call.args[0])
        assert isinstance(before, Flow)  # noqa: S101
        start = before.settled or before
        for tensor, steps, example in zip(outputs, move.parts, move.outputs, strict=True):
            if not steps and not move.copies:
                self.marks.mark(tensor, before)
                continue
            copies = start.copies or move.copies
            name, visit = "slice" if call.operation.name == "getitem" else call.operation.name, self.visit
            flow = Flow(start.maker, start.index, example, start.base, (*start.steps, *steps), copies, name, visit)
            if steps and (isinstance(self.module, nn.Flatten | nn.Unflatten) or len(example.shape) == 1):
                self.rows.settled([flow], counts=isinstance(self.module, nn.Flatten | nn.Unflatten))
            self.marks.mark(tensor, flow)
        return result

    def _constant(self, call: Call) -> Any:  # noqa: ANN401
        """A call that does not depend on the network's input is no row; whoever reads its result owns its parameters."""
        result = call.function(*call.args, **call.kwargs)
        outputs: list[torch.Tensor] = []
        tensors_in(result, outputs)
        sources = frozenset[str]().union(*(tag.sources for tag in call.tags if isinstance(tag, Constant)))
        changed = call.tensors[:1] if call.in_place or call.operation.name == "setitem" else ()
        for tensor in (*outputs, *changed):
            if id(tensor) not in self.marks.own and (_among(tensor, changed) or not _among(tensor, call.tensors)):
                self.marks.mark(tensor, Constant(sources))
        return result

    def _at_home(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: dict[int, torch.Tensor]
    ) -> tuple[tuple[Any, ...], dict[str, Any], tuple[torch.Tensor, ...]]:
        """Arguments on this run's device: what stands in for the module's own tensors, and constants from elsewhere."""
        instead = self.lent.instead
        others = {at: instead[at] for at, each in tensors.items() if at in instead and instead[at] is not each}
        if self.device == "meta" and any(at in others or tensor.is_meta for at, tensor in tensors.items()):
            away = {at: each for at, each in tensors.items() if not each.is_meta and at not in others}
            others |= {at: self._elsewhere(each) for at, each in away.items() if each.dim() > 0}
        if not others:
            return args, kwargs, tuple(tensors.values())
        own = tuple(others.get(at, tensor) for at, tensor in tensors.items())
        return replaced(args, others), replaced(kwargs, others), own

    def _elsewhere(self, tensor: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            new = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
        self.marks.mark(new, self.marks.tag(tensor))
        return new

    def _opens(self, call: Call) -> bool:
        """Whether to look at what the function itself calls."""
        made_of_others = call.operation.composed and call.operation.known and not call.operation.free
        return made_of_others and call.function not in self.inside

    def _descend(self, call: Call) -> Any:  # noqa: ANN401
        self.inside.append(call.function)
        try:
            with _unasked(), self:
                return call.function(*call.args, **call.kwargs)
        finally:
            self.inside.pop()

    def stop(self, module: nn.Module, layer: Layer, run: Callable[..., Any], args: tuple[Any, ...]) -> Any:  # noqa: ANN401
        """A module that is one row: what goes on inside it is not looked at."""
        tensors: list[torch.Tensor] = []
        tensors_in(args, tensors)
        weights = dict(module.named_parameters()) | dict(module.named_buffers())
        known = {name: each for name, each in weights.items() if name in layer.weights or name in layer.buffers}
        unique = tuple({id(each): each for each in (*tensors, *known.values())}.values())
        name = Operation(type(module).__name__, inplace=False, known=False, composed=False)
        call = Call(name, run, args, {}, unique, tuple(map(self.marks.tag, unique)))
        says = Said(layer, tuple(tensors), known)
        self.silent = True
        try:
            result = run(*args)
        except Exception as error:
            self.note(error, call, says)
            raise
        finally:
            self.silent = False
        return self._look(call, says, result)

    def note(self, error: Exception, call: Call | None = None, says: Said | None = None) -> None:
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
        tags = [self.marks.tag(tensor) for tensor in outputs]
        return list(self.rows.settled([tag for tag in tags if isinstance(tag, Flow)]))


@contextmanager
def _unasked() -> Iterator[None]:
    """While entered, functions of torch.nn.functional do not ask whether someone else wants to handle them."""
    names = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    asked = {name: getattr(functional, name) for name in names}
    for name in names:
        setattr(functional, name, _never)
    try:
        yield
    finally:
        for name, function in asked.items():
            setattr(functional, name, function)


def _never(*_: object) -> bool:
    return False


def _state(tag: Tag) -> object:
    """What a reading depends on besides sizes: the example where it flows, whether it is learned where it does not."""
    return tag.tensor if isinstance(tag, Flow) else (bool(tag.sources), tag.name is None)


def _among(tensor: torch.Tensor, others: tuple[torch.Tensor, ...]) -> bool:
    return any(tensor is other for other in others)


def _own(tensor: torch.Tensor, name: str, lent: Lent) -> Own:
    return Own(tuple(tensor.shape), name not in lent.buffers, tensor.requires_grad)
