"""Writing a network down as one would its forward pass: `x = x(conv1=Conv2d(…), relu1=ReLU())`.

Calling a value with named layers runs them one after the other and returns what comes out; `concat` and `add` join
paths; `with x.block("inception3a", "Inception"):` prefixes the names inside. Nothing is computed: shapes are the report's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from cnncli.layers import Layer, Tensor
from cnncli.layers.merge import Add, Concat
from cnncli.network import Network, Node


@dataclass
class _Draft:
    nodes: list[Node] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    uses: dict[str, list[Layer]] = field(default_factory=dict)

    def add(self, name: str, layer: Layer, inputs: tuple[str, ...], shares: str | None = None) -> str:
        full = ".".join((*self.path, name))
        self.nodes.append(Node(full, layer, inputs, shares))
        self.uses.setdefault(shares or full, []).append(layer)
        return full

    def again(self, name: str, inputs: tuple[str, ...]) -> str:
        uses = self.uses[".".join((*self.path, name))]
        return self.add(f"{name}:{len(uses) + 1}", uses[0], inputs, ".".join((*self.path, name)))


class Value:
    """A tensor on its way through a network that is being written down."""

    def __init__(self, draft: _Draft, name: str) -> None:
        """Values are made by `write` and by calling other values."""
        self._draft = draft
        self.name = name

    def __call__(self, *numbered: Layer, **named: Layer) -> Value:
        """The value after these layers, one after the other; unnamed ones are called 0, 1, … as in nn.Sequential."""
        value = self
        for name, layer in {**{str(place): layer for place, layer in enumerate(numbered)}, **named}.items():
            value = Value(self._draft, self._draft.add(name, layer, (value.name,)))
        return value

    def again(self, name: str) -> Value:
        """The value after the module called `name` in this block, used once more with the weights it has."""
        return Value(self._draft, self._draft.again(name, (self.name,)))

    def join(self, name: str, layer: Layer, *others: Value) -> Value:
        """What `layer` makes of this value and `others`."""
        return Value(self._draft, self._draft.add(name, layer, (self.name, *(other.name for other in others))))

    @contextmanager
    def block(self, name: str, kind: str = "") -> Iterator[None]:
        """Names inside are prefixed with `name`; `kind` says what the block is an instance of."""
        outside = self._draft.path
        self._draft.path = (*outside, name)
        if kind:
            self._draft.blocks[".".join(self._draft.path)] = kind
        try:
            yield
        finally:
            self._draft.path = outside


def concat(first: Value, *others: Value, name: str = "concat") -> Value:
    """Values laid side by side along the channels."""
    return first.join(name, Concat(), *others)


def add(first: Value, *others: Value, name: str = "add", inplace: bool = False) -> Value:
    """Values added element by element; in place, the sum overwrites the first."""
    return first.join(name, Add(inplace=inplace), *others)


def write(
    body: Callable[..., Value | tuple[Value, ...]],
    *,
    name: str,
    edition: str = "",
    inputs: Mapping[str, Tensor],
    **arguments: object,
) -> Network:
    """The network that `body(x, **arguments)` writes down, one value for each of `inputs`."""
    draft = _Draft()
    outputs = body(*(Value(draft, entry) for entry in inputs), **arguments)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    names = tuple(value.name for value in outputs)
    return Network(name, edition, dict(inputs), tuple(draft.nodes), names, dict(draft.blocks))
