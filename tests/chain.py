"""Networks of any length, made without torch."""

from __future__ import annotations

from cnncli.layers import Tensor
from cnncli.layers.activation import ReLU
from cnncli.layers.conv import Conv2d
from cnncli.network import Network, Node


def chain(length: int) -> Network:
    """`length` layers one after the other, convolutions and activations by turns."""
    nodes, last = [], "input"
    for place in range(length):
        layer = ReLU() if place % 2 else Conv2d(out_channels=8, kernel_size=3, padding=1)
        nodes.append(Node(f"layer{place}", layer, (last,)))
        last = f"layer{place}"
    return Network("chain", "", {"input": Tensor((8, 16, 16))}, tuple(nodes), (last,))
