"""The parts of a network: its nodes by their paths, each part with what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnncli.network import Network, Node, source


@dataclass(frozen=True)
class Part:
    """Nodes that run one after the other and whose names share a path.

    path: theirs, empty for the whole network · kind: the kind of block it is an instance of, or empty · items: nodes and
    smaller parts in running order · inputs: values read from outside, in the order they are read · outputs: values read
    outside, in the order they are made
    """

    path: str
    kind: str
    items: tuple[Node | Part, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def nodes(self) -> Iterator[Node]:
        """All nodes in running order."""
        for item in self.items:
            if isinstance(item, Part):
                yield from item.nodes()
            else:
                yield item

    def parts(self) -> Iterator[Part]:
        """All parts within, the inner ones first."""
        for item in self.items:
            if isinstance(item, Part):
                yield from item.parts()
                yield item

    def relative(self, name: str) -> str:
        """A name within this part, without its path."""
        return name.removeprefix(f"{self.path}.") if self.path else name


def parts(network: Network, weights: Mapping[str, Sequence[str]] | None = None) -> Part:
    """The network as parts within parts.

    A path whose nodes do not run one after the other, or that use a module from elsewhere, is no part: its nodes stand in the part
    around it, under longer names.

    weights: for nodes that read parameters by name, which; a path is no part where they are from outside it
    """
    spans = _spans(network)
    for name, read in (weights or {}).items():
        for path in _above(name):
            if any(not each.startswith(f"{path}.") for each in read):
                spans.pop(path, None)
    inputs, outputs = _crossings(network, spans)
    builder = _Builder(network, spans, inputs, outputs)
    return builder.part("", 0, len(network.nodes))


Spans = dict[str, tuple[int, int]]
"""Path → its first node and one past its last."""


def _spans(network: Network) -> Spans:
    """Where the nodes of each path stand, for paths that are whole."""
    spans: Spans = {}
    for place, node in enumerate(network.nodes):
        for path in _above(node.shares or node.name):
            first, end = spans.get(path, (place, place))
            if not node.shares or end == place:  # a module used once more right behind its part belongs to it
                spans[path] = (first, place + 1)
    held = dict.fromkeys(spans, 0)
    for place, node in enumerate(network.nodes):
        for path in _above(node.shares or node.name):
            first, end = spans[path]
            held[path] += first <= place < end
    return {path: (first, end) for path, (first, end) in spans.items() if held[path] == end - first}


def _above(name: str) -> Iterator[str]:
    """The paths that a name lies in, the outermost first: a and a.b for a.b.c."""
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)


def _crossings(network: Network, spans: Spans) -> tuple[dict[str, dict[str, None]], dict[str, dict[str, None]]]:
    """For each path the values that come in and that go out."""
    places = {node.name: place for place, node in enumerate(network.nodes)}
    known = {**dict.fromkeys(network.inputs), **places}
    around = _around(network, spans)
    inputs: dict[str, dict[str, None]] = {path: {} for path in spans}
    outputs: dict[str, dict[str, None]] = {path: {} for path in spans}
    reads = [(value, place) for place, node in enumerate(network.nodes) for value in node.inputs]
    for value, reader in [*reads, *((value, len(network.nodes)) for value in network.outputs)]:
        maker = places.get((source(value, known) or (value, 0))[0], -1)
        theirs = around[reader] if reader < len(network.nodes) else ()
        for path in theirs:
            if not spans[path][0] <= maker:
                inputs[path][value] = None
        for path in around[maker] if maker >= 0 else ():
            if not reader < spans[path][1]:
                outputs[path][value] = None
    order = {
        value: places.get((source(value, known) or (value, 0))[0], -1) for found in outputs.values() for value in found
    }
    return inputs, {path: dict.fromkeys(sorted(found, key=order.__getitem__)) for path, found in outputs.items()}


def _around(network: Network, spans: Spans) -> list[tuple[str, ...]]:
    """For each node the paths of the parts it runs in, the outermost first."""
    starts: dict[int, list[str]] = {}
    for path, (first, _) in spans.items():
        starts.setdefault(first, []).append(path)
    found: list[tuple[str, ...]] = []
    open_: list[str] = []
    for place in range(len(network.nodes)):
        open_ = [path for path in open_ if place < spans[path][1]]
        open_ += sorted(starts.get(place, ()), key=len)
        found.append(tuple(open_))
    return found


@dataclass(frozen=True)
class _Builder:
    network: Network
    spans: Spans
    inputs: dict[str, dict[str, None]]
    outputs: dict[str, dict[str, None]]

    def part(self, path: str, first: int, end: int) -> Part:
        """The part at `path`, whose nodes stand from `first` to before `end`."""
        items: list[Node | Part] = []
        place = first
        while place < end:
            inner = self._inner(path, place)
            if inner is None:
                items.append(self.network.nodes[place])
                place += 1
            else:
                items.append(self.part(inner, place, self.spans[inner][1]))
                place = self.spans[inner][1]
        if not path:
            return Part("", "", tuple(items), tuple(self.network.inputs), self.network.outputs)
        kind = self.network.blocks.get(path, "")
        return Part(path, kind, tuple(items), tuple(self.inputs[path]), tuple(self.outputs[path]))

    def _inner(self, path: str, place: int) -> str | None:
        """The outermost part within `path` that starts at a node."""
        node = self.network.nodes[place]
        for each in _above(node.shares or node.name):
            if len(each) > len(path) and self.spans.get(each, (-1, 0))[0] == place:
                return each
        return None
