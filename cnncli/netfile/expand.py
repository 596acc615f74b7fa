"""From the steps of a net.yaml to the nodes of a network: names, who reads whom, repeats and blocks written out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from cnncli.errors import RequestError, UnknownName
from cnncli.layers import Layer, Tensor, make
from cnncli.netfile.names import JOINS, lookup
from cnncli.netfile.steps import PARAMETER, Again, Apply, Arguments, Block, Grammar, Group, Join, Jump, Repeat, Step, Steps
from cnncli.network import Node
from cnncli.strict_yaml import KeyPath, Value

MAX_STEPS, MAX_DEPTH = 100_000, 50
_SIZES = re.compile(r"[0-9]{1,12}(x[0-9]{1,12})+", re.ASCII)


class Place(NamedTuple):
    """Where a node is written: its step, and what holds its arguments."""

    step: KeyPath
    arguments: KeyPath


@dataclass
class _Level:
    """Where names are being given: a path in the network, of which the first `floor` parts are out of sight (a block's outside).

    count: layers, groups and blocks so far, the next unnamed one's number · suffix: what a repeat's round adds to names ·
    renamed: names of this round, as they are written → as they are
    """

    path: tuple[str, ...] = ()
    floor: int = 0
    count: int = 0
    suffix: str = ""
    renamed: dict[str, str] = field(default_factory=dict)

    def full(self, name: str) -> str:
        return ".".join((*self.path, name))

    def give(self, name: str | None) -> str:
        """The name of the next layer, group or block here."""
        self.count += 1
        if name is None:
            return str(self.count - 1)
        self.renamed[name] = name + self.suffix
        return name + self.suffix


class _Setting(NamedTuple):
    """What holds for all steps of a block's use: its parameters' values, and whether it is frozen."""

    values: Arguments
    frozen: bool = False


class Expansion:
    """Runs steps, noting nodes and where they were written."""

    def __init__(self, grammar: Grammar, inputs: Mapping[str, Tensor]) -> None:
        """inputs: the network's."""
        self.grammar = grammar
        self.inputs = dict(inputs)
        self.nodes: dict[str, Node] = {}
        self.places: dict[str, Place] = {}
        self.blocks: dict[str, str] = {}
        self.values: dict[str, tuple[str, ...]] = {name: (name,) for name in inputs}
        self.prefixes: set[str] = set()  # paths that hold something: no layer may be called so
        self._calls: dict[str, int] = {}

    def expand(self, steps: Steps) -> tuple[str, ...]:
        """Run the whole network, once it is known to be no larger than it may be; the last value."""
        _Budget(self.grammar).check(steps)
        return self.run(steps, tuple(self.inputs), _Level(), _Setting({}))

    def output(self, name: str, path: KeyPath) -> tuple[str, ...]:
        """What an output of the network, written at `path`, stands for."""
        return self.resolve(name, _Level(), path)

    def run(self, steps: Steps, value: tuple[str, ...], level: _Level, setting: _Setting) -> tuple[str, ...]:
        """The value after the steps."""
        for step in steps:
            start = tuple(each for name in step.reads for each in self.resolve(name, level, step.path)) or value
            value = self._step(step, start, level, setting)
        return value

    def _step(self, step: Step, value: tuple[str, ...], level: _Level, setting: _Setting) -> tuple[str, ...]:
        match step:
            case Jump():
                return value
            case Again():
                return self._again(step, value, level, setting)
            case Repeat():
                return self._repeat(step, value, level, _freezing(setting, step))
            case Group():
                name = self._open(step, level)
                inside = _Level((*level.path, *name.split(".")), level.floor)
                return self._close(level.full(name), self.run(step.steps, value, inside, _freezing(setting, step)))
            case Join():
                return self._join(step, value, level, _freezing(setting, step))
            case Apply():
                what = self._put(step.what, setting, step.path)
                if what in self.grammar.blocks:
                    return self._use(step, self.grammar.blocks[what], value, level, _freezing(setting, step))
                return self._apply(step, what, value, level, _freezing(setting, step))

    def _open(self, step: Group | Apply, level: _Level) -> str:
        """Give a group or block its name."""
        name = level.give(step.name)
        self._claim(level.full(name), step.path)
        return name

    def _close(self, path: str, value: tuple[str, ...]) -> tuple[str, ...]:
        self.values[path] = value
        return value

    def _use(
        self, step: Apply, block: Block, value: tuple[str, ...], level: _Level, setting: _Setting
    ) -> tuple[str, ...]:
        given = bound(self.grammar, step, block, setting.values)
        name = self._open(step, level)
        path = (*level.path, *name.split("."))
        self.blocks[level.full(name)] = block.kind
        self.values[".".join((*path, "input"))] = value
        inside = _Level(path, len(path))
        return self._close(level.full(name), self.run(block.steps, value, inside, _Setting(given, setting.frozen)))

    def _repeat(self, step: Repeat, value: tuple[str, ...], level: _Level, setting: _Setting) -> tuple[str, ...]:
        suffix, renamed = level.suffix, dict(level.renamed)
        for number in range(1, times(self.grammar, step, setting.values) + 1):
            level.suffix = f"{suffix}_{number}" if suffix else str(number)
            value = self.run(step.steps, value, level, setting)
        level.suffix, level.renamed = suffix, renamed
        return value

    def _join(self, step: Join, value: tuple[str, ...], level: _Level, setting: _Setting) -> tuple[str, ...]:
        ends = [end for branch in step.branches for end in self.run(branch, value, level, setting)]
        name = step.name or self._unused(step.word, level)
        level.count -= 1  # joins take no number: they are no module of their own in nn.Sequential
        at = Apply(step.path, name, (), step.frozen, JOINS[step.word], step.arguments, step.path)
        return self._apply(at, at.what, tuple(ends), level, setting)

    def _unused(self, word: str, level: _Level) -> str:
        number = 1
        while level.full(f"{word if number == 1 else f'{word}{number}'}{level.suffix}") in self.nodes:
            number += 1
        return word if number == 1 else f"{word}{number}"

    def _apply(
        self, step: Apply, what: str, value: tuple[str, ...], level: _Level, setting: _Setting
    ) -> tuple[str, ...]:
        name = level.full(level.give(step.name))
        self._claim(name, step.path)
        layer = self._layer(step, what, name, setting)
        self.nodes[name] = Node(name, layer, value, None, setting.frozen)
        self.places[name] = Place(step.path, step.at)
        return self._close(name, (name,))

    def _layer(self, step: Apply, what: str, name: str, setting: _Setting) -> Layer:
        kind = self.grammar.layers.get(what)
        if kind is None:
            known = [*self.grammar.layers, *self.grammar.blocks]
            raise UnknownName("layer", what, known, where=f"{self.grammar.document.where(step.path)}: ")
        types = {each.name: str(each.type) for each in fields(kind)}
        arguments = {
            key: _argument(self._put(each, setting, (*step.at, key)), types.get(key, ""))
            for key, each in step.arguments.items()
        }
        try:
            return make(kind, arguments)
        except RequestError as error:
            message = str(error)
            path = (*step.at, blamed(message, arguments)) if blamed(message, arguments) else step.path
            self.grammar.refuse(path, f"{name}: {message}")

    def _again(self, step: Again, value: tuple[str, ...], level: _Level, setting: _Setting) -> tuple[str, ...]:
        first = self._found(step.module, level)
        if first not in self.nodes or self.nodes[first].shares:
            known = [name for name, node in self.nodes.items() if not node.shares]
            where = f"{self.grammar.document.where((*step.path, 'again'))}: "
            raise UnknownName("layer used before", step.module, known, where=where)
        self._calls[first] = self._calls.get(first, 1) + 1
        name = f"{first}:{self._calls[first]}"
        node = self.nodes[first]
        self.nodes[name] = Node(name, node.layer, value, first, setting.frozen or step.frozen)
        self.places[name] = self.places[first]
        return self._close(name, (name,))

    def resolve(self, name: str, level: _Level, path: KeyPath) -> tuple[str, ...]:
        """What `name` stands for in a `from`: a layer's output, a group's last value, a block's input; `x:1` is x's second."""
        found = self._found(name, level)
        if found:
            return self.values[found]
        maker, colon, place = name.rpartition(":")
        values = self.values.get(self._found(maker, level) or "", ()) if colon and place.isdigit() else ()
        if len(values) == 1 and len(place) < 4:
            return (f"{values[0]}:{int(place)}" if int(place) else values[0],)
        if len(place) < 6 and values and int(place) < len(values):
            return (values[int(place)],)
        start = "".join(f"{part}." for part in level.path[: level.floor])
        seen = [each.removeprefix(start) for each in self.values if each.startswith(start)]
        raise UnknownName("value", name, seen, where=f"{self.grammar.document.where((*path, 'from'))}: ")

    def _found(self, name: str, level: _Level) -> str | None:
        head, dot, rest = name.partition(".")
        here = level.full(level.renamed.get(name) or f"{level.renamed.get(head, head)}{dot}{rest}")
        return here if here in self.values else lookup(name, level.path, level.floor, self.values)

    def _claim(self, name: str, path: KeyPath) -> None:
        """Refuse a name that is taken, or lies below a layer's."""
        parts = name.split(".")
        above = [".".join(parts[:depth]) for depth in range(1, len(parts))]
        below = next((each for each in above if each in self.nodes), None)
        if below:
            self.grammar.refuse(path, f"{name!r} lies within {below!r}, which is a layer; choose another name")
        if name in self.values or name in self.prefixes:
            what = "holds other layers" if name in self.prefixes else "is used twice"
            self.grammar.refuse(path, f"{name!r} {what}; choose another name")
        self.prefixes.update(above)

    def _put(self, value: Value, setting: _Setting, path: KeyPath) -> Value:
        return put(self.grammar, value, setting.values, path)


class _Around(NamedTuple):
    """What a step stands in: its block's parameters, the blocks around it, and how many groups, joins and repeats."""

    values: Arguments
    within: tuple[str, ...] = ()
    depth: int = 0

    def deeper(self) -> _Around:
        return self._replace(depth=self.depth + 1)


class _Budget:
    """Counts what steps come to before any is run: repeats and blocks multiply."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.seen = 0

    def check(self, steps: Steps) -> None:
        """Refuse steps that come to more than a network may have, nest too deep, or never end."""
        self.cost(steps, _Around({}))

    def cost(self, steps: Steps, around: _Around) -> int:
        total = 0
        for step in steps:
            self.seen += 1  # also where a repeat multiplies nothing, so that counting itself is bounded
            total += 1 + self._inside(step, around)
            if max(total, self.seen) > MAX_STEPS:
                wrong = f"the network has more than {MAX_STEPS:,} steps once written out; make it smaller"
                self.grammar.refuse(step.path, wrong)
        return total

    def _inside(self, step: Step, around: _Around) -> int:
        if around.depth > MAX_DEPTH:
            self.grammar.refuse(step.path, f"steps nest more than {MAX_DEPTH} deep; flatten them")
        match step:
            case Repeat():
                rounds = times(self.grammar, step, around.values)
                return rounds * (1 + self.cost(step.steps, around.deeper()))
            case Group():
                return self.cost(step.steps, around.deeper())
            case Join():
                return sum(self.cost(branch, around.deeper()) for branch in step.branches)
            case Apply():
                what = put(self.grammar, step.what, around.values, step.path)
                block = self.grammar.blocks.get(what) if isinstance(what, str) else None
                return self._block(step, block, around) if block else 0
        return 0

    def _block(self, step: Apply, block: Block, around: _Around) -> int:
        within = around.within
        if block.name in within:
            ring = " → ".join((*within[within.index(block.name) :], block.name))
            self.grammar.refuse(step.path, f"block {block.name} uses itself ({ring}); a network ends somewhere")
        given = bound(self.grammar, step, block, around.values)
        return self.cost(block.steps, _Around(given, (*within, block.name), around.depth + 1))


def bound(grammar: Grammar, step: Apply, block: Block, values: Arguments) -> dict[str, Value]:
    """The values of a block's parameters in one use; `values` are those of the block around it."""
    grammar.keys(step.arguments, block.parameters, step.at, "parameter")
    missing = [name for name in block.parameters if name not in step.arguments and name not in block.defaults]
    if missing:
        grammar.refuse(step.path, f"{block.name} needs {missing[0]}; write it as in {block.name}: {{{missing[0]}: …}}")
    given = {key: put(grammar, value, values, (*step.at, key)) for key, value in step.arguments.items()}
    return dict(block.defaults) | given


def put(grammar: Grammar, value: Value, values: Arguments, path: KeyPath) -> Value:
    """`value` with the parameter it names, or those in its list, put in."""
    if isinstance(value, list):
        return [put(grammar, each, values, path) for each in value]
    found = PARAMETER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    if found[1] not in values:
        grammar.refuse(path, f"{value!r} stands for a block's parameter; outside blocks write the value itself")
    return values[found[1]]


def times(grammar: Grammar, step: Repeat, values: Arguments) -> int:
    """How many rounds a repeat has."""
    path = (*step.path, "repeat", "times")
    found = put(grammar, step.times, values, path)
    if type(found) is not int or found < 1:
        grammar.refuse(path, f"times takes a whole number from 1, not {found!r}")
    return found


def blamed(message: str, arguments: Mapping[str, object]) -> str:
    """The argument that a layer's complaint is about, by the way complaints begin: `in_features is 400, the input has 576`."""
    first = message.partition(" ")[0]
    return first if first in arguments else ""


def _freezing(setting: _Setting, step: Apply | Join | Group | Repeat) -> _Setting:
    return setting._replace(frozen=True) if step.frozen else setting


def _argument(value: Value, wanted: str) -> object:
    """A file's value as a layer takes it: lists are tuples, and 3x5 is one where one number an axis is meant."""
    if isinstance(value, list):
        return tuple(_argument(each, wanted) for each in value)
    if isinstance(value, str) and ("Shape" in wanted or "Sizes" in wanted) and _SIZES.fullmatch(value):
        return tuple(map(int, value.split("x")))
    return value
