"""The steps of a net.yaml: what each kind of step says, and how one is told from another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple, NoReturn, TypeAlias

from cnncli.errors import RequestError, UnknownName, nearest
from cnncli.layers import Layer, layer_kinds
from cnncli.netfile.names import JOINS, WORDS, wrong_name
from cnncli.strict_yaml import Document, KeyPath, Value

Arguments: TypeAlias = "Mapping[str, Value]"
PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)
STEP = "a step is a layer (ReLU), a layer with arguments (Conv2d: {out_channels: 6, kernel_size: 5}), or a list of steps"


class Apply(NamedTuple):
    """A layer or a block, called `name` or numbered. what: a layer, a block or a `$parameter` · at: where its arguments stand."""

    path: KeyPath
    name: str | None
    reads: tuple[str, ...]
    frozen: bool
    what: str
    arguments: Arguments
    at: KeyPath


class Join(NamedTuple):
    """Branches that all start at the value at hand, and the layer (Concat, Add, Mul) in which they meet."""

    path: KeyPath
    name: str | None
    reads: tuple[str, ...]
    frozen: bool
    word: str
    arguments: Arguments
    branches: tuple[Steps, ...]


class Group(NamedTuple):
    """Steps whose names are prefixed with the group's, as in a module of its own."""

    path: KeyPath
    name: str | None
    reads: tuple[str, ...]
    frozen: bool
    steps: Steps


class Repeat(NamedTuple):
    """Steps written once for several rounds. times: a number or a `$parameter`."""

    path: KeyPath
    reads: tuple[str, ...]
    frozen: bool
    times: int | str
    steps: Steps


class Again(NamedTuple):
    """A layer called before, with the weights it has."""

    path: KeyPath
    reads: tuple[str, ...]
    frozen: bool
    module: str


class Jump(NamedTuple):
    """An earlier value, to go on from."""

    path: KeyPath
    reads: tuple[str, ...]


Step: TypeAlias = "Apply | Join | Group | Repeat | Again | Jump"
Steps: TypeAlias = "tuple[Step, ...]"


@dataclass(frozen=True)
class Block:
    """Steps that are defined once and used often. kind: what its uses are instances of · parameters: in order of appearance."""

    name: str
    kind: str
    steps: Steps
    parameters: tuple[str, ...]
    defaults: Arguments
    path: KeyPath


class Grammar:
    """Reads steps; knows the layers, by class and by kind, and the blocks of the file."""

    def __init__(self, document: Document, blocks: Mapping[str, Value]) -> None:
        """blocks: their definitions as the file has them."""
        self.document = document
        kinds = layer_kinds()
        self.layers: dict[str, type[Layer]] = kinds | {spec.__name__: spec for spec in kinds.values()}
        self._definitions = blocks
        self.blocks = {name: self._block(name, value) for name, value in blocks.items()}

    def refuse(self, path: KeyPath, wrong: str) -> NoReturn:
        """Raise `RequestError` with the file and the line of `path`."""
        raise RequestError(f"{self.document.where(path)}: {wrong}")

    def steps(self, value: Value, path: KeyPath) -> Steps:
        """The steps in a list."""
        if not isinstance(value, list):
            self.refuse(path, f"{_shown(path)} is not a list of steps; start each with a dash")
        return tuple(self.step(each, (*path, place)) for place, each in enumerate(value))

    def step(self, value: Value, path: KeyPath) -> Step:
        """One step."""
        if isinstance(value, str):
            return Apply(path, None, (), False, self._thing(value, path), {}, path)
        if isinstance(value, list):
            return Group(path, None, (), False, self.steps(value, path))
        if not isinstance(value, dict) or not value:
            self.refuse(path, STEP)
        reads, frozen = self._reads(value, path), self._frozen(value, path)
        rest = {key: part for key, part in value.items() if key not in ("from", "frozen")}
        if not rest:
            return Jump(path, reads) if "from" in value else self.refuse(path, STEP)
        if word := _join_in(rest):
            return self._join(word, rest, path, None, reads, frozen=frozen)
        if len(rest) > 1:
            first, second = list(rest)[:2]
            self.refuse((*path, second), f"one step holds {first!r} and {second!r}; start each step with a dash")
        ((key, part),) = rest.items()
        return self._keyed(key, part, path, reads, frozen=frozen)

    def _keyed(self, key: str, value: Value, path: KeyPath, reads: tuple[str, ...], *, frozen: bool) -> Step:
        at = (*path, key)
        if key == "again":
            return Again(path, reads, frozen, self._word(value, at, "the name of a layer used before, as in again: relu"))
        if key == "repeat":
            return self._repeat(value, path, reads, frozen=frozen)
        if isinstance(value, list):
            return Group(path, self._name(key, at), reads, frozen, self.steps(value, at))
        if isinstance(value, str):
            return Apply(path, self._name(key, at), reads, frozen, self._thing(value, at), {}, at)
        if isinstance(value, dict) and (word := _join_in(value)):
            return self._join(word, value, at, self._name(key, at), reads, frozen=frozen)
        inner = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
        if isinstance(value, dict) and inner is not None and self._is_thing(inner):
            arguments = self._arguments(inner, value[inner], (*at, inner))
            return Apply(path, self._name(key, at), reads, frozen, inner, arguments, (*at, inner))
        if not self._is_thing(key):
            self._no_layer(key, inner, at)
        return Apply(path, None, reads, frozen, key, self._arguments(key, value, at), at)

    def _no_layer(self, key: str, inner: str | None, at: KeyPath) -> NoReturn:
        """Nothing in the step is a layer: the key may be one misspelt, or what it holds."""
        if inner is not None and not nearest(key, self._known()):
            self._thing(inner, (*at, inner))
        if nearest(key, self._known()):
            self._thing(key, at)
        self.refuse(at, f"{key!r} says no layer; write it as in {_safe(key)}: {{Conv2d: {{out_channels: 6, kernel_size: 5}}}}")

    def _join(  # noqa: PLR0913, PLR0917  (what a step says)
        self, word: str, rest: Arguments, at: KeyPath, name: str | None, reads: tuple[str, ...], *, frozen: bool
    ) -> Join:
        value = rest[word]
        assert isinstance(value, list)  # noqa: S101  (what _join_in looks for)
        if not value:
            self.refuse((*at, word), f"{word} has no branches; list them, [] standing for the value as it is")
        arguments = {key: part for key, part in rest.items() if key != word}
        self._arguments(JOINS[word], arguments, at)
        branches = tuple(self._branch(each, (*at, word, place)) for place, each in enumerate(value))
        return Join(at, name, reads, frozen, word, arguments, branches)

    def _branch(self, value: Value, path: KeyPath) -> Steps:
        """A list of steps, or one step alone; `identity` is the value as it is."""
        if value == "identity":
            return ()
        return self.steps(value, path) if isinstance(value, list) else (self.step(value, path),)

    def _repeat(self, value: Value, path: KeyPath, reads: tuple[str, ...], *, frozen: bool) -> Repeat:
        at = (*path, "repeat")
        if not isinstance(value, dict) or set(value) != {"times", "steps"}:
            self.refuse(at, "repeat needs times and steps, as in repeat: {times: 3, steps: [ReLU]}")
        times = value["times"]
        if not (type(times) is int and times >= 1) and not (isinstance(times, str) and PARAMETER.fullmatch(times)):
            self.refuse((*at, "times"), f"times takes a whole number from 1, not {times!r}")
        return Repeat(path, reads, frozen, times, self.steps(value["steps"], (*at, "steps")))

    def _block(self, name: str, value: Value) -> Block:
        path: KeyPath = ("blocks", name)
        wrong = wrong_name(name) or ("" if name.isidentifier() else "is no name for a block; write it as in Inception")
        if wrong or name in self.layers or name in JOINS:
            self.refuse(path, f"{name!r} {wrong or 'is a layer already; choose another name'}")
        long = {"kind": name, "defaults": {}, "steps": value} if isinstance(value, list) else value
        if not isinstance(long, dict) or "steps" not in long:
            self.refuse(path, f"{name} needs steps; write a list, or {{defaults: {{…}}, steps: […]}}")
        self.keys(long, ("kind", "defaults", "steps"), path)
        kind = self._word(long.get("kind", name), (*path, "kind"), "a name such as BasicBlock")
        if not kind.isidentifier() or wrong_name(kind):
            self.refuse((*path, "kind"), f"kind {kind!r} is no name; write it as in BasicBlock")
        defaults = long.get("defaults") or {}
        if not isinstance(defaults, dict):
            self.refuse((*path, "defaults"), "defaults are written by name, as in {stride: 1}")
        steps_at = path if isinstance(value, list) else (*path, "steps")
        parameters = tuple(dict.fromkeys(self._parameters(long["steps"], steps_at)))
        for key in defaults:
            if key not in parameters:
                raise UnknownName("parameter", key, parameters, where=f"{self.document.where((*path, 'defaults', key))}: ")
        return Block(name, kind, self.steps(long["steps"], steps_at), parameters, defaults, path)

    def _parameters(self, value: Value, path: KeyPath) -> Iterator[str]:
        if isinstance(value, dict | list):
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            for key, part in parts:
                yield from self._parameters(key, (*path, key)) if isinstance(key, str) else ()
                yield from self._parameters(part, (*path, key))
        elif isinstance(value, str) and value.startswith("$"):
            found = PARAMETER.fullmatch(value)
            yield found[1] if found else self.refuse(path, f"{value!r} is no parameter; write it as in $out_channels")

    def _arguments(self, what: str, value: Value, at: KeyPath) -> Arguments:
        """The arguments of a layer or block by name; a layer's names are checked, with their lines."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(at, f"{what} takes its arguments by name, as in {what}: {{name: value}}")
        if what in self.layers:
            known = [field.name for field in fields(self.layers[what])]
            self.keys(value, known, at, "argument")
        return value

    def keys(self, value: Arguments, known: tuple[str, ...] | list[str], path: KeyPath, what: str = "key") -> None:
        """Refuse a key that is none of `known`."""
        for key in value:
            if key not in known:
                where = f"{self.document.where((*path, key))}: "
                raise UnknownName(what, key, known, where=where, cure="" if known else "it takes none")

    def _reads(self, value: Arguments, path: KeyPath) -> tuple[str, ...]:
        names = value.get("from", [])
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or ("from" in value and not names):
            self.refuse((*path, "from"), "from takes a name or a list of names")
        wanted = "the name of an earlier value"
        return tuple(self._word(name, (*path, "from", place), wanted) for place, name in enumerate(names))

    def _frozen(self, value: Arguments, path: KeyPath) -> bool:
        frozen = value.get("frozen", False)
        return frozen if isinstance(frozen, bool) else self.refuse((*path, "frozen"), "frozen takes true or false")

    def _word(self, value: Value, path: KeyPath, wanted: str) -> str:
        return value if isinstance(value, str) else self.refuse(path, f"{_shown(path)} takes {wanted}, not {value!r}")

    def _name(self, name: str, path: KeyPath) -> str:
        wrong = wrong_name(name)
        return self.refuse(path, f"{name!r} {wrong}") if wrong else name

    def _is_thing(self, name: str) -> bool:
        return name in self.layers or name in self._definitions or name.startswith("$")

    def _known(self) -> list[str]:
        return [*self.layers, *self._definitions]

    def _thing(self, name: str, path: KeyPath) -> str:
        if not self._is_thing(name):
            cure = STEP if name in (*JOINS, *WORDS) else ""
            raise UnknownName("layer", name, self._known(), where=f"{self.document.where(path)}: ", cure=cure)
        return name


def _join_in(value: Arguments) -> str | None:
    return next((word for word in JOINS if isinstance(value.get(word), list)), None)


def _shown(path: KeyPath) -> str:
    return next((repr(key) for key in reversed(path) if isinstance(key, str)), "the file")


def _safe(name: str) -> str:
    return name if not wrong_name(name) else "conv1"
