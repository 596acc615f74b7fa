"""The recipes as a list, and what was found in one's own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from cnncli.errors import CnncliError
from cnncli.render.table import Cell, Column, Line, narrowed, write_csv, write_json, write_markdown, write_table
from cnncli.sources.library import REACHES, Shipped
from cnncli.text import complain, inert, say

SCHEMA = {"schema": "cnncli/recipes/1"}
LIST = (
    Column("name", "name", left=True),
    Column("network", "network", left=True),
    Column("data", "data", left=True),
    Column("epochs", "epochs"),
    Column("reaches", "reaches", left=True),
)
LEAST_WANTED = ("network", "epochs", "data")
"""Columns that a narrow terminal goes without, the first of them first."""
WIDE = (*LIST, Column("about", "about", left=True))
CHECKED = (Column("recipe", "recipe", left=True), Column("error", "error", left=True))


def show_recipes(shelf: Sequence[Shipped], format: str) -> None:
    """A line a recipe: what it trains on what, for how long, and what was measured of it."""
    if format == "json":
        write_json({**SCHEMA, "recipes": [_facts(each) for each in shelf]})
    elif format == "table":
        write_table(*narrowed(LIST, [_for_people(each) for each in shelf], *({key} for key in LEAST_WANTED)))
    else:
        (write_csv if format == "csv" else write_markdown)(WIDE, [_line(each) for each in shelf])


def say_copied(path: Path) -> None:
    """Where the copy is, and what is next."""
    say(f"{inert(path.as_posix())} · next: cnncli train {shlex.quote(inert(path.as_posix()))}")


def show_faults(found: Mapping[str, CnncliError | None], format: str) -> None:
    """`mine.yaml: OK` on stdout, or the complaint on stderr; all of it on stdout in the other formats."""
    if format == "json":
        write_json(
            {**SCHEMA, "checked": [{"recipe": name, "error": error and str(error)} for name, error in found.items()]}
        )
    elif format == "table":
        for name, error in found.items():
            complain(str(error)) if error else say(f"{inert(name)}: OK")
    else:
        lines = [[Cell(name, name), Cell(error and str(error), str(error or "OK"))] for name, error in found.items()]
        (write_csv if format == "csv" else write_markdown)(CHECKED, lines)


def _line(found: Shipped) -> Line:
    recipe = found.recipe
    reaches = found.reaches.removeprefix(REACHES)
    texts = [found.name, recipe.model.name, recipe.data.name]
    epochs = Cell(recipe.train.epochs, f"{recipe.train.epochs:,}")
    return [*(Cell(text, text) for text in texts), epochs, Cell(reaches, reaches), Cell(found.about, found.about)]


def _for_people(found: Shipped) -> Line:
    """As `_line`, but of what a recipe reaches the figure alone: `99.2 to 100 %`, without the conditions, which `show` tells."""
    line = list(_line(found))[: len(LIST)]
    return [
        *line[:-1],
        Cell(line[-1].value, re.split(r" on | in | \(|;", line[-1].text.removeprefix("(").rstrip("."))[0]),
    ]


def _facts(found: Shipped) -> dict[str, object]:
    recipe = found.recipe
    return {
        "name": found.name,
        "network": recipe.model.name,
        "arguments": recipe.model.arguments,
        "data": recipe.data.name,
        "epochs": recipe.train.epochs,
        "about": found.about,
        "reaches": found.reaches,
    }
