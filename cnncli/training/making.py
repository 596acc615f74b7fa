"""The module that is trained: built from the network, or the one that a library has."""

from __future__ import annotations

from torch import nn

from cnncli.build import build
from cnncli.network import Network
from cnncli.sources.networks import module_for
from cnncli.sources.recipes import Model


def make(model: Model, network: Network, classes: int) -> nn.Module:
    """The module of `network`, which is the one that `model` names; layers that the network has frozen are frozen in it.

    Its first weights are drawn from torch's random numbers.
    """
    module = module_for(model.name, network.input, model.arguments, classes)
    if module is None:
        return build(network)
    for node in network.nodes:
        if node.frozen:
            _freeze(module, node.shares or node.name)
    return module


def _freeze(module: nn.Module, name: str) -> None:
    """What is called `name`, a layer or a parameter of its own, is not trained."""
    for path, weight in module.named_parameters():
        if path == name or path.startswith(f"{name}."):
            weight.requires_grad = False
