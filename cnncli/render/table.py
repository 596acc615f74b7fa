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


def write_table(columns: Sequence[Column], lines: Sequence[Line], total: Line | None = None) -> None:
    """An aligned table for a person: two spaces between columns, a heading, a rule before the total."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=total is not None, header_style="bold")
    footers = [cell.text for cell in total] if total else [""] * len(columns)
    for column, footer in zip(columns, footers, strict=True):
        table.add_column(
            Text(column.title),
            Text(footer, style="bold"),
            justify="left" if column.left else "right",
            overflow="ellipsis" if column.left else "fold",
            no_wrap=True,
        )
    for line in lines:
        table.add_row(*(Text(inert(cell.text)) for cell in line))
    console = Console(width=columns_of(sys.stdout), highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    say(*(line.rstrip() for line in capture.get().splitlines()))  # no trailing spaces in files
