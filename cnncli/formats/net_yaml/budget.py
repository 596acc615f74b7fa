"""What the steps of a net.yaml come to once they are written out: counted before any is run, since blocks and repeats multiply."""

from __future__ import annotations

from typing import NamedTuple

from cnncli.formats.net_yaml.grammar import Grammar
from cnncli.formats.net_yaml.steps import PARAMETER, Apply, Arguments, Block, Group, Join, Repeat, Step, Steps
from cnncli.formats.strict_yaml import KeyPath, Value

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
