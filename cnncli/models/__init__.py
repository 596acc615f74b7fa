"""Built-in networks: what they are called, where they come from, and how to write one down for an input.

A file in this folder holds one architecture and declares `NETWORKS`, a dict from name to `Model`. Each edition is a function
from the input value and the network's own keyword arguments to the output value, written with `cnncli.network.builder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from cnncli.errors import RequestError, UnknownName
from cnncli.layers import Shape, Tensor, dims
from cnncli.network import Network
from cnncli.network.builder import Value, write
from cnncli.registry import entries, find, look_up, same_letters, synonyms


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One published variant of a network.

    body: writes it down · input: C×H×W it was made for · about: one line on what is special about it · remarks: row → figure →
    what a reader of that number should know, at that input
    """

    body: Callable[..., Value | tuple[Value, ...]]
    input: Shape
    about: str
    remarks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """The network's own arguments and their defaults."""
        parameters = signature(self.body).parameters.values()
        return {
            parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty
        }


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network and its editions; the first is the default. story: what it introduced, in a few lines."""

    title: str
    year: int
    paper: str
    story: str
    editions: Mapping[str, Edition]

    @property
    def default(self) -> str:
        """The edition that a bare name means."""
        return next(iter(self.editions))


def model(name: str) -> Model:
    """The built-in network called `name`; raises `UnknownName`."""
    found: Model = find("cnncli.models", "NETWORKS", name, "network")
    return found


def models() -> dict[str, Model]:
    """All built-in networks by name."""
    return entries("cnncli.models", "NETWORKS")


def edition(source: str) -> tuple[str, str, Edition]:
    """Name, edition name and edition of `lenet` or `lenet@classic`, `LeNet@Classic` too; raises `UnknownName`."""
    written, _, chosen = source.partition("@")
    name, found = look_up("cnncli.models", "NETWORKS", synonyms.meant(synonyms.NETWORKS, written) or written, "network")
    chosen = same_letters(chosen or found.default, found.editions) or chosen
    if chosen not in found.editions:
        raise UnknownName("edition", chosen, found.editions, where=f"{name}: ")
    return name, chosen, found.editions[chosen]


def spelled(source: str) -> str:
    """`LeNet@Classic` as `lenet@classic`; what is no built-in network's name stays as it is."""
    try:
        name, chosen, _ = edition(source)
    except UnknownName:
        return source
    return f"{name}@{chosen}" if "@" in source else name


def network(source: str, /, *, input: Shape | None = None, **arguments: object) -> Network:
    """The network `lenet` or `lenet@classic`, at the shape C×H×W of `input`, with its own `arguments`.

    Raises `UnknownName` for a name, edition or argument nobody knows and `RequestError` for an argument's value.
    """
    name, chosen, found = edition(source)
    shape = found.input if input is None else input
    if len(shape) != len(found.input) or min(shape) < 1:
        raise RequestError(f"{name} takes an input like {dims(found.input)}, not {dims(shape) or 'a single number'}")
    checked = {key: _argument(name, found, key, value) for key, value in arguments.items()}
    return write(found.body, name=name, edition=chosen, inputs={"input": Tensor(shape)}, **checked)


def cure_of_network(name: str) -> str:
    """What to type where `name` is that of a network; else ""."""
    found = same_letters(name.partition("@")[0], models())
    if found or ":" in name or name.endswith((".py", ".yaml", ".onnx")):
        return f"it is a network: cnncli summary {found + name[len(found) :] if found else name}"
    return ""


def choose(name: str, value: str, choices: Mapping[str, Any]) -> Any:  # noqa: ANN401  (whatever the choices are)
    """The choice called `value` for the argument `name`; raises `UnknownName`."""
    if value not in choices:
        raise UnknownName(f"{name}", value, choices)
    return choices[value]


def _argument(name: str, found: Edition, key: str, value: object) -> object:
    known = found.arguments
    if key not in known:
        raise UnknownName("argument", key, known, where=f"{name}: ")
    default = known[key]
    wanted = type(default)
    if type(value) is wanted or (wanted is float and type(value) is int):
        if wanted is int and isinstance(value, int) and value < 1:
            raise RequestError(f"{name}: {key} {value} is too small; the least is 1")
        return value
    kind = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}[wanted]
    raise RequestError(f"{name}: {key} takes {kind} such as {default!r}, not {value!r}")
