"""What a network costs, layer by layer: rows of plain values, and totals that are the rows added up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

from cnncli.arithmetic.formula import Formula
from cnncli.arithmetic.receptive_field import Field, entry
from cnncli.arithmetic.unit_boxes import TooManyUnitsError, nothing
from cnncli.errors import ShapeError
from cnncli.layers import TEXT, Call, Layer, Tensor
from cnncli.network import Network, Node, source

KEEPS = {"sgd": 0, "momentum": 1, "adam": 2}
"""Numbers that an optimizer keeps from step to step for each weight that it trains (running means of gradient and square)."""


class Row(NamedTuple):
    """The figures of one node; per example except bytes, which are for the batch. None means unknown, never zero.

    layer: the resolved spec · params: learnable numbers (0 where the weights are shared with an earlier row) · macs,
    connections: multiply-accumulates, and LeCun's count · field: the receptive field of an output unit · activation_bytes:
    of the outputs; 0 for a view or a result in place · saved_bytes: what autograd keeps for backward that no earlier row keeps
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    call: Call
    params: int
    trainable: int
    buffers: int
    macs: int | None
    connections: int | None
    field: Field | None
    activation_bytes: int | None
    saved_bytes: int

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The formulas behind the figures."""
        return self.layer.formulas(self.call)


class Totals(NamedTuple):
    """Sums over the rows; a sum over an unknown leaves it out (`Report.complete` is then false).

    buffers: those of the rows, and those that no row reads · peak_inference_bytes: the most that must be alive at once while the
    network runs, its input included · saved_bytes: what autograd keeps · training_bytes: that, the parameters, their gradients and
    what the optimizer keeps for them
    """

    params: int
    trainable: int
    buffers: int
    macs: int
    connections: int
    activation_bytes: int
    peak_inference_bytes: int
    saved_bytes: int
    training_bytes: int

    @property
    def flops(self) -> int:
        """Two for each MAC."""
        return 2 * self.macs


class Failure(NamedTuple):
    """Where a network could not take its input: the row, why, what would help, and the place in a file (`net.yaml:14`), if any."""

    row: str
    message: str
    fix: str
    place: str = ""

    def __str__(self) -> str:
        """One line: place, row, reason and cure."""
        named = f"{self.row}: {self.message}" + (f"; {self.fix}" if self.fix else "")
        return f"{self.place}: {named}" if self.place else named


@dataclass(frozen=True)
class Report:
    """A network's rows in running order, up to the failure if there was one."""

    network: Network
    batch_size: int
    rows: tuple[Row, ...]
    peak_inference_bytes: int
    failure: Failure | None = None
    optimizer: str = "sgd"

    @property
    def unexplained(self) -> tuple[str, ...]:
        """The rows whose cost is not known."""
        return tuple(row.name for row in self.rows if row.macs is None)

    @property
    def unused(self) -> tuple[Row, ...]:
        """The rows of parameters that nothing read while a module was recorded."""
        return tuple(row for row in self.rows if row.layer.idles)

    @property
    def complete(self) -> bool:
        """Whether the totals are exact, whatever the input's numbers are."""
        known = not self.unexplained and None not in (row.activation_bytes for row in self.rows)
        return self.failure is None and known and not self.network.decided

    @property
    def bounded(self) -> bool:
        """Whether the totals are lower bounds; those of one run, which the input's numbers decided, say nothing of another."""
        return not self.complete and not self.network.decided

    @property
    def total_words(self) -> str:
        """What the totals are."""
        return "total, at least" if self.bounded else "total" if self.complete else "total, of this run"

    @cached_property
    def totals(self) -> Totals:
        """The rows added up."""
        params, trainable = _total(row.params for row in self.rows), _total(row.trainable for row in self.rows)
        saved = _total(row.saved_bytes for row in self.rows)
        return Totals(
            params=params,
            trainable=trainable,
            buffers=_total(row.buffers for row in self.rows) + sum(map(prod, self.network.unread.values())),
            macs=_total(row.macs for row in self.rows),
            connections=_total(row.connections for row in self.rows),
            activation_bytes=_total(row.activation_bytes for row in self.rows),
            peak_inference_bytes=self.peak_inference_bytes,
            saved_bytes=saved,
            training_bytes=saved + 4 * (params + trainable * (1 + KEEPS[self.optimizer])),
        )


class _Flow(NamedTuple):
    """One tensor on its way: what it is, what its units see, whether a gradient flows into it, whose memory it lives in."""

    tensor: Tensor
    field: Field | None
    grad: bool
    storage: str


class _Walk:
    """The tensors that exist so far, and the memory behind them."""

    def __init__(self, network: Network, batch_size: int) -> None:
        self.batch_size = batch_size
        self.flows: dict[str, tuple[_Flow, ...]] = {}
        self.sizes: dict[str, int] = {}  # bytes of each storage
        self.layers: dict[str, Layer] = {}
        self.home: dict[str, str] = {}  # each storage → the one it lives in while nothing is trained
        self.saved: set[str] = set()  # storages that autograd keeps
        self.axes = len(network.input) - 1 if len(network.inputs) == 1 else 0  # of the image
        for name, tensor in network.inputs.items():
            self.sizes[name] = self.bytes(tensor)
            self.home[name] = name
            self.flows[name] = (_Flow(tensor, entry_field(tensor, network), grad=False, storage=name),)

    def bytes(self, tensor: Tensor) -> int:
        return tensor.nbytes * (1 if tensor.batch is None else self.batch_size)

    def take(self, name: str) -> _Flow:
        maker, index = source(name, self.flows) or (name, 0)
        return self.flows[maker][index]

    def step(self, node: Node) -> Row:
        """The row of `node`; its outputs exist from now on. Raises `ShapeError`."""
        flows = [self.take(name) for name in node.inputs]
        tensors = tuple(flow.tensor for flow in flows)
        layer = (self.layers[node.shares] if node.shares else node.layer).resolve(tensors)
        self.layers[node.name] = layer
        outputs = layer.outputs(tensors)
        call = Call(tensors, outputs, tuple(flow.grad for flow in flows), node.frozen)
        fields = tuple(flow.field for flow in flows if flow.field is not None)
        seen = self._fields(layer, fields, call) if len(fields) == len(flows) else (None,) * len(outputs)
        made = self._store(node.name, layer, call, flows)
        grad = any(call.grads) or (bool(layer.weights) and not node.frozen)
        self.flows[node.name] = tuple(
            _Flow(tensor, field, grad, storage) for tensor, field, storage in zip(outputs, seen, made, strict=True)
        )
        params = 0 if node.shares else layer.params
        return Row(
            name=node.name,
            layer=layer,
            inputs=node.inputs,
            call=call,
            params=params,
            trainable=0 if node.frozen else params - layer.untrained,
            buffers=0
            if node.shares
            else sum(prod(layer.buffers[name]) for name in layer.buffers if name not in node.lacks),
            macs=layer.macs(call),
            connections=layer.connections(call),
            field=seen[0] if seen else None,
            activation_bytes=_made(layer, outputs, [self.sizes[storage] for storage in made]),
            saved_bytes=self._save(layer, call, flows, made) if grad else 0,
        )

    def _fields(self, layer: Layer, fields: tuple[Field, ...], call: Call) -> tuple[Field | None, ...]:
        """The receptive field of each output's units: of one that is made without the input, that they see nothing."""
        if not self.axes or layer.idles or not _listable(call):
            return (None,) * len(call.outputs)
        if all(field.blind for field in fields):
            return tuple(nothing(self.axes, len(tensor.shape)) for tensor in call.outputs)
        try:
            found = layer.fields(fields, call)
        except TooManyUnitsError:
            return (None,) * len(call.outputs)
        made = zip(found, call.outputs, strict=True)
        return tuple(nothing(self.axes, len(tensor.shape)) if 0 in tensor.shape else field for field, tensor in made)

    def _store(self, name: str, layer: Layer, call: Call, flows: list[_Flow]) -> list[str]:
        """The storages of the outputs: new ones, or the first input's for a view or a result in place."""
        if layer.aliases:
            return [flows[0].storage] * len(call.outputs)
        made = [f"{name}:{place}" if place else name for place in range(len(call.outputs))]
        self.sizes.update({storage: self.bytes(tensor) for storage, tensor in zip(made, call.outputs, strict=True)})
        self.home.update({storage: self.home[flows[0].storage] if layer.idle else storage for storage in made})
        return made

    def _save(self, layer: Layer, call: Call, flows: list[_Flow], made: list[str]) -> int:
        """Bytes that autograd keeps of this call and did not keep before."""
        kept = layer.saved(call)
        storages = {flows[place].storage for place in kept.inputs} | ({made[0]} if kept.output else set())
        fresh = storages - self.saved
        self.saved |= fresh
        return sum(self.sizes[storage] for storage in fresh) + kept.per_example * self.batch_size + kept.constant

    def peak(self, network: Network) -> int:
        """The most bytes alive at once: a storage lives from the node that makes it to the last that reads it."""
        steps = [set(network.inputs)]
        ran = [node for node in network.nodes if node.name in self.flows]
        steps += [
            {self.home[flow.storage] for flow in (*map(self.take, node.inputs), *self.flows[node.name])} for node in ran
        ]
        made = [name for name in network.outputs if source(name, self.flows)]
        last = {storage: place for place, storages in enumerate(steps) for storage in storages}
        last |= {self.home[self.take(name).storage]: len(steps) for name in made}
        return self._highest(steps, last)

    def _highest(self, steps: list[set[str]], last: dict[str, int]) -> int:
        alive: set[str] = set()
        now = highest = 0
        for place, storages in enumerate(steps):
            now += sum(self.sizes[storage] for storage in storages - alive)
            alive |= storages
            highest = max(highest, now)
            done = {storage for storage in storages if last[storage] == place}
            now -= sum(self.sizes[storage] for storage in done)
            alive -= done
        return highest


def report(network: Network, *, batch_size: int = 1, optimizer: str = "sgd") -> Report:
    """The figures of every node of `network`, in time linear in their number; the memory is for training with `optimizer`.

    A node that cannot take its input ends the rows; `Report.failure` names it. Nothing is raised for that.
    """
    walk = _Walk(network, batch_size)
    rows: list[Row] = []
    failure = None
    for node in network.nodes:
        try:
            rows.append(walk.step(node))
        except ShapeError as error:
            place = network.origin(node.name, error.reason) if network.origin else ""
            failure = Failure(node.name, error.reason, error.fix, place)
            break
    return Report(network, batch_size, tuple(rows), walk.peak(network), failure, optimizer)


def resolved(network: Network) -> dict[str, Layer]:
    """Every node's spec with all sizes filled in; raises `ShapeError` naming the node that cannot take its input."""
    found = report(network)
    if found.failure:
        raise ShapeError(str(found.failure))
    return {row.name: row.layer for row in found.rows}


def _made(layer: Layer, outputs: tuple[Tensor, ...], sizes: list[int]) -> int | None:
    """Bytes of the outputs; None where nobody knows them: their sizes depend on values, or they are text."""
    if not outputs or any(tensor.dtype == TEXT for tensor in outputs):
        return None
    return 0 if layer.aliases else sum(sizes)


LONGEST = 100_000
"""Elements of an axis whose units may have to be listed one by one; a longer one has no receptive field here."""


def _listable(call: Call) -> bool:
    return all(max(tensor.shape, default=0) <= LONGEST for tensor in (*call.inputs, *call.outputs))


def entry_field(tensor: Tensor, network: Network) -> Field | None:
    """An image's units see themselves; with several inputs there is no one image to see."""
    if len(network.inputs) != 1 or len(tensor.shape) < 2:
        return None
    if not network.channels_last:
        return entry(tensor.shape[1:])
    return entry(tensor.shape[:-1]).permuted((*range(1, len(tensor.shape)), 0))


def _total(values: Iterable[int | None]) -> int:
    return sum(value or 0 for value in values)
