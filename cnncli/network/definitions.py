"""Parts that are alike, written once: what they share is the definition, in what they differ are its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from keyword import iskeyword
from typing import NamedTuple, TypeAlias

from cnncli.layers import Layer
from cnncli.layers.arguments import plain
from cnncli.network import Node, source
from cnncli.network.blocks import Part

Slot: TypeAlias = "tuple[str, str]"
"""One argument in a part: the layer's name within the part, and the argument's."""

_INTO = ("in_channels", "in_features")
_OUT = ("out_channels", "out_features")
_BOTH = {"in_channels": "channels", "in_features": "features"}
_NEUTRAL = {
    "num_features": "channels",
    "num_channels": "channels",
    "normalized_shape": "features",
    "groups": "channels",
}


class Parameter(NamedTuple):
    """A number that differs from use to use. slots: where it goes, in order."""

    name: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Definition:
    """Parts that differ in numbers alone.

    name: unique · kind: the block's · uses: the parts, in running order · parameters: in the order of their first use ·
    any_number: uses may take different numbers of inputs, which the first layer reads all
    """

    name: str
    kind: str
    uses: tuple[Part, ...]
    parameters: tuple[Parameter, ...]
    any_number: bool

    @cached_property
    def names(self) -> Mapping[Slot, str]:
        """Which parameter goes where."""
        return {slot: each.name for each in self.parameters for slot in each.slots}

    @property
    def first(self) -> Part:
        """The part that the definition is written after."""
        return self.uses[0]


class Definitions:
    """The definitions of a network's parts, and the values of their parameters."""

    def __init__(
        self,
        parts: Iterable[Part],
        layer_of: Callable[[Node], Layer | None],
        taken: Iterable[str] = (),
        written: Callable[[Node | Part, Part], object] | None = None,
    ) -> None:
        """parts: those to be defined, inner ones first · layer_of: the spec to show, None where it has no arguments ·

        taken: names that are in use · written: for a node of a part that is written as it stands, what is written; for a part, what
        it holds besides its items
        """
        self._layer_of, self._written = layer_of, written or _nothing
        self._values: dict[str, dict[Slot, object]] = {}
        alike: dict[object, list[Part]] = {}
        self._shapes: dict[str, object] = {}
        for part in parts:
            alike.setdefault((part.kind or part.path.rpartition(".")[2], self.shape(part)), []).append(part)
        names = _names([(found[0].kind or _camel(found[0].path)) for found in alike.values()], set(taken))
        self.all = [self._definition(name, found) for name, found in zip(names, alike.values(), strict=True)]
        self._by_path = {part.path: each for each in self.all for part in each.uses}

    def of(self, part: Part) -> Definition | None:
        """The definition that a part is a use of."""
        return self._by_path.get(part.path)

    def values(self, part: Part) -> Mapping[Slot, object]:
        """Every argument of every layer in a part."""
        if part.path not in self._values:
            self._values[part.path] = {
                (part.relative(node.name), name): value
                for node in part.nodes()
                if node.shares is None and (layer := self._layer_of(node)) is not None
                for name, value in plain(layer).items()
            }
        return self._values[part.path]

    def given(self, part: Part) -> dict[str, object]:
        """The parameters of one use, by name."""
        found = self._by_path[part.path]
        return {each.name: self.values(part)[each.slots[0]] for each in found.parameters}

    def shape(self, part: Part) -> object:
        """What two parts must have in common to be alike: names, layers and wiring, but no numbers."""
        if part.path not in self._shapes:
            wires = _Wires(part)
            items = tuple(
                (part.relative(item.path), item.kind, self.shape(item), wires.all(item.inputs, item))
                if isinstance(item, Part)
                else (
                    part.relative(item.name),
                    type(item.layer),
                    type(self._layer_of(item)),
                    item.frozen,
                    item.shares is None,
                    wires.all(item.inputs, item),
                    self._written(item, part),
                )
                for item in part.items
            )
            outputs = tuple(wires.one(value) for value in part.outputs)
            self._shapes[part.path] = (items, outputs, self._written(part, part))
        return self._shapes[part.path]

    def _definition(self, name: str, uses: list[Part]) -> Definition:
        differing: dict[tuple[object, ...], list[Slot]] = {}
        for slot in self.values(uses[0]) if len(uses) > 1 else ():
            vector = tuple(self.values(part)[slot] for part in uses)
            if any(value != vector[0] or type(value) is not type(vector[0]) for value in vector):
                differing.setdefault(tuple(map(repr, vector)), []).append(slot)
        numbers = {len(part.inputs) for part in uses}
        slots = [tuple(each) for each in differing.values()]
        parameters = tuple(map(Parameter, _named(slots), slots))
        return Definition(name, uses[0].kind or name, tuple(uses), parameters, len(numbers) > 1)


def _nothing(_item: Node | Part, _part: Part) -> None:
    """Nothing is written as it stands."""


class _Wires:
    """Values by where they come from within a part, so that two parts can be compared."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.outside = {value: place for place, value in enumerate(part.inputs)}
        self.names = {node.name for node in part.nodes()}
        first = part.items[0]
        readers = [item for item in part.items if any(value in self.outside for value in item.inputs)]
        self.first_alone = readers == [first] and tuple(first.inputs) == part.inputs

    def all(self, values: tuple[str, ...], item: Node | Part) -> object:
        """The wires into an item; one word where the first item reads all inputs and nobody else does."""
        if self.first_alone and item is self.part.items[0]:
            return "all inputs"
        return tuple(self.one(value) for value in values)

    def one(self, value: str) -> object:
        if value in self.outside:
            return self.outside[value]
        maker, place = source(value, self.names) or (value, 0)
        return self.part.relative(maker), place


def _named(found: list[tuple[Slot, ...]]) -> list[str]:
    """A name for each parameter: what it is where one alone is that, else the layer whose width it is."""
    bases = [_base(slots) for slots in found]
    names: list[str] = []
    for base, slots in zip(bases, found, strict=True):
        wanted = base if bases.count(base) == 1 else _layer_name(base, slots)
        names.append(_unused(wanted if _fits(wanted) else base, names))
    return names


def _unused(name: str, taken: list[str]) -> str:
    number, found = 2, name
    while found in taken:
        number, found = number + 1, f"{name}{number}"
    return found


def _fits(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not iskeyword(name) and name not in ("self", "nn", "torch")


def _base(slots: tuple[Slot, ...]) -> str:
    """`in_channels`, `out_channels`, or `channels` where it is both; another argument's own name."""
    names = [name for _, name in slots]
    into = next((name for name in names if name in _INTO), None)
    out = next((name for name in names if name in _OUT), None)
    if into and out:
        return _BOTH[into]
    return into or out or _NEUTRAL.get(names[0], names[0])


def _layer_name(base: str, slots: tuple[Slot, ...]) -> str:
    """`conv1x1` for the channels that layer makes, `conv2_stride` for its stride."""
    layer, name = next((slot for slot in slots if slot[1] in _OUT), slots[0])
    words = [part for part in layer.split(".") if not part.isdigit()]
    if name in _OUT and words and not layer.rpartition(".")[2].isdigit():
        return "_".join(words)
    return base if name in (*_OUT, *_INTO) or not words else "_".join((*words, base))


def _names(kinds: list[str], taken: set[str]) -> list[str]:
    """Unique names: the kind alone, or with a letter for each where several definitions are of one kind."""
    names: list[str] = []
    kinds = [_plain(kind) for kind in kinds]
    for place, kind in enumerate(kinds):
        before = kinds[:place].count(kind)
        name = f"{kind}{_letters(before)}" if kinds.count(kind) > 1 else kind
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names


def _plain(kind: str) -> str:
    """A kind as a class may be called."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", kind)
    return name if _fits(name) else f"Block{name}"


def _letters(number: int) -> str:
    """A … Z, AA …"""
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def _camel(path: str) -> str:
    """A class's name for a part that has no kind: `head` → Head, `layer1.0` → Layer1."""
    words = [part for part in path.split(".") if not part.isdigit()]
    return "".join(word[:1].upper() + word[1:] for word in (words[-1] if words else "part").split("_")) or "Part"
