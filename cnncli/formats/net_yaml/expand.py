"""From the steps of a net.yaml to the nodes of a network: names given, sources found, repeats and blocks written out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple, TypeAlias

from cnncli.errors import RequestError
from cnncli.formats.net_yaml.grammar import Grammar
from cnncli.formats.net_yaml.names import JOINS, lookup
from cnncli.formats.net_yaml.steps import (
    PARAMETER,
    Again,
    Apply,
    Arguments,
    Block,
    Group,
    Head,
    Join,
    Jump,
    Repeat,
    Step,
    Steps,
)
from cnncli.formats.strict_yaml import KeyPath, Value
from cnncli.layers import Layer, Tensor, make
from cnncli.network import Node

# What the steps of a net.yaml come to once they are written out: counted before any is run, since blocks and repeats multiply.

MAX_STEPS, MAX_DEPTH = 100_000, 50


class _Around(NamedTuple):
    """What a step stands in: its block's parameters, the blocks around it, and how many groups, joins and repeats."""

    values: Arguments
    within: tuple[str, ...] = ()
    depth: int = 0

    def deeper(self) -> _Around:
        return self._replace(depth=self.depth + 1)


class Budget:
    """Counts steps. Every step counts for one at least, so that counting is bounded as well."""

    def __init__(self, grammar: Grammar) -> None:
        """grammar: knows the blocks."""
        self._grammar = grammar
        self._seen = 0

    def check(self, steps: Steps) -> None:
        """Refuse steps that come to more than a network may have, nest too deep, or never end."""
        self._cost(steps, _Around({}))

    def _cost(self, steps: Steps, around: _Around) -> int:
        total = 0
        for step in steps:
            self._seen += 1
            total += max(1, self._inside(step, around))
            if max(total, self._seen) > MAX_STEPS:
                wrong = f"the network has more than {MAX_STEPS:,} steps once written out; make it smaller"
                self._grammar.refuse(step.head.path, wrong)
        return total

    def _inside(self, step: Step, around: _Around) -> int:
        if around.depth > MAX_DEPTH:
            self._grammar.refuse(step.head.path, f"steps nest more than {MAX_DEPTH} deep; flatten them")
        match step:
            case Repeat():
                return times(self._grammar, step, around.values) * max(1, self._cost(step.steps, around.deeper()))
            case Group():
                return self._cost(step.steps, around.deeper())
            case Join():
                return 1 + sum(self._cost(branch, around.deeper()) for branch in step.branches)
            case Apply():
                what = put(self._grammar, step.what, around.values, step.head.path)
                block = self._grammar.blocks.get(what) if isinstance(what, str) else None
                return self._block(step, block, around) if block else 1
        return 1

    def _block(self, step: Apply, block: Block, around: _Around) -> int:
        within = around.within
        if block.name in within:
            ring = " → ".join((*within[within.index(block.name) :], block.name))
            self._grammar.refuse(step.head.path, f"block {block.name} uses itself ({ring}); a network ends somewhere")
        given = bound(self._grammar, step, block, around.values)
        return self._cost(block.steps, _Around(given, (*within, block.name), around.depth + 1))


def bound(grammar: Grammar, step: Apply, block: Block, values: Arguments) -> Arguments:
    """The values of a block's parameters in one use; `values` are those of the block around it."""
    grammar.keys(step.arguments, block.parameters, step.at, "parameter")
    for name in block.parameters:
        if name not in step.arguments and name not in block.defaults:
            grammar.refuse(step.head.path, f"{block.name} needs {name}; write it as in {block.name}: {{{name}: …}}")
    given = {key: put(grammar, value, values, (*step.at, key)) for key, value in step.arguments.items()}
    return {**block.defaults, **given}


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
    path = (*step.head.path, "repeat", "times")
    found = put(grammar, step.times, values, path)
    if type(found) is not int or found < 1:
        grammar.refuse(path, f"times takes a whole number from 1, not {found!r}")
    return found


Values: TypeAlias = "tuple[str, ...]"
LISTED = 1000
"""Names among which the nearest is looked for."""
_SIZES = re.compile(r"[0-9]{1,12}(x[0-9]{1,12})+", re.ASCII)


class Place(NamedTuple):
    """Where a node is written: its step, and what holds its arguments."""

    step: KeyPath
    arguments: KeyPath


@dataclass
class _Level:
    """Where names are being given: a path in the network, of which the first `floor` parts are out of sight (a block's outside).

    count: layers, groups and blocks so far, the next unnamed one's number · suffix: what a repeat's round adds to names ·
    renamed: names of this round, as they are written → as they are · joins: how many of a word had no name of their own
    """

    path: tuple[str, ...] = ()
    floor: int = 0
    count: int = 0
    suffix: str = ""
    renamed: dict[str, str] = field(default_factory=dict)
    joins: dict[str, int] = field(default_factory=dict)

    def full(self, name: str) -> str:
        return ".".join((*self.path, name))

    def give(self, name: str | None) -> str:
        """The full name of the next layer, group or block here."""
        self.count += 1
        if name is None:
            return self.full(str(self.count - 1))
        self.renamed[name] = name + self.suffix
        return self.full(name + self.suffix)


class _Setting(NamedTuple):
    """What holds for all steps of a block's use: its parameters' values, and whether it is frozen."""

    values: Arguments
    frozen: bool = False


class Expansion:
    """Runs steps, noting nodes and where they are written."""

    def __init__(self, grammar: Grammar, inputs: Mapping[str, Tensor]) -> None:
        """inputs: the network's."""
        self._grammar = grammar
        self.inputs = dict(inputs)
        self.nodes: dict[str, Node] = {}
        self.places: dict[str, Place] = {}
        self.blocks: dict[str, str] = {}
        self.prefixes: set[str] = set()  # paths that hold something: no layer may be called so
        self._values: dict[str, Values] = {name: (name,) for name in inputs}
        self._calls: dict[str, int] = {}

    def expand(self, steps: Steps) -> Values:
        """Run the whole network, once it is known to be no larger than it may be; the last value."""
        Budget(self._grammar).check(steps)
        return self._run(steps, tuple(self.inputs), _Level(), _Setting({}))

    def output(self, name: str, path: KeyPath) -> Values:
        """What an output of the network, written at `path`, stands for."""
        return self._resolve(name, _Level(), path)

    def _run(self, steps: Steps, value: Values, level: _Level, setting: _Setting) -> Values:
        """The value after the steps."""
        for step in steps:
            head = step.head
            if head.reads is not None:
                value = tuple(
                    found for name in head.reads for found in self._resolve(name, level, (*head.path, "from"))
                )
            inner = setting._replace(frozen=True) if head.frozen else setting
            value = self._step(step, value, level, inner)
        return value

    def _step(self, step: Step, value: Values, level: _Level, setting: _Setting) -> Values:
        match step:
            case Apply():
                value = self._apply(step, value, level, setting)
            case Join():
                value = self._join(step, value, level, setting)
            case Group():
                name = self._claim(level.give(step.head.name), step.head)
                inside = _Level(tuple(name.split(".")), level.floor)
                value = self._values[name] = self._run(step.steps, value, inside, setting)
            case Repeat():
                value = self._repeat(step, value, level, setting)
            case Again():
                value = self._again(step, value, level, setting)
            case Jump():
                pass
        return value

    def _apply(self, step: Apply, value: Values, level: _Level, setting: _Setting) -> Values:
        what = put(self._grammar, step.what, setting.values, step.head.path)
        if not isinstance(what, str):
            self._grammar.refuse(step.head.path, f"{step.what} stands for {what!r}, which is no layer")
        if what in self._grammar.blocks:
            return self._use(step, self._grammar.blocks[what], value, level, setting)
        if what not in self._grammar.layers:
            self._grammar.unknown("layer", what, self._grammar.known, step.head.path)
        return self._node(step, self._grammar.layers[what], value, level, setting)

    def _use(self, step: Apply, block: Block, value: Values, level: _Level, setting: _Setting) -> Values:
        given = bound(self._grammar, step, block, setting.values)
        name = self._claim(level.give(step.head.name), step.head)
        self._values[f"{name}.input"] = value
        path = tuple(name.split("."))
        after = self._run(block.steps, value, _Level(path, len(path)), _Setting(given, setting.frozen))
        if name in self.prefixes:  # it holds a layer at least
            self.blocks[name] = block.kind
        self._values[name] = after
        return after

    def _node(self, step: Apply, kind: type[Layer], value: Values, level: _Level, setting: _Setting) -> Values:
        name = self._claim(level.give(step.head.name), step.head)
        self.nodes[name] = Node(name, self._layer(step, kind, name, setting), value, None, setting.frozen)
        self.places[name] = Place(step.head.path, step.at)
        self._values[name] = (name,)
        return (name,)

    def _layer(self, step: Apply, kind: type[Layer], name: str, setting: _Setting) -> Layer:
        types = {each.name: str(each.type) for each in fields(kind)}
        arguments = {
            key: _argument(put(self._grammar, value, setting.values, (*step.at, key)), types.get(key, ""))
            for key, value in step.arguments.items()
        }
        try:
            return make(kind, arguments)
        except RequestError as error:
            wrong = str(error)
            blame = blamed(wrong, arguments)
        return self._grammar.refuse((*step.at, blame) if blame else step.head.path, f"{name}: {wrong}")

    def _join(self, step: Join, value: Values, level: _Level, setting: _Setting) -> Values:
        ends = tuple(end for branch in step.branches for end in self._run(branch, value, level, setting))
        head = step.head._replace(name=step.head.name or self._unused(step.word, level))
        kind = self._grammar.layers[JOINS[step.word]]
        found = self._node(Apply(head, kind.__name__, step.arguments, step.at), kind, ends, level, setting)
        level.count -= 1  # joins take no number: they would be no module of their own in nn.Sequential
        return found

    def _unused(self, word: str, level: _Level) -> str:
        """`add`, then `add2`, `add3` …"""
        number = level.joins.get(word + level.suffix, 0) + 1
        while level.full(numbered(word, number) + level.suffix) in self._values:
            number += 1
        level.joins[word + level.suffix] = number
        return numbered(word, number)

    def _repeat(self, step: Repeat, value: Values, level: _Level, setting: _Setting) -> Values:
        suffix, renamed = level.suffix, dict(level.renamed)
        for number in range(1, times(self._grammar, step, setting.values) + 1):
            level.suffix = f"{suffix}_{number}" if suffix else str(number)
            value = self._run(step.steps, value, level, setting)
        level.suffix, level.renamed = suffix, renamed
        return value

    def _again(self, step: Again, value: Values, level: _Level, setting: _Setting) -> Values:
        first = self._found(step.module, level) or ""
        node = self.nodes.get(first)
        if node is None or node.shares:
            known = [name for name, each in self.nodes.items() if not each.shares]
            self._grammar.unknown("layer used before", step.module, known[-LISTED:], (*step.head.path, "again"))
        self._calls[first] = self._calls.get(first, 1) + 1
        name = f"{first}:{self._calls[first]}"
        self.nodes[name] = Node(name, node.layer, value, first, setting.frozen)
        self.places[name] = self.places[first]
        self._values[name] = (name,)
        return (name,)

    def _resolve(self, name: str, level: _Level, path: KeyPath) -> Values:
        """What a name stands for: a layer's output, a group's last value, a block's input; `x:1` is x's second."""
        if found := self._found(name, level):
            return self._values[found]
        maker, _, digits = name.rpartition(":")
        values = self._values.get(self._found(maker, level) or "", ())
        place = int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < 6 else -1
        if 0 <= place < len(values):
            return (values[place],)
        if place > 0 and len(values) == 1:
            return (f"{values[0]}:{place}",)
        start = "".join(f"{part}." for part in level.path[: level.floor])
        seen = [each.removeprefix(start) for each in self._values if each.startswith(start)]
        return self._grammar.unknown("value", name, seen[-LISTED:], path)

    def _found(self, name: str, level: _Level) -> str | None:
        head, dot, rest = name.partition(".")
        here = level.full(level.renamed.get(name) or f"{level.renamed.get(head, head)}{dot}{rest}")
        return here if here in self._values else lookup(name, level.path, level.floor, self._values)

    def _claim(self, name: str, head: Head) -> str:
        """The name, if it is not taken and does not lie below a layer's."""
        parts = name.split(".")
        above = [".".join(parts[:depth]) for depth in range(1, len(parts))]
        if below := next((each for each in above if each in self.nodes), None):
            self._grammar.refuse(head.path, f"{name!r} lies within {below!r}, which is a layer; choose another name")
        if name in self._values or name in self.prefixes:
            taken = "is used twice" if name in self._values else "holds other layers"
            self._grammar.refuse(head.path, f"{name!r} {taken}; choose another name")
        self.prefixes.update(above)
        return name


def numbered(word: str, number: int) -> str:
    """`add`, `add2` …: what joins without a name are called."""
    return word if number == 1 else f"{word}{number}"


def blamed(complaint: str, arguments: Mapping[str, object]) -> str:
    """The argument that a layer complains about; complaints begin with it: `in_features is 400, the input has 576`."""
    first = complaint.partition(" ")[0]
    return first if first in arguments else ""


def _argument(value: Value, wanted: str) -> object:
    """A file's value as a layer takes it: lists are tuples, and 3x5 is one where one number an axis is meant."""
    if isinstance(value, list):
        return tuple(_argument(each, wanted) for each in value)
    if isinstance(value, str) and ("Shape" in wanted or "Sizes" in wanted) and _SIZES.fullmatch(value):
        return tuple(map(int, value.split("x")))
    return value
