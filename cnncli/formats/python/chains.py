"""Parts that torch.nn.Sequential says by itself."""

from __future__ import annotations

from cnncli.network import Node
from cnncli.network.blocks import Part

SEQUENTIAL_OWN = {"append", "extend", "insert", "pop"}
"""What nn.Sequential has besides nn.Module: a layer called so cannot stand in one."""


def is_chain(part: Part) -> bool:
    """Whether the items run straight one after the other, so that nn.Sequential says it all."""
    value = part.inputs
    for item in part.items:
        name = part.relative(item.path if isinstance(item, Part) else item.name)
        again = isinstance(item, Node) and item.shares is not None
        outputs = item.outputs if isinstance(item, Part) else (item.name,)
        if (
            again
            or item.inputs != value
            or len(value) != 1
            or len(outputs) != 1
            or "." in name
            or name in SEQUENTIAL_OWN
        ):
            return False
        value = outputs
    return part.outputs == value


def is_numbered(part: Part) -> bool:
    """Whether the items are called 0, 1, …"""
    names = [part.relative(item.path if isinstance(item, Part) else item.name) for item in part.items]
    return names == [str(place) for place in range(len(names))]
