"""From a network to the `torch.nn.Module` it describes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from cnncli.layers import Layer
from cnncli.network import Network, source
from cnncli.report import resolved


def build(network: Network) -> NetworkModule:
    """The module that `network` describes, with PyTorch's default initialisation.

    Its state dict's keys are the nodes' names; inputs and outputs carry the batch first. Raises `ShapeError` where the network
    cannot take its own input.
    """
    return NetworkModule(network, resolved(network))


class NetworkModule(nn.Module):
    """Runs a network's nodes in order."""

    def __init__(self, network: Network, specs: Mapping[str, Layer]) -> None:
        """`specs`: each node's resolved layer."""
        super().__init__()
        places = {name: place for place, name in enumerate([*network.inputs, *(node.name for node in network.nodes)])}
        self.network = network
        self._entries = len(network.inputs)
        self._steps: list[tuple[str, tuple[tuple[int, int | None], ...]]] = []
        multiple = {node.name for node in network.nodes if _several_outputs(node.name, network)}
        for node in network.nodes:
            if node.shares is None:
                self._place(node.name, specs[node.name].module(), frozen=node.frozen)
            sources = tuple(_place(name, places, multiple) for name in node.inputs)
            self._steps.append((node.shares or node.name, sources))
        self._results = tuple(_place(name, places, multiple) for name in network.outputs)

    def _place(self, path: str, module: nn.Module, *, frozen: bool) -> None:
        """Register `module` at its dotted path, with plain containers on the way."""
        *parents, name = path.split(".")
        home: nn.Module = self
        for parent in parents:
            if not hasattr(home, parent):
                home.add_module(parent, nn.Module())
            home = getattr(home, parent)
        home.add_module(name, module.requires_grad_(not frozen))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """One tensor for each input of the network, batch first; one for each output comes back (alone if there is one)."""
        values: list[torch.Tensor | tuple[torch.Tensor, ...]] = list(inputs)
        for path, sources in self._steps:
            values.append(self.get_submodule(path)(*(_value(values, place) for place in sources)))
        results = tuple(_value(values, place) for place in self._results)
        return results[0] if len(results) == 1 else results


def _several_outputs(name: str, network: Network) -> bool:
    """Whether anybody reads a second output of the node."""
    readers = [*network.outputs, *(read for node in network.nodes for read in node.inputs)]
    return any(read.startswith(f"{name}:") and read != name for read in readers)


def _place(name: str, places: Mapping[str, int], multiple: set[str]) -> tuple[int, int | None]:
    maker, index = source(name, places) or (name, 0)
    return places[maker], index if maker in multiple else None


def _value(values: list[torch.Tensor | tuple[torch.Tensor, ...]], place: tuple[int, int | None]) -> torch.Tensor:
    value = values[place[0]]
    if isinstance(value, tuple):
        return value[place[1] or 0]
    return value
