"""What a network costs, layer by layer: rows of plain values, and totals that are the rows added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from cnncli.errors import ShapeError
from cnncli.field import Field, entry
from cnncli.formula import Formula
from cnncli.layers import Call, Layer, Tensor
from cnncli.network import Network, Node, source


class Row(NamedTuple):
    """The figures of one node; per example except bytes, which are for the batch. None means unknown, never zero.

    layer: the resolved spec · params: learnable numbers (0 where the weights are shared with an earlier row) · macs,
    connections: as the contract defines them · field: the receptive field of an output unit · activation_bytes: of the
    output; 0 for a view
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
    activation_bytes: int

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The formulas behind the figures."""
        return self.layer.formulas(self.call)


class Totals(NamedTuple):
    """Sums over the rows; a sum over an unknown is a lower bound (`Report.complete` is then false)."""

    params: int
    trainable: int
    buffers: int
    macs: int
    connections: int
    activation_bytes: int

    @property
    def flops(self) -> int:
        """Two for each MAC."""
        return 2 * self.macs


class Failure(NamedTuple):
    """Where a network could not take its input: the row, why, and what would help."""

    row: str
    message: str
    fix: str


@dataclass(frozen=True)
class Report:
    """A network's rows in running order, up to the failure if there was one."""

    network: Network
    batch_size: int
    rows: tuple[Row, ...]
    failure: Failure | None = None

    @property
    def unexplained(self) -> tuple[str, ...]:
        """The rows whose cost is not known."""
        return tuple(row.name for row in self.rows if row.macs is None)

    @property
    def complete(self) -> bool:
        """Whether the totals are exact."""
        return self.failure is None and not self.unexplained

    @property
    def totals(self) -> Totals:
        """The rows added up."""
        return Totals(
            params=_total(row.params for row in self.rows),
            trainable=_total(row.trainable for row in self.rows),
            buffers=_total(row.buffers for row in self.rows),
            macs=_total(row.macs for row in self.rows),
            connections=_total(row.connections for row in self.rows),
            activation_bytes=_total(row.activation_bytes for row in self.rows),
        )


class _Flow(NamedTuple):
    """One tensor while the network is walked: what it is, what its units see, whether a gradient flows into it."""

    tensor: Tensor
    field: Field | None
    grad: bool


def report(network: Network, *, batch_size: int = 1) -> Report:
    """The figures of every node of `network`, in time linear in their number.

    A node that cannot take its input ends the rows; `Report.failure` names it. Nothing is raised for that.
    """
    flows: dict[str, tuple[_Flow, ...]] = {
        name: (_Flow(tensor, _entry(tensor, network.inputs), grad=False),) for name, tensor in network.inputs.items()
    }
    rows: list[Row] = []
    for node in network.nodes:
        try:
            row, flows[node.name] = _row(node, [_take(flows, name) for name in node.inputs], batch_size)
        except ShapeError as error:
            return Report(network, batch_size, tuple(rows), Failure(node.name, error.reason, error.fix))
        rows.append(row)
    return Report(network, batch_size, tuple(rows))


def resolved(network: Network) -> dict[str, Layer]:
    """Every node's spec with all sizes filled in; raises `ShapeError` naming the node that cannot take its input."""
    found = report(network)
    if found.failure:
        failure = found.failure
        raise ShapeError(f"{failure.row}: {failure.message}", fix=failure.fix)
    return {row.name: row.layer for row in found.rows}


def _row(node: Node, flows: list[_Flow], batch_size: int) -> tuple[Row, tuple[_Flow, ...]]:
    tensors = tuple(flow.tensor for flow in flows)
    layer = node.layer.resolve(tensors)
    outputs = layer.outputs(tensors)
    call = Call(tensors, outputs, tuple(flow.grad for flow in flows), node.frozen)
    params = 0 if node.shares else layer.params
    fields = tuple(flow.field for flow in flows if flow.field is not None)
    field = layer.field(fields, call) if len(fields) == len(flows) else None
    row = Row(
        name=node.name,
        layer=layer,
        inputs=node.inputs,
        call=call,
        params=params,
        trainable=0 if node.frozen else params,
        buffers=0 if node.shares else sum(prod(shape) for shape in layer.buffers.values()),
        macs=layer.macs(call),
        connections=layer.connections(call),
        field=field,
        activation_bytes=0 if layer.aliases else sum(_bytes(tensor, batch_size) for tensor in outputs),
    )
    grad = any(call.grads) or (bool(layer.weights) and not node.frozen)
    return row, tuple(_Flow(tensor, field, grad) for tensor in outputs)


def _take(flows: Mapping[str, tuple[_Flow, ...]], name: str) -> _Flow:
    maker, index = source(name, flows) or (name, 0)
    return flows[maker][index]


def _entry(tensor: Tensor, inputs: Mapping[str, Tensor]) -> Field | None:
    """An image's units see themselves; with several inputs there is no one image to see."""
    return entry(tensor.shape[1:]) if len(inputs) == 1 and len(tensor.shape) > 1 else None


def _bytes(tensor: Tensor, batch_size: int) -> int:
    return tensor.nbytes * (1 if tensor.batch is None else batch_size)


def _total(values: Iterable[int | None]) -> int:
    return sum(value or 0 for value in values)
