"""The nodes and parts of a network as the steps they are written as: what each reads first, and what is at hand behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from cnncli.formats.net_yaml.names import JOINS
from cnncli.network import Node
from cnncli.network.blocks import Part

Item: TypeAlias = "Node | Part"
Values: TypeAlias = "tuple[str, ...]"
WORDS_OF = {layer: word for word, layer in JOINS.items()}


def spelled_out(items: Sequence[Item]) -> Iterator[Item]:
    """The items, a group whose name would be taken for a join replaced by what it holds, under longer names."""
    for item in items:
        if isinstance(item, Part) and not item.kind and item.path.rpartition(".")[2] in JOINS:
            yield from spelled_out(item.items)
        else:
            yield item


def start(item: Item) -> Values:
    """What an item reads first: for a group, what its first layer reads."""
    if isinstance(item, Node) or item.kind:
        return item.inputs
    return start(item.items[0])


def after(item: Item) -> Values:
    """The value at hand after an item."""
    return (item.name,) if isinstance(item, Node) else after(item.items[-1])


def is_join(item: Item) -> bool:
    """Whether branches may meet in the item."""
    if isinstance(item, Part) or type(item.layer).__name__ not in WORDS_OF:
        return False
    return len(item.inputs) > 1 and item.shares is None and not item.frozen  # frozen would mean the branches
