"""A network is data: named layer specs and who feeds whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from cnncli.layers import Layer, Shape, Tensor
from cnncli.layers.traced_call import Spelled


class Node(NamedTuple):
    """One use of a layer.

    name: a unique dotted path of identifiers; prefixes its keys in the state dict · inputs: the names of the nodes or network
    inputs it reads; `x:1` is x's second output · shares: the node whose module (and weights) it uses again ·
    frozen: its weights are not trained · lacks: the layer's buffers that the network does not hold
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    shares: str | None = None
    frozen: bool = False
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """A list of nodes in the order they run.

    inputs: name → tensor · outputs: names as in `Node.inputs` · blocks: path → the kind of block it is an instance of
    (`inception3a` → `Inception`) · origin: for a network from a file, `file:line` of a node, or of the argument that a complaint
    about it means · calls: for nodes of a recorded network, the call that the module made · channels_last: its image is H×W×C ·
    decided: paths of the recorded modules that did what they did because of their input's numbers · unread: for a recorded network,
    the module's buffers that no node reads, name → shape
    """

    name: str
    edition: str
    inputs: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    blocks: Mapping[str, str] = field(default_factory=dict)
    origin: Callable[[str, str], str] | None = field(default=None, compare=False, repr=False)
    calls: Mapping[str, Spelled] = field(default_factory=dict, compare=False, repr=False)
    channels_last: bool = False
    decided: tuple[str, ...] = field(default=(), compare=False, repr=False)
    unread: Mapping[str, Shape] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse names that are used twice and inputs that nobody makes (a fault of whoever wrote the network)."""
        known = set(self.inputs)
        for node in self.nodes:
            missing = [name for name in node.inputs if source(name, known) is None]
            if missing:
                raise ValueError(f"{self.name}: {node.name} reads {missing[0]!r}, which nothing before it makes")
            if node.name in known:
                raise ValueError(f"{self.name}: {node.name!r} is used twice")
            known.add(node.name)
        lost = [name for name in self.outputs if source(name, known) is None]
        if lost:
            raise ValueError(f"{self.name}: its output {lost[0]!r} is made by nothing")

    @property
    def input(self) -> Shape:
        """The shape of its first input, the only one of a network of images."""
        return next(iter(self.inputs.values())).shape

    @property
    def image(self) -> Shape:
        """The sizes of the first input without its channels: H×W."""
        return self.input[:-1] if self.channels_last else self.input[1:]

    @cached_property
    def names(self) -> frozenset[str]:
        """What makes values: the inputs and the nodes."""
        return frozenset((*self.inputs, *(node.name for node in self.nodes)))

    def block_of(self, name: str) -> str | None:
        """The innermost block that the node called `name` stands in."""
        path = name
        while "." in path:
            path = path.rpartition(".")[0]
            if path in self.blocks:
                return path
        return None


SHOWN = 8
"""How many nodes are named where many are in the way."""


def named(nodes: Sequence[Node]) -> str:
    """Nodes for a message, by name and operation: `a.roll (roll), b.norm (normalize) and 4 more`."""
    found = [f"{node.name} ({getattr(node.layer, 'operation', '') or node.layer.torch_name})" for node in nodes[:SHOWN]]
    more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
    return f"{', '.join(found)}{more}"


def source(name: str, known: Mapping[str, object] | AbstractSet[str]) -> tuple[str, int] | None:
    """Who makes `name`, and which of its outputs it is: `x` is ("x", 0), `x:1` is ("x", 1); None where nobody does."""
    if name in known:
        return name, 0
    maker, colon, index = name.rpartition(":")
    return (maker, int(index)) if colon and maker in known and index.isdigit() else None
