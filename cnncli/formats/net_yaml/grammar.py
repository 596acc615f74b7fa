"""Telling the steps of a net.yaml apart; what is none of them is refused with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import NoReturn

from cnncli.errors import RequestError, UnknownName, nearest
from cnncli.formats.net_yaml.names import JOINS, WORDS, wrong_name
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
from cnncli.formats.strict_yaml import Document, KeyPath, Value
from cnncli.layers import Layer, layer_kinds

STEP = "a step is a layer (ReLU), a layer with arguments (Conv2d: {out_channels: 6, kernel_size: 5}) or a list of steps"
NAMED = "write it as in conv1: {Conv2d: {out_channels: 6, kernel_size: 5}}"


class Grammar:
    """Reads steps; knows the layers, by class and by kind, and the blocks of the file."""

    def __init__(self, document: Document, blocks: Mapping[str, Value]) -> None:
        """blocks: their definitions as the file has them."""
        self.document = document
        kinds = layer_kinds()
        self.layers: dict[str, type[Layer]] = {spec.__name__: spec for spec in kinds.values()} | kinds
        self._names = {*self.layers, *blocks}
        lowered = {name.lower() for name in self.layers if name not in kinds}
        self.known = [name for name in (*self.layers, *blocks) if name not in kinds or name not in lowered]
        self.blocks = {name: self._block(name, value, ("blocks", name)) for name, value in blocks.items()}

    def refuse(self, path: KeyPath, wrong: str) -> NoReturn:
        """Raise `RequestError` with the file and the line of `path`."""
        raise RequestError(f"{self.document.where(path)}: {wrong}")

    def unknown(self, what: str, name: str, known: Iterable[str], path: KeyPath) -> NoReturn:
        """Raise `UnknownName` with the file and the line of `path`."""
        choices = list(known)
        cure = "" if choices else "there is none"
        raise UnknownName(what, name, choices, where=f"{self.document.where(path)}: ", cure=cure)

    def keys(self, value: Arguments, known: Iterable[str], path: KeyPath, what: str = "key") -> None:
        """Refuse a key that is none of `known`."""
        choices = list(known)
        for key in value:
            if key not in choices:
                self.unknown(what, key, choices, (*path, key))

    def steps(self, value: Value, path: KeyPath) -> Steps:
        """The steps in a list."""
        if not isinstance(value, list):
            self.refuse(path, f"{_last(path)} takes a list of steps; start each with a dash")
        return tuple(self.step(each, (*path, place)) for place, each in enumerate(value))

    def step(self, value: Value, path: KeyPath) -> Step:
        """One step."""
        if isinstance(value, str):
            return Apply(Head(path), self._thing(value, path), {}, path)
        if isinstance(value, list):
            return Group(Head(path), self.steps(value, path))
        if not isinstance(value, dict) or not value:
            self.refuse(path, STEP)
        head = Head(path, None, self._reads(value, path), self._frozen(value, path))
        rest = {key: part for key, part in value.items() if key not in ("from", "frozen")}
        if not rest and head.reads is not None:
            return Jump(head)
        return self._keyed(rest, head)

    def _keyed(self, value: Arguments, head: Head) -> Step:
        """A step that says what it is by its key."""
        if word := _join_in(value):
            return self._join(word, value, head.path, head)
        if not value:
            self.refuse(head.path, STEP)
        (key, part), *more = value.items()
        if more:
            self.refuse(
                (*head.path, more[0][0]), f"one step holds {key!r} and {more[0][0]!r}; start each step with a dash"
            )
        at = (*head.path, key)
        if key == "again":
            return Again(head, self._word(part, at, "the name of a layer used before, as in again: relu"))
        if key == "repeat":
            return self._repeat(part, at, head)
        return self._layer(key, part, at, head)

    def _layer(self, key: str, value: Value, at: KeyPath, head: Head) -> Step:
        """A group, or a layer or block: `name: Layer`, `name: {Layer: {…}}` or `Layer: {…}`."""
        if isinstance(value, list):
            return Group(self._named(key, at, head), self.steps(value, at))
        if isinstance(value, str):
            return Apply(self._named(key, at, head), self._thing(value, at), {}, at)
        if isinstance(value, dict):
            if word := _join_in(value):
                return self._join(word, value, at, self._named(key, at, head))
            inner = next(iter(value), "")
            if len(value) == 1 and self._is_thing(inner) and not self._is_argument(value[inner], key):
                return self._apply(inner, value[inner], (*at, inner), self._named(key, at, head))
            if not self._is_thing(key):
                self._no_layer(key, inner if len(value) == 1 else "", at)
        elif not self._is_thing(key):
            self.refuse(at, f"{key!r} says no layer; {NAMED}")
        return self._apply(key, value, at, head)

    def _is_argument(self, value: Value, what: str) -> bool:
        """Whether `{dropout: 0.1}` below `what` is an argument, though a layer is called so too: a layer's own are a mapping."""
        return self._is_thing(what) and value is not None and not isinstance(value, dict)

    def _apply(self, what: str, value: Value, at: KeyPath, head: Head) -> Apply:
        return Apply(head, what, self._arguments(what, value, at), at)

    def _no_layer(self, key: str, inner: str, at: KeyPath) -> NoReturn:
        """Nothing in the step is a layer: the key may be one misspelt, or what it holds; names begin with a small letter."""
        if inner and not any(inner == field.name for spec in self.layers.values() for field in fields(spec)):
            self.unknown("layer", inner, self.known, (*at, inner))
        if key[:1].isupper():
            self.unknown("layer", key, self.known, at)
        near = nearest(key, self.known)
        self.refuse(at, f"{key!r} says no layer; {NAMED}" + (f", or did you mean {near!r}?" if near else ""))

    def _join(self, word: str, value: Arguments, at: KeyPath, head: Head) -> Join:
        branches = value[word]
        if not isinstance(branches, list) or not branches:
            self.refuse((*at, word), f"{word} has no branches; list them, [] standing for the value as it is")
        arguments = {key: part for key, part in value.items() if key != word}
        self._arguments(JOINS[word], arguments, at)
        read = tuple(self._branch(each, (*at, word, place)) for place, each in enumerate(branches))
        return Join(head, word, arguments, at, read)

    def _branch(self, value: Value, path: KeyPath) -> Steps:
        """A list of steps, or one step alone; `identity` is the value as it is."""
        if value == "identity":
            return ()
        return self.steps(value, path) if isinstance(value, list) else (self.step(value, path),)

    def _repeat(self, value: Value, at: KeyPath, head: Head) -> Repeat:
        if not isinstance(value, dict) or set(value) != {"times", "steps"}:
            self.refuse(at, "repeat takes times and steps, as in repeat: {times: 3, steps: [ReLU]}")
        times = value["times"]
        if not (type(times) is int and times >= 1) and not (isinstance(times, str) and PARAMETER.fullmatch(times)):
            self.refuse((*at, "times"), f"times takes a whole number from 1, not {times!r}")
        return Repeat(head, times, self.steps(value["steps"], (*at, "steps")))

    def _block(self, name: str, value: Value, path: KeyPath) -> Block:
        if wrong := self._wrong_block(name):
            self.refuse(path, f"{name!r} {wrong}")
        if isinstance(value, list):
            return Block(name, name, self.steps(value, path), self._parameters(value, path), {})
        if not isinstance(value, dict) or "steps" not in value:
            self.refuse(path, f"{name} needs steps; write a list of them, or {{defaults: {{…}}, steps: […]}}")
        self.keys(value, ("kind", "defaults", "steps"), path)
        kind, defaults = value.get("kind", name), value.get("defaults", {})
        if not isinstance(kind, str) or not kind.isidentifier() or wrong_name(kind):
            self.refuse((*path, "kind"), f"kind takes a name such as BasicBlock, not {kind!r}")
        if not isinstance(defaults, dict):
            self.refuse((*path, "defaults"), "defaults are written by name, as in {stride: 1}")
        at = (*path, "steps")
        parameters = self._parameters(value["steps"], at)
        self.keys(defaults, parameters, (*path, "defaults"), "parameter")
        return Block(name, kind, self.steps(value["steps"], at), parameters, defaults)

    def _wrong_block(self, name: str) -> str:
        if name in self.layers or name in JOINS or name == "identity":
            return "is a layer already; call the block something else"
        return wrong_name(name) or ("" if name.isidentifier() else "is no name for a block; write it as in Inception")

    def _parameters(self, value: Value, path: KeyPath) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._named_in(value, path)))

    def _named_in(self, value: Value, path: KeyPath) -> Iterator[str]:
        """The parameters in a value, and in all that it holds."""
        if isinstance(value, dict | list):
            for key, part in value.items() if isinstance(value, dict) else enumerate(value):
                if isinstance(key, str):
                    yield from self._named_in(key, (*path, key))
                yield from self._named_in(part, (*path, key))
        elif isinstance(value, str) and value.startswith("$"):
            found = PARAMETER.fullmatch(value)
            yield found[1] if found else self.refuse(path, f"{value!r} is no parameter; write it as in $channels")

    def _arguments(self, what: str, value: Value, at: KeyPath) -> Arguments:
        """Arguments by name; those of a layer are checked here, those of a block where it is used."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(at, f"{what} takes its arguments by name, as in {what}: {{name: value}}")
        if what in self.layers:
            self.keys(value, [field.name for field in fields(self.layers[what])], at, "argument")
        return value

    def _reads(self, value: Arguments, path: KeyPath) -> tuple[str, ...] | None:
        if "from" not in value:
            return None
        names = [value["from"]] if isinstance(value["from"], str) else value["from"]
        if not isinstance(names, list):
            self.refuse((*path, "from"), "from takes the name of an earlier value, or a list of names")
        return tuple(self._word(name, (*path, "from"), "names of earlier values") for name in names)

    def _frozen(self, value: Arguments, path: KeyPath) -> bool:
        frozen = value.get("frozen", False)
        return frozen if isinstance(frozen, bool) else self.refuse((*path, "frozen"), "frozen takes true or false")

    def _word(self, value: Value, path: KeyPath, wanted: str) -> str:
        return value if isinstance(value, str) else self.refuse(path, f"{_last(path)} takes {wanted}, not {value!r}")

    def _named(self, name: str, path: KeyPath, head: Head) -> Head:
        wrong = wrong_name(name)
        return self.refuse(path, f"{name!r} {wrong}") if wrong else head._replace(name=name)

    def _is_thing(self, name: str) -> bool:
        return name in self._names or name.startswith("$")

    def _thing(self, name: str, path: KeyPath) -> str:
        if name in (*JOINS, *WORDS) and name not in self._names:
            self.refuse(path, f"{name!r} is no layer; {STEP}")
        return name if self._is_thing(name) else self.unknown("layer", name, self.known, path)


def _join_in(value: Arguments) -> str | None:
    return next((word for word in JOINS if isinstance(value.get(word), list)), None)


def _last(path: KeyPath) -> str:
    return next((repr(key) for key in reversed(path) if isinstance(key, str)), "the file")
