"""From a network to the `torch.nn.Module` it describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn

from cnncli.analysis.report import resolved
from cnncli.layers import Layer
from cnncli.network import Network, source


def build(network: Network) -> NetworkModule:
    """The module that `network` describes, with PyTorch's default initialisation.

    Its state dict's keys are the nodes' names; inputs and outputs carry the batch first. Raises `ShapeError` where the network
    cannot take its own input.
    """
    return NetworkModule(network, resolved(network))


class NetworkModule(nn.Module):
    """Runs a network's nodes in order, and lets go of every value once nothing reads it any more."""

    def __init__(self, network: Network, specs: Mapping[str, Layer]) -> None:
        """`specs`: each node's resolved layer."""
        super().__init__()
        self._network = network
        self._steps = _steps(network)
        self._results = tuple(_read(name, network) for name in network.outputs)
        for node in network.nodes:
            if node.shares is None:
                self._place(node.name, specs[node.name].module(), frozen=node.frozen)

    def _place(self, path: str, module: nn.Module, *, frozen: bool) -> None:
        """Register `module` at its dotted path, with plain containers on the way."""
        *parents, name = path.split(".")
        home: nn.Module = self
        for parent in parents:
            if parent not in dict(home.named_children()):
                home.add_module(parent, nn.Module())
            home = home.get_submodule(parent)
        home.add_module(name, module.requires_grad_(not frozen))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """One tensor for each input of the network, batch first; one for each output comes back (alone if there is one)."""
        values: dict[str, Value] = dict(zip(self._network.inputs, inputs, strict=True))
        for step in self._steps:
            values[step.name] = self.get_submodule(step.module)(*(_value(values, read) for read in step.reads))
            for name in step.last:
                del values[name]
        results = tuple(_value(values, read) for read in self._results)
        return results[0] if len(results) == 1 else results


Value = torch.Tensor | tuple[torch.Tensor, ...]
Read = tuple[str, int]
"""Who made a value, and which of its outputs it is."""


class _Step(NamedTuple):
    """One node: its module's path, what it reads, and the values that nothing after it reads."""

    name: str
    module: str
    reads: tuple[Read, ...]
    last: tuple[str, ...]


def _steps(network: Network) -> tuple[_Step, ...]:
    kept = {_read(name, network)[0] for name in network.outputs}
    steps: list[_Step] = []
    for node in reversed(network.nodes):
        reads = tuple(_read(name, network) for name in node.inputs)
        last = tuple(dict.fromkeys(maker for maker, _ in reads if maker not in kept))
        kept.update(last)
        steps.append(_Step(node.name, node.shares or node.name, reads, last))
    return tuple(reversed(steps))


def _read(name: str, network: Network) -> Read:
    return source(name, network.names) or (name, 0)


def _value(values: Mapping[str, Value], read: Read) -> torch.Tensor:
    value = values[read[0]]
    return value[read[1]] if isinstance(value, tuple) else value
