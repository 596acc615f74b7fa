"""Backwards through a network: which inputs it can take."""

from __future__ import annotations

from dataclasses import replace

from cnncli.layers import Shape, Tensor
from cnncli.network import Network
from cnncli.report import report

LARGEST = 4096
"""Pixels a side up to which a working input is looked for."""
SCAN = 256
"""Where only some sizes work (a dense layer of a fixed width), all up to this many are tried."""


def at(network: Network, shape: Shape) -> Network:
    """The same network for another input shape, C×H×W."""
    name, tensor = next(iter(network.inputs.items()))
    return replace(network, inputs={name: tensor.like(shape)})


def takes(network: Network, shape: Shape) -> bool:
    """Whether every layer can take what the ones before make of an input of `shape`."""
    return report(at(network, shape)).failure is None


def smallest_input(network: Network) -> Shape | None:
    """The smallest square (or cube) C×n×n that the network takes, n ≤ 4096; None where there is none or no such axis.

    Doubles until it works, then halves the gap: a larger input never fails where a smaller one works, except where a dense
    layer's width is fixed; then every size up to 256 is tried.
    """
    tensors = list(network.inputs.values())
    if len(tensors) != 1 or len(tensors[0].shape) < 2:
        return None
    return _smallest(network, tensors[0])


def _smallest(network: Network, tensor: Tensor) -> Shape | None:
    def square(side: int) -> Shape:
        return (tensor.shape[0], *(side,) * (len(tensor.shape) - 1))

    works = next((1 << power for power in range(LARGEST.bit_length()) if takes(network, square(1 << power))), None)
    if works is None:
        return next((square(side) for side in range(1, SCAN + 1) if takes(network, square(side))), None)
    fails = works // 2
    while works - fails > 1:
        middle = (works + fails) // 2
        works, fails = (middle, fails) if takes(network, square(middle)) else (works, middle)
    return square(works)
