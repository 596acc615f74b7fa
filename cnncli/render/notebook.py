"""A report as HTML for a notebook: the table of `cnncli summary`, each row with its formulas where the pointer rests on it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from cnncli.analysis.report import Report, Row
from cnncli.render.columns import chosen
from cnncli.render.folding import View, entries
from cnncli.render.summary import failure_text, footer, title
from cnncli.render.table import Cell, Column
from cnncli.text import inert

if TYPE_CHECKING:
    from cnncli.tracing import Fault

_STYLE = "font-variant-numeric:tabular-nums"


def summary_html(report: Report, fault: Fault | None = None) -> str:
    """The table; names from outside are escaped, and nothing in it is ever executed."""
    columns = chosen(None)
    heads = [part.column for part in columns]
    head = _row("th", heads, [Cell(None, column.title) for column in heads])
    lines = [
        _row("td", heads, [part.cell(entry, report) for part in columns], _formulas(entry.rows))
        for entry in entries(report, View())
    ]
    foot = _row("th", heads, [part.total(report) for part in columns])
    words = [*footer(report), *([failure_text(report, fault=fault)] if report.failure else [])]
    below = "".join(f"<div>{_text(line)}</div>" for line in words)
    return (
        f'<div><table style="{_STYLE}"><caption style="text-align:left">{_text(title(report))}</caption>'
        f"<thead>{head}</thead><tbody>{''.join(lines)}</tbody><tfoot>{foot}</tfoot></table>{below}</div>"
    )


def _row(tag: str, columns: Iterable[Column], cells: Iterable[Cell], words: str = "") -> str:
    sides = ("left" if column.left else "right" for column in columns)
    made = (
        f'<{tag} style="text-align:{side}">{_text(cell.text)}</{tag}>' for side, cell in zip(sides, cells, strict=True)
    )
    tip = f' title="{escape(words)}"' if words else ""
    return f"<tr{tip}>{''.join(made)}</tr>"


def _formulas(rows: Iterable[Row]) -> str:
    """A line each: `conv1 parameters: (6·5·5 + 1)·16 = 2,416`."""
    found = [(row.name, each) for row in rows for each in row.formulas if each.numbers != str(each.value)]
    return "\n".join(inert(f"{name} {each.of}: {each.numbers} = {each.value:,}") for name, each in found)


def _text(text: str) -> str:
    return escape(inert(text))
