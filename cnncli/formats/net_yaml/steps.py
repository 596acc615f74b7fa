"""What the steps of a net.yaml say, as values: each kind of step is a tuple, a file's `layers` are tuples of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from cnncli.formats.strict_yaml import KeyPath, Value

Arguments: TypeAlias = "Mapping[str, Value]"
PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)
"""A block's parameter, in the place of a value."""


class Head(NamedTuple):
    """What every step can say.

    path: where it is written · name: what it is called, None for a number · reads: the values it goes on from, None for the
    one at hand · frozen: its weights are not trained
    """

    path: KeyPath
    name: str | None = None
    reads: tuple[str, ...] | None = None
    frozen: bool = False


class Apply(NamedTuple):
    """A layer or a block. what: its name, or a `$parameter` · at: where its arguments stand."""

    head: Head
    what: str
    arguments: Arguments
    at: KeyPath


class Join(NamedTuple):
    """Branches that all start at the value at hand, and the layer (`concat`, `add`, `mul`) in which they meet."""

    head: Head
    word: str
    arguments: Arguments
    at: KeyPath
    branches: tuple[Steps, ...]


class Group(NamedTuple):
    """Steps whose names are prefixed with the group's, as in a module of its own."""

    head: Head
    steps: Steps


class Repeat(NamedTuple):
    """Steps written once for several rounds. times: a number or a `$parameter`."""

    head: Head
    times: int | str
    steps: Steps


class Again(NamedTuple):
    """A layer called before, with the weights it has."""

    head: Head
    module: str


class Jump(NamedTuple):
    """Nothing but an earlier value to go on from."""

    head: Head


Step: TypeAlias = "Apply | Join | Group | Repeat | Again | Jump"
Steps: TypeAlias = "tuple[Step, ...]"


@dataclass(frozen=True)
class Block:
    """Steps that are defined once and used often.

    kind: what its uses are instances of · parameters: in the order of their first appearance · defaults: values for some of them
    """

    name: str
    kind: str
    steps: Steps
    parameters: tuple[str, ...]
    defaults: Arguments
