"""Names for the values of a forward pass: `x` for the one at hand, a name of its own for what goes separate ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from keyword import iskeyword
from typing import NamedTuple

from cnncli.network import Node
from cnncli.network.blocks import Part

FAR = 10_000
"""How many items behind a fork its branches may meet and still be taken for branches."""
_TAKEN = {"self", "nn", "torch", "functional", "getattr", "inputs", "examples"}


class Line(NamedTuple):
    """One item's part in a forward pass: the variables it reads, and those its outputs go to (`_` where nobody reads them)."""

    item: Node | Part
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def lines(part: Part, made: Sequence[tuple[str, ...]], arguments: Sequence[str]) -> tuple[list[Line], list[str]]:
    """The items of a part in running order, and the variables that hold its outputs.

    made: for each item the values it makes · arguments: the variables that hold the part's inputs
    """
    plan = _Plan(part, made, arguments)
    found = [plan.line(place) for place in range(len(part.items))]
    results = [plan.holding[value] for value in part.outputs]
    if plan.paths != 1 or "y" in plan.held:
        return found, results
    alone = {"path1": "y"}  # one path besides x
    renamed = [
        Line(each.item, *(tuple(alone.get(name, name) for name in names) for names in each[1:])) for each in found
    ]
    return renamed, [alone.get(name, name) for name in results]


def argument_names(part: Part, *, any_number: bool) -> list[str]:
    """What a part's inputs are called in its forward pass; a network's by their own names."""
    if any_number:
        return ["*inputs"]
    if len(part.inputs) == 1:
        return ["x"]
    if part.path:
        return [f"x{place}" for place in range(1, len(part.inputs) + 1)]
    return _different(_variable(name) for name in part.inputs)


class _Plan:
    """Which variable holds which value, item by item."""

    def __init__(self, part: Part, made: Sequence[tuple[str, ...]], arguments: Sequence[str]) -> None:
        self.part, self.made = part, made
        self.reads: dict[str, list[int]] = {}
        for place, item in enumerate(part.items):
            for value in dict.fromkeys(item.inputs):
                self.reads.setdefault(value, []).append(place)
        for value in part.outputs:
            self.reads.setdefault(value, []).append(len(part.items))
        self.holding = dict(zip(part.inputs, arguments, strict=False))
        if arguments and arguments[0].startswith("*"):
            self.holding = dict.fromkeys(part.inputs, arguments[0])
        self.held = {name: value for value, name in self.holding.items()}
        self.meets = _meeting(part, made, self.reads)
        self.paths = 0

    def line(self, place: int) -> Line:
        """The item at `place`; its outputs get their variables."""
        item = self.part.items[place]
        inputs = tuple(dict.fromkeys(item.inputs)) if self._all_inputs(item) else item.inputs
        read = ("*inputs",) if self._all_inputs(item) else tuple(self.holding[value] for value in inputs)
        outputs = tuple(self._variable(value, place, item) for value in self.made[place])
        return Line(item, read, outputs)

    def _all_inputs(self, item: Node | Part) -> bool:
        return "*inputs" in [self.holding.get(value) for value in item.inputs]

    def _variable(self, value: str, place: int, item: Node | Part) -> str:
        if value not in self.reads:
            return "_"
        name = self._chosen(value, place, item)
        self.holding[value] = name
        self.held[name] = value
        return name

    def _chosen(self, value: str, place: int, item: Node | Part) -> str:
        if len(self.reads[value]) > 1 and self.meets[place] == len(self.part.items):  # parts for good
            own = _variable((item.path if isinstance(item, Part) else item.name).partition(":")[0].rpartition(".")[2])
            return self._path() if own in self.held or own == "x" else own
        if (
            isinstance(item, Node)
            and item.layer.aliases
            and len(item.inputs) > 1
            and self._free(self.holding[item.inputs[0]], place)
        ):
            return self.holding[item.inputs[0]]  # the result overwrites the first input
        before = [self.holding[each] for each in dict.fromkeys(item.inputs) if self.holding[each] != "*inputs"]
        if len(before) == 1 and self._only_read_here(item.inputs[0], place) and self._free(before[0], place):
            return before[0]
        forked = len(before) == 1 and before[0] == "x"
        if not forked and self._free("x", place):
            return "x"
        if len(before) > 1:
            dying = next((name for name in before if self._free(name, place)), None)
            if dying:
                return dying
        return self._path()

    def _only_read_here(self, value: str, place: int) -> bool:
        return self.reads[value] == [place]

    def _free(self, name: str, place: int) -> bool:
        """Whether nobody behind `place` reads what the variable holds."""
        value = self.held.get(name)
        return value is None or value not in self.reads or self.reads[value][-1] <= place

    def _path(self) -> str:
        self.paths += 1
        name = f"path{self.paths}"
        return name if name not in self.held else self._path()


class Free(NamedTuple):
    """Names for what is computed besides. taken: those that are in use"""

    taken: set[str]

    def name(self, number: int) -> str:
        """`value`, `value2`, …"""
        name = f"value{number + 1}" if number else "value"
        return name if name not in self.taken else f"{name}_"


def _meeting(part: Part, made: Sequence[tuple[str, ...]], reads: dict[str, list[int]]) -> list[int]:
    """For each item the first one behind it that all its results go through; the number of items where there is none.

    These are the immediate post-dominators of the items, found backwards by walking up to common ones.
    """
    end = len(part.items)
    found = [end] * end
    for place in reversed(range(end)):
        readers = {reader for value in made[place] for reader in reads.get(value, ())}
        found[place] = _common(readers, found, end)
    return found


def _common(readers: set[int], above: Sequence[int], end: int) -> int:
    """The nearest item that the way from every reader goes through; looked for `FAR` items far."""
    first, *others = readers or {end}
    for other in others:
        second, steps = other, 0
        while first != second:
            first, second = (above[first], second) if first < second else (first, above[second])
            steps += 1
            if steps > FAR:
                return end
    return first


def _variable(name: str) -> str:
    fits = name.isidentifier() and name.isascii() and not iskeyword(name) and name not in _TAKEN and name[0] != "_"
    return name if fits else "value"


def _different(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, chosen = 2, name
        while chosen in found:
            number, chosen = number + 1, f"{name}{number}"
        found.append(chosen)
    return found
