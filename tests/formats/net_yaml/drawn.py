"""Networks drawn at random: any wiring, layers in groups and blocks, modules called again, frozen ones, several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from cnncli.layers import Layer, Tensor
from cnncli.layers.activation import ReLU, Sigmoid
from cnncli.layers.conv import Conv2d
from cnncli.layers.dropout import Dropout
from cnncli.layers.merge import Add, Concat, Mul
from cnncli.layers.norm import BatchNorm2d
from cnncli.network import Network, Node

Draw = Callable[[st.SearchStrategy[Any]], Any]

PATHS = ("", "a", "a.b", "0", "c.0", "c.1", "add")  # nested, numbered, and one that reads like a join
LAYERS: dict[str, st.SearchStrategy[Layer]] = {
    "conv": st.builds(
        Conv2d,
        out_channels=st.just(4),
        kernel_size=st.sampled_from([1, 3]),
        padding=st.just("same"),
        bias=st.booleans(),
    ),
    "relu": st.just(ReLU()),
    "act": st.just(Sigmoid()),
    "bn": st.just(BatchNorm2d()),
    "drop": st.just(Dropout(p=0.5)),
    "add": st.just(Add()),
    "mul": st.just(Mul()),
    "concat": st.just(Concat()),
}


@dataclass
class _Drawing:
    """A network so far; all values in it are 4×5×5, so that any can be read anywhere."""

    draw: Draw
    values: list[str]
    nodes: list[Node] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, path: str) -> None:
        """One more layer at `path`, or one called again."""
        word = self.draw(st.sampled_from([*LAYERS, "again"]))
        again = [
            node
            for node in self.nodes
            if node.shares is None and not isinstance(node.layer, Concat) and not node.name.endswith("_fit")
        ]
        if word == "again" and again:
            self._again(self.draw(st.sampled_from(again)))
        elif word != "again":
            self._layer(word, path)

    def _again(self, node: Node) -> None:
        self.calls[node.name] = self.calls.get(node.name, 1) + 1
        name = f"{node.name}:{self.calls[node.name]}"
        self.nodes.append(Node(name, node.layer, self._read(len(node.inputs)), node.name, node.frozen))
        self.values.append(name)

    def _layer(self, word: str, path: str) -> None:
        name = self._name(word, path)
        count = self.draw(st.integers(2, 3)) if word in ("add", "mul", "concat") else 1
        frozen = self.draw(st.integers(0, 9)) == 0
        self.nodes.append(Node(name, self.draw(LAYERS[word]), self._read(count), None, frozen))
        if word == "concat":  # back to four channels
            self.nodes.append(Node(f"{name}_fit", Conv2d(out_channels=4, kernel_size=1), (name,)))
        self.values.append(self.nodes[-1].name)

    def _name(self, word: str, path: str) -> str:
        """A name like those that people give: a number, the word, the word and a number."""
        taken = {node.name for node in self.nodes} | set(self.values) | set(PATHS) | {"c"}
        number = len([node for node in self.nodes if node.name.startswith(path)])
        wanted = [f"{path}.{each}".strip(".") for each in (str(number), word, f"{word}{number}")]
        name: str = self.draw(st.sampled_from(wanted))
        return name if name not in taken else f"{path}.{word}_{len(self.nodes)}".strip(".")

    def _read(self, count: int) -> tuple[str, ...]:
        return tuple(self.draw(st.sampled_from(self.values[-5:])) for _ in range(count))


@st.composite
def networks(draw: Draw, most: int = 12) -> Network:
    """A network of up to `most` layers or so, that takes one or two inputs of 4×5×5."""
    names = draw(st.sampled_from([["input"], ["input"], ["left", "right"]]))
    drawing = _Drawing(draw, list(names))
    drawing.add("") if draw(st.booleans()) else drawing._layer("conv", "a")  # noqa: SLF001
    path = ""
    for _ in range(draw(st.integers(1, most))):
        path = draw(st.sampled_from([path, path, *PATHS]))
        drawing.add(path)
    if not drawing.nodes:
        drawing._layer("relu", "")  # noqa: SLF001
    held = {node.name[:place] for node in drawing.nodes for place, letter in enumerate(node.name) if letter == "."}
    blocks = {each: draw(st.sampled_from(["Left", "Right"])) for each in sorted(held) if draw(st.booleans())}
    outputs = {
        drawing.nodes[-1].name: None,
        **dict.fromkeys(draw(st.lists(st.sampled_from(drawing.values), max_size=2))),
    }
    inputs = {name: Tensor((4, 5, 5)) for name in names}
    return Network("drawn", "", inputs, tuple(drawing.nodes), tuple(outputs), blocks)
