"""What torch says of a built network, measured without a look at the specs: the module is run on the meta device."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnncli.build import build
from cnncli.layers import Shape
from cnncli.network import Network


class Measured(NamedTuple):
    """One call of one module: the output's shape without the batch, and MACs for each example."""

    output: Shape
    macs: int


BATCH = 2  # not 1: a figure that forgets to divide by the batch shows


def on_meta(network: Network) -> nn.Module:
    """The built module, without memory behind its weights, ready for inference."""
    with torch.device("meta"):
        return build(network).eval()


def calls(network: Network, module: nn.Module) -> list[Measured]:
    """The calls of the nodes' modules in the order in which they ran."""
    found: list[Measured] = []
    counter = FlopCounterMode(display=False)
    done = 0

    def remember(_module: nn.Module, _inputs: object, output: Any) -> None:  # noqa: ANN401
        nonlocal done
        flops = counter.get_total_flops()
        found.append(Measured(tuple(output.shape[1:]), (flops - done) // 2 // BATCH))
        done = flops

    hooks = [
        module.get_submodule(node.name).register_forward_hook(remember) for node in network.nodes if not node.shares
    ]
    with counter:
        module(*(torch.empty(BATCH, *tensor.shape, device="meta") for tensor in network.inputs.values()))
    for hook in hooks:
        hook.remove()
    return found
