"""The built-in networks and their editions, with what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnncli.analysis.report import report
from cnncli.layers import Shape
from cnncli.models import edition, model, models, network


class Variant(NamedTuple):
    """One edition of a built-in network, at the input that it was made for.

    default: a bare name means it · arguments: its own, with their defaults · params, macs: learnable numbers, and
    multiply-accumulates for one example
    """

    name: str
    edition: str
    default: bool
    input: Shape
    about: str
    arguments: dict[str, Any]
    params: int
    macs: int

    @property
    def source(self) -> str:
        """How it is written on the command line."""
        return f"{self.name}@{self.edition}"


def names() -> list[str]:
    """All built-in networks, the oldest first; those of one year as their file has them."""
    found = models()
    return sorted(found, key=lambda name: found[name].year)


def variants(source: str) -> Iterator[Variant]:
    """The editions of `lenet`, or the one called `lenet@paper`; raises `UnknownName`."""
    name, _, chosen = source.partition("@")
    for each in [chosen] if chosen else model(name).editions:
        yield variant(f"{name}@{each}")


def variant(source: str) -> Variant:
    """The edition that `lenet` or `lenet@paper` means; raises `UnknownName`."""
    name, chosen, found = edition(source)
    totals = report(network(f"{name}@{chosen}")).totals
    default = chosen == model(name).default
    return Variant(name, chosen, default, found.input, found.about, found.arguments, totals.params, totals.macs)
