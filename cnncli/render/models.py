"""The built-in networks as a list, and one of them in a few lines."""

from __future__ import annotations

import sys
from textwrap import wrap

from cnncli.analysis.catalogue import Variant, names, variant, variants
from cnncli.layers import dims
from cnncli.models import Model, model
from cnncli.render.columns import count, millions
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, say

FIGURES = (Column("input", "input"), Column("params", "parameters"), Column("macs", "MACs (M)"))
LIST = (Column("name", "name", left=True), Column("year", "year"), *FIGURES, Column("editions", "editions", left=True))
EDITIONS = (
    Column("name", "name", left=True),
    *FIGURES,
    Column("about", "about", left=True),
    Column("arguments", "arguments", left=True),
)


def show_models(format: str) -> None:
    """Every built-in network: its default edition's figures, and the names of all editions."""
    if format == "json":
        write_json({"schema": "cnncli/models/1", "models": [_model_json(name, [*variants(name)]) for name in names()]})
        return
    lines = [_listed(model(name), variant(name)) for name in names()]
    {"csv": write_csv, "markdown": write_markdown}.get(format, write_table)(LIST, lines)


def show_model(source: str, format: str) -> None:
    """A network's story and its editions, or the one that `source` names."""
    name, found = source.partition("@")[0], [*variants(source)]
    if format == "json":
        write_json({"schema": "cnncli/models/1"} | _model_json(name, found))
    elif format == "table":
        say(*_story(model(name)), *(line for each in found for line in ["", *_told(each)]))
    else:
        (write_csv if format == "csv" else write_markdown)(EDITIONS, [_detailed(each) for each in found])


def _story(found: Model) -> list[str]:
    width = columns_of(sys.stdout)
    return [f"{found.title} · {found.year}", *wrap(found.paper, width), "", *wrap(found.story, width)]


def _told(found: Variant) -> list[str]:
    """`lenet@d2l (lenet) · 1×28×28 · …`, what is special about it, and its arguments."""
    name = f"{found.source}, or {found.name}" if found.default else found.source
    figures = f"{dims(found.input)} · {count(found.params).text} parameters · {millions(found.macs).text} million MACs"
    width = columns_of(sys.stdout)
    told = [*wrap(found.about, width - 2), *wrap(_arguments(found), width - 2)]
    return [name, f"  {figures}", *(f"  {line}" for line in told)]


def _arguments(found: Variant) -> str:
    return " ".join(f"{key}={_default(value)}" for key, value in found.arguments.items())


def _default(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _figures(found: Variant) -> Line:
    shape = dims(found.input)
    return [Cell(shape.replace("×", "x"), shape), count(found.params), millions(found.macs)]


def _listed(found: Model, default: Variant) -> Line:
    editions = " ".join(found.editions)
    head = [Cell(default.name, default.name), Cell(found.year, str(found.year))]
    return [*head, *_figures(default), Cell(editions, editions)]


def _detailed(found: Variant) -> Line:
    texts = [Cell(text, text) for text in (found.source, found.about, _arguments(found))]
    return [texts[0], *_figures(found), *texts[1:]]


def _model_json(name: str, found: list[Variant]) -> dict[str, object]:
    """Title, year, paper and story; each edition with its figures and arguments."""
    told = model(name)
    editions = [
        {
            "edition": each.edition,
            "default": each.default,
            "input": list(each.input),
            "params": each.params,
            "macs": each.macs,
            "about": each.about,
            "arguments": each.arguments,
        }
        for each in found
    ]
    return {
        "name": name,
        "title": told.title,
        "year": told.year,
        "paper": told.paper,
        "story": told.story,
        "editions": editions,
    }
