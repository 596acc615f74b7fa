"""A result as rows of values, shown as a table, CSV or Markdown; JSON is written by each command from its own values."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from typing import NamedTuple

from cnncli.render.text import columns_of, inert, say


class Column(NamedTuple):
    """key: its name in CSV and for `--columns` · title: its heading · left: text, aligned to the left."""

    key: str
    title: str
    left: bool = False


class Cell(NamedTuple):
    """A value and how a person reads it."""

    value: object
    text: str


Line = Sequence[Cell]


def write_json(value: object) -> None:
    """`value` as one line of JSON on stdout, untouched by any console."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n")


def write_csv(columns: Sequence[Column], lines: Sequence[Line]) -> None:
    """Bare values under the columns' keys."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([column.key for column in columns])
    writer.writerows([["" if cell.value is None else cell.value for cell in line] for line in lines])


def write_markdown(columns: Sequence[Column], lines: Sequence[Line]) -> None:
    """A pipe table; a pipe in a cell is escaped."""
    rows = [[column.title for column in columns], [":--" if column.left else "--:" for column in columns]]
    rows += [[cell.text.replace("|", "\\|") for cell in line] for line in lines]
    sys.stdout.write("".join(f"| {' | '.join(map(inert, row))} |\n" for row in rows))


GAP = 2
"""Spaces between columns."""
LEAST = 16
"""Characters that text on the left keeps however narrow the terminal is."""


def write_table(columns: Sequence[Column], lines: Sequence[Line], total: Line | None = None) -> None:
    """An aligned table for a person: two spaces between columns, the totals last.

    Where the width does not suffice, text on the left is cut short; numbers never are.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    widths = _widths(columns, lines, total)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_footer=total is not None, header_style="bold")
    for column, footer, width in zip(columns, total or [Cell(None, "")] * len(columns), widths, strict=True):
        title, foot = Text(column.title), Text(_cut(footer.text, width), style="bold")
        table.add_column(title, foot, justify="left" if column.left else "right", no_wrap=True, width=width)
    for line in lines:
        table.add_row(*(Text(_cut(inert(cell.text), width)) for cell, width in zip(line, widths, strict=True)))
    width = sum(widths) + GAP * len(widths)
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    say(*(line.rstrip() for line in capture.get().splitlines()))  # no trailing spaces in files


def _widths(columns: Sequence[Column], lines: Sequence[Line], total: Line | None) -> list[int]:
    """The width of each column: its widest text, those on the left cut until the table fits."""
    rows = [[cell.text for cell in line] for line in (*lines, *([total] if total else []))]
    rows.append([column.title for column in columns])
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    for place in [place for place, column in enumerate(columns) if column.left][::-1]:
        excess = sum(widths) + GAP * (len(widths) - 1) - columns_of(sys.stdout)
        if excess > 0:
            widths[place] = max(min(widths[place], LEAST), widths[place] - excess)
    return widths


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
