"""A net.yaml read and checked: one file, one network, and the line of everything in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cnncli.errors import RequestError, UnknownName
from cnncli.formats.net_yaml.expand import LISTED, Expansion, Place, blamed
from cnncli.formats.net_yaml.grammar import Grammar
from cnncli.formats.net_yaml.names import wrong_name
from cnncli.formats.strict_yaml import Document, KeyPath, Value
from cnncli.formats.strict_yaml import parse as parse_yaml
from cnncli.formats.strict_yaml import read as read_yaml
from cnncli.layers import ITEM_BYTES, Tensor
from cnncli.network import Network

KEYS = ("kind", "name", "input", "blocks", "layers", "outputs", "instances")
MAX_AXES, MAX_SIZE = 8, 10**9
_SHAPE = re.compile(r"[0-9]{1,12}(x[0-9]{1,12})*", re.ASCII)


@dataclass(frozen=True)
class Written:
    """A network, and where in the file its layers are written."""

    network: Network
    document: Document
    places: Mapping[str, Place]

    def where(self, node: str, message: str = "") -> str:
        """`file:line` of a node; of the argument that a layer's `message` is about, where it is written down."""
        place = self.places.get(node)
        if place is None:
            return self.document.place
        written = _at(self.document.value, place.arguments)
        argument = blamed(message, written) if isinstance(written, dict) else ""
        return self.document.where((*place.arguments, argument) if argument else place.step)


def read(path: Path) -> Written:
    """The network in a file; raises `DataError` where it cannot be read and `RequestError` for all that is wrong in it."""
    return _written(read_yaml(path))


def parse(text: str, place: str) -> Written:
    """The network in `text`; `place` names it in errors. Raises `RequestError`."""
    return _written(parse_yaml(text, place))


def _written(document: Document) -> Written:
    found = document.value
    if not isinstance(found, dict) or next(iter(found), None) != "kind":
        raise RequestError(f"{document.place}:1: does not say what it is; let it begin with kind: network")
    if found["kind"] != "network":
        cure = "train it with cnncli train" if found["kind"] == "recipe" else "networks say kind: network"
        raise RequestError(f"{document.where(('kind',))}: kind is {found['kind']!r}, not network; {cure}")
    for key in found:
        if key not in KEYS:
            raise UnknownName("key", key, KEYS, where=f"{document.where((key,))}: ")
    missing = next((key for key in ("name", "input", "layers") if key not in found), None)
    if missing:
        raise RequestError(f"{document.place}:1: {missing} is missing; a network has a name, an input and layers")
    return _network(document, found)


def _network(document: Document, found: Mapping[str, Value]) -> Written:
    name, blocks = found["name"], found.get("blocks") or {}
    if not isinstance(name, str) or not name.strip() or len(name) > 100 or not name.isprintable():
        raise RequestError(f"{document.where(('name',))}: name takes up to 100 characters of text")
    if not isinstance(blocks, dict):
        raise RequestError(f"{document.where(('blocks',))}: blocks are written by name, as in Inception: [steps]")
    grammar = Grammar(document, blocks)
    steps = grammar.steps(found["layers"], ("layers",))
    if not steps:
        grammar.refuse(("layers",), "layers is empty; write at least one step")
    expansion = Expansion(grammar, _inputs(grammar, found["input"]))
    last = expansion.expand(steps)
    outputs = [each for path, name in _outputs(grammar, found.get("outputs")) for each in expansion.output(name, path)]
    kinds = expansion.blocks | _instances(grammar, expansion, found.get("instances"))
    network = Network(name, "", expansion.inputs, tuple(expansion.nodes.values()), tuple(outputs) or last, kinds)
    return Written(network, document, expansion.places)


def _inputs(grammar: Grammar, value: Value) -> dict[str, Tensor]:
    """`1x28x28`; or by name, each a shape or {shape, dtype, batch}."""
    if not isinstance(value, dict) or "shape" in value:
        return {"input": _tensor(grammar, value, ("input",))}
    if not value:
        grammar.refuse(("input",), "input is empty; write a shape, as in 1x28x28")
    for name in value:
        wrong = wrong_name(name) or ("" if name.isidentifier() else "is no name for an input; start it with a letter")
        if wrong:
            grammar.refuse(("input", name), f"{name!r} {wrong}")
    return {name: _tensor(grammar, each, ("input", name)) for name, each in value.items()}


def _tensor(grammar: Grammar, value: Value, path: KeyPath) -> Tensor:
    if not isinstance(value, dict):
        return Tensor(_shape(grammar, value, path))
    grammar.keys(value, ("shape", "dtype", "batch"), path)
    shape = _shape(grammar, value.get("shape"), (*path, "shape"))
    dtype, batch = value.get("dtype", "float32"), value.get("batch", 0)
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        grammar.unknown("dtype", str(dtype), ITEM_BYTES, (*path, "dtype"))
    if batch is not None and (type(batch) is not int or not 0 <= batch <= len(shape)):
        grammar.refuse((*path, "batch"), f"batch takes the place of the batch axis, 0 to {len(shape)}, or null")
    return Tensor(shape, dtype, batch)


def _shape(grammar: Grammar, value: Value, path: KeyPath) -> tuple[int, ...]:
    sizes = [int(part) for part in value.split("x")] if isinstance(value, str) and _SHAPE.fullmatch(value) else value
    sizes = [sizes] if type(sizes) is int else sizes
    if not isinstance(sizes, list) or not all(type(size) is int and 1 <= size <= MAX_SIZE for size in sizes):
        grammar.refuse(path, f"{value!r} is not a shape; write it as in 1x28x28, sizes from 1 to {MAX_SIZE:,}")
    if len(sizes) > MAX_AXES:
        grammar.refuse(path, f"a shape has up to {MAX_AXES} axes, not {len(sizes)}")
    return tuple(size for size in sizes if type(size) is int)


def _outputs(grammar: Grammar, value: Value) -> list[tuple[KeyPath, str]]:
    names = [value] if isinstance(value, str) else value
    if names is None:
        return []
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        grammar.refuse(("outputs",), "outputs takes the names of values, as in [fc, aux1]")
    return [(("outputs", place), str(name)) for place, name in enumerate(names)]


def _instances(grammar: Grammar, expansion: Expansion, value: Value) -> dict[str, str]:
    """Paths that are instances of a block but not written as one."""
    if not isinstance(value or {}, dict):
        grammar.refuse(("instances",), "instances are written by path, as in inception3a: Inception")
    found: dict[str, str] = {}
    for path, kind in (value or {}).items():  # type: ignore[union-attr]
        at = ("instances", path)
        if path not in expansion.prefixes:
            grammar.unknown("path", path, sorted(expansion.prefixes)[:LISTED], at)
        if not isinstance(kind, str) or not kind.isidentifier() or wrong_name(kind):
            grammar.refuse(at, f"{path} takes the name of a kind of block, not {kind!r}")
        found[path] = kind
    return found


def _at(value: Value, path: KeyPath) -> Value:
    for key in path:
        value = value[key] if isinstance(value, dict | list) else None  # type: ignore[index]
    return value
