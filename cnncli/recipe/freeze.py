"""Layers that are not trained, chosen by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from cnncli.analysis.report import resolved
from cnncli.errors import RequestError, nearest
from cnncli.network import Network, Node
from cnncli.text import truncate


def freeze(network: Network, patterns: Sequence[str]) -> Network:
    """`network` with the layers that `patterns` name frozen: `conv1`, `conv*`, or `block1` for all that is in it.

    Raises `RequestError` for a pattern that names no layer with weights, and where none is left to train.
    """
    if not patterns:
        return network
    weighted = [name for name, layer in resolved(network).items() if layer.weights]
    for pattern in patterns:
        if not any(_named(name, pattern) for name in weighted):
            raise RequestError(_nobody(pattern, weighted))
    chosen = {name for name in weighted if any(_named(name, pattern) for pattern in patterns)}
    nodes = tuple(_frozen(node) if (node.shares or node.name) in chosen else node for node in network.nodes)
    if all(node.frozen for node in nodes if node.name in weighted):
        raise RequestError("leaves no layer to train; leave the last one out, at least")
    return replace(network, nodes=nodes)


def _named(name: str, pattern: str) -> bool:
    """Whether a pattern fits the layer's name, or that of a block around it."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:end]), pattern) for end in range(1, len(parts) + 1))


def _frozen(node: Node) -> Node:
    return node._replace(frozen=True)


def _nobody(pattern: str, weighted: Sequence[str]) -> str:
    blocks = {name.rpartition(".")[0] for name in weighted} - {""}
    near = nearest(pattern, [*weighted, *blocks])
    cure = f"did you mean {near!r}?" if near else f"there are {', '.join(weighted[:8])}{' …' * (len(weighted) > 8)}"
    return f"{truncate(repr(pattern), 60)} is no layer with weights; {cure}"
