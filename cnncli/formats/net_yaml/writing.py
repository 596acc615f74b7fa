"""From a network to the net.yaml that reads back as it: blocks that are alike defined once, paths as branches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from cnncli.errors import RequestError
from cnncli.formats.net_yaml.expand import numbered
from cnncli.formats.net_yaml.names import JOINS, lookup, wrong_name
from cnncli.formats.net_yaml.text import Steps, text
from cnncli.layers import Tensor, layer_kinds
from cnncli.layers.arguments import is_default, plain
from cnncli.layers.parsing import typed
from cnncli.network import Network, Node, named, source
from cnncli.network.blocks import Part, parts
from cnncli.network.definitions import Definition, Definitions

# The nodes and parts of a network as the steps they are written as: what each reads first, and what is at hand behind it.

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


FAR = 200
"""Steps within which branches that are written as such meet; others are written with `from`."""


def dump(network: Network) -> str:
    """The network as a net.yaml, which `read` reads back with equal rows, totals, names and blocks.

    The edition is left out: what can be edited is no published variant any more. Raises `RequestError` for names that a file
    cannot hold.
    """
    return text(_Writer(network).document())


@dataclass
class _Level:
    """Where steps are being written. path, floor, count: as for who reads them · outside: values that come into the block."""

    path: tuple[str, ...] = ()
    floor: int = 0
    count: int = 0
    joins: dict[str, int] = field(default_factory=dict)
    definition: Definition | None = None
    outside: Mapping[str, str] = field(default_factory=dict)

    @property
    def input(self) -> str:
        return ".".join((*self.path[: self.floor], "input"))

    def relative(self, name: str) -> str:
        return name.removeprefix(".".join(self.path) + ".") if self.path else name


class _Writer:
    """Writes steps and keeps count of names as the reader will."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.whole = parts(network)
        known = layer_kinds()
        self.specs = set(known.values())
        kinds = {spec.__name__ for spec in self.specs} | set(known) | set(JOINS)
        self.definitions = Definitions(
            (part for part in self.whole.parts() if part.kind), lambda node: node.layer, kinds
        )
        self.known: set[str] = set(network.inputs)
        self.nodes = {node.name: node for node in network.nodes}
        self.readers = Counter(value for node in network.nodes for value in node.inputs)
        self.calls: dict[str, int] = {}
        self.ends: dict[str, str] = {}  # last value of a group or block → its path
        self.kinds = dict(network.blocks)

    def document(self) -> dict[str, Any]:
        """The file's keys and values."""
        foreign = [node for node in self.network.nodes if type(node.layer) not in self.specs]
        if foreign:
            each = "was recorded from a module and has" if len(foreign) == 1 else "were recorded from a module and have"
            raise RequestError(
                f"{self.network.name}: cannot be written as YAML: {named(foreign)} {each} no name in a file"
            )
        layers = self._steps(self.whole.items, tuple(self.network.inputs), _Level())
        last = after(self.whole.items[-1]) if self.whole.items else ()
        found: dict[str, Any] = {"kind": "network", "name": self.network.name, "input": _inputs(self.network.inputs)}
        if self.definitions.all:
            found["blocks"] = {each.name: self._block(each) for each in self.definitions.all}
        found["layers"] = layers
        if self.network.outputs != last:
            self.known |= set(self.nodes)
            found["outputs"] = [self._reference(value, _Level()) for value in self.network.outputs]
        if self.kinds:
            found["instances"] = self.kinds
        return found

    def _block(self, definition: Definition) -> Any:  # noqa: ANN401  (a step list, or a mapping that holds one)
        """A definition, written after its first use."""
        part = definition.first
        path = tuple(part.path.split("."))
        inputs = part.inputs
        outside = {value: "input" if len(inputs) == 1 else f"input:{place}" for place, value in enumerate(inputs)}
        outer = self.known, self.calls, self.ends
        self.known, self.calls, self.ends = {f"{part.path}.input"}, {}, {}
        steps = self._steps(part.items, inputs, _Level(path, len(path), definition=definition, outside=outside))
        self.known, self.calls, self.ends = outer
        return steps if definition.name == definition.kind else {"kind": definition.kind, "steps": steps}

    def _steps(self, items: Sequence[Item], current: Values, level: _Level) -> list[Any]:
        """Steps as a list; `current` is the value at hand where they start."""
        found = Steps()
        items = list(spelled_out(items))
        place = 0
        while place < len(items):
            join = self._fork(items, place, current)
            if join is None:
                found.append(self._step(items[place], current, level))
            else:
                found.append(self._joined(items[place : join + 1], current, level))
                place = join
            current = after(items[place])
            place += 1
        return found

    def _fork(self, items: Sequence[Item], first: int, current: Values) -> int | None:
        """Where the branches that start here meet, if they are written one after the other and read nothing else."""
        if current[1:] or not current or self.readers[current[0]] < 2:
            return None
        near = range(first, min(first + FAR, len(items)))
        join = next((place for place in near if is_join(items[place])), None)
        if join is None:
            return None
        place = first
        for value in items[join].inputs:
            at = current
            while at != (value,):
                if place == join or start(items[place]) != at:
                    return None
                at = after(items[place])
                place += 1
        return join if place == join else None

    def _joined(self, items: Sequence[Item], current: Values, level: _Level) -> Any:  # noqa: ANN401
        """Branches and the layer in which they meet."""
        *inner, join = items
        assert isinstance(join, Node)  # noqa: S101  (what _fork looks for)
        branches = Steps()
        place = 0
        at: Values
        for value in join.inputs:
            first, at = place, current
            while at != (value,):
                at = after(inner[place])
                place += 1
            steps = self._steps(inner[first:place], current, level)
            branches.append(steps[0] if len(steps) == 1 and isinstance(steps[0], dict) else steps or "identity")
        word = WORDS_OF[type(join.layer).__name__]
        thing = {word: branches, **self._arguments(join, level)}
        name = level.relative(join.name)
        number = self._next(word, level)
        self.known.add(join.name)
        unnamed = name == numbered(word, number)
        if unnamed:
            level.joins[word] = number
        return self._frozen(join, thing if unnamed else {self._name(name): thing})

    def _next(self, word: str, level: _Level) -> int:
        """The number that the reader will give to a join without a name."""
        number = level.joins.get(word, 0) + 1
        while ".".join((*level.path, numbered(word, number))) in self.known:
            number += 1
        return number

    def _step(self, item: Item, current: Values, level: _Level) -> Any:  # noqa: ANN401
        """One layer, group or block, and where it reads from if that is not the value at hand."""
        first = start(item)
        reads = {} if first == current else {"from": self._reads(first, level)}
        if isinstance(item, Node) and item.shares:
            return self._frozen(item, {"again": self._called(item, level)} | reads)
        name = level.relative(item.path if isinstance(item, Part) else item.name)
        numbered = name == str(level.count)
        level.count += 1
        thing = self._group(item, level) if isinstance(item, Part) else self._layer(item, level)
        more = reads | ({"frozen": True} if isinstance(item, Node) and item.frozen else {})
        if not numbered or (more and isinstance(thing, list)):
            return {self._name(name): thing} | more
        if more and isinstance(thing, str):
            return {thing: {}} | more
        return thing | more if more else thing

    def _group(self, part: Part, level: _Level) -> Any:  # noqa: ANN401
        """A block's name and arguments, or a list of steps."""
        definition = self.definitions.of(part)
        if definition is None:
            path = tuple(part.path.split("."))
            inside = _Level(path, level.floor, definition=level.definition, outside=level.outside)
            steps = self._steps(part.items, start(part), inside)
            self._note(part)
            return steps
        self._note(part)
        values = self.definitions.values(part)
        slots = {each.name: each.slots[0] for each in definition.parameters}
        found = {
            name: self._put(f"{part.path}.{slot[0]}", slot[1], values[slot], level) for name, slot in slots.items()
        }
        return {definition.name: found} if found else definition.name

    def _note(self, part: Part) -> None:
        """What a group or block makes is known from here on; its last value goes by the name of the whole."""
        for each in (part, *part.parts()):
            self.known |= {each.path, f"{each.path}.input"} if each.kind else {each.path}
            self.ends |= dict.fromkeys(after(each), each.path) if each is part else {}
            if part.kind:
                self.kinds.pop(each.path, None)
        for node in part.nodes() if part.kind else ():
            self.known.add(node.name)
            if node.shares:
                self.calls[node.shares] = self.calls.get(node.shares, 1) + 1

    def _layer(self, node: Node, level: _Level) -> Any:  # noqa: ANN401
        """`ReLU`, or `{Conv2d: {out_channels: 6, …}}`."""
        self.known.add(node.name)
        name = type(node.layer).__name__
        arguments = self._arguments(node, level)
        return {name: arguments} if arguments else name

    def _arguments(self, node: Node, level: _Level) -> dict[str, Any]:
        """What a layer's arguments are, a block's parameters for what differs between its uses."""
        found = {}
        for name, value in plain(node.layer).items():
            written = self._put(node.name, name, value, level)
            if (isinstance(written, str) and written.startswith("$")) or not is_default(node.layer, name):
                found[name] = written
        return found

    def _put(self, layer: str, argument: str, value: object, level: _Level) -> Any:  # noqa: ANN401
        """A layer's argument, or the parameter that stands for it."""
        if level.definition is not None:
            parameter = level.definition.names.get((level.definition.first.relative(layer), argument))
            if parameter:
                return f"${parameter}"
        return _written(value)

    def _called(self, node: Node, level: _Level) -> str:
        first = node.shares or ""
        self.calls[first] = self.calls.get(first, 1) + 1
        if node.name != f"{first}:{self.calls[first]}":
            self._refuse(
                node.name, f"is call {self.calls[first]} of {first!r} and not called {first}:{self.calls[first]}"
            )
        self.known.add(node.name)
        return self._reference(first, level, module=True)

    def _reads(self, values: Values, level: _Level) -> Any:  # noqa: ANN401
        found = [self._reference(value, level) for value in values]
        if tuple(level.outside) == values and len(values) > 1:
            return self._shown(level.input, level)
        return found[0] if len(found) == 1 else found

    def _reference(self, value: str, level: _Level, *, module: bool = False) -> str:
        """What a value, or the module behind it, is called by whoever reads it here."""
        if value in level.outside:
            _, colon, which = level.outside[value].partition(":")
            return f"{self._shown(level.input, level)}{colon}{which}"
        name, place = source(value, self.known) or (value, 0)
        name = name if place or module else self.ends.get(name, name)
        return f"{self._shown(name, level)}:{place}" if place else self._shown(name, level)

    def _shown(self, name: str, level: _Level) -> str:
        """The shortest way to name a path from here; a dot in front where something nearer is called the same."""
        for depth in range(len(level.path), level.floor - 1, -1):
            start = "".join(f"{part}." for part in level.path[:depth])
            shown = name.removeprefix(start)
            if name.startswith(start) and lookup(shown, level.path, level.floor, self.known) == name:
                return shown
        return "." + name.removeprefix("".join(f"{part}." for part in level.path[: level.floor]))

    def _name(self, name: str) -> str:
        wrong = wrong_name(name)
        if wrong:
            self._refuse(name, wrong)
        return name

    def _frozen(self, node: Node, step: dict[str, Any]) -> dict[str, Any]:
        return step | {"frozen": True} if node.frozen else step

    def _refuse(self, name: str, wrong: str) -> NoReturn:
        raise RequestError(f"{self.network.name}: cannot be written as YAML: {name!r} {wrong}")


def _written(value: object) -> Any:  # noqa: ANN401
    return [_written(each) for each in value] if isinstance(value, tuple) else value


def _inputs(inputs: Mapping[str, Tensor]) -> Any:  # noqa: ANN401
    written = {name: _tensor(tensor) for name, tensor in inputs.items()}
    return written["input"] if list(written) == ["input"] else written


def _tensor(tensor: Tensor) -> Any:  # noqa: ANN401
    shape = typed(tensor.shape) if len(tensor.shape) > 1 else list(tensor.shape)
    if tensor == Tensor(tensor.shape):
        return shape
    return {"shape": shape, "dtype": tensor.dtype, "batch": tensor.batch}
