"""A result as rows of values, shown as a table, CSV or Markdown; JSON is written by each command from its own values."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Collection, Sequence
from typing import NamedTuple

from cnncli.text import columns_of, emphasise, inert, say


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
    writer.writerows([[_plain(cell.value) for cell in line] for line in lines])


def _plain(value: object) -> object:
    """Text on one line and without escape sequences, as stdout may be a terminal."""
    return "" if value is None else inert(value) if isinstance(value, str) else value


def write_markdown(columns: Sequence[Column], lines: Sequence[Line]) -> None:
    """A pipe table; a pipe in a cell, and what would begin HTML, is escaped."""
    rows = [[column.title for column in columns], [":--" if column.left else "--:" for column in columns]]
    rows += [[cell.text.replace("|", "\\|").replace("<", "\\<") for cell in line] for line in lines]
    sys.stdout.write("".join(f"| {' | '.join(map(inert, row))} |\n" for row in rows))


GAP = 2
"""Spaces between columns."""
SLACK = 3
"""Characters of the longest text that may be cut before a table is laid out in another way."""
LEAST = 16
"""Characters that text on the left keeps however narrow the terminal is."""


def write_table(columns: Sequence[Column], lines: Sequence[Line], total: Line | None = None) -> None:
    """An aligned table for a person: two spaces between columns, the totals last. A line of one cell is a heading across all.

    Where the width does not suffice, text on the left is cut short; numbers never are.
    """
    widths = _widths(columns, lines, total)
    emphasise(_aligned([column.title for column in columns], columns, widths))
    for line in lines:
        texts = [cell.text for cell in line]
        say(_aligned(texts, columns, widths) if len(line) > 1 else _cut(inert(texts[0]), columns_of(sys.stdout)))
    if total:
        emphasise(_aligned([cell.text for cell in total], columns, widths))


def _aligned(texts: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    parts = [
        _cut(inert(text), width).ljust(width) if column.left else text.rjust(width)
        for text, column, width in zip(texts, columns, widths, strict=True)
    ]
    return (" " * GAP).join(parts).rstrip()


def _widths(columns: Sequence[Column], lines: Sequence[Line], total: Line | None) -> list[int]:
    """The width of each column: its widest text, those on the left cut until the table fits."""
    widths = _natural(columns, lines, total)
    for place in [place for place, column in enumerate(columns) if column.left][::-1]:
        excess = sum(widths) + GAP * (len(widths) - 1) - columns_of(sys.stdout)
        if excess > 0:
            widths[place] = max(min(widths[place], LEAST), widths[place] - excess)
    return widths


def _natural(columns: Sequence[Column], lines: Sequence[Line], total: Line | None) -> list[int]:
    rows = [[cell.text for cell in line] for line in (*lines, *([total] if total else [])) if len(line) == len(columns)]
    rows.append([column.title for column in columns])
    return [max(len(row[place]) for row in rows) for place in range(len(columns))]


def fits(columns: Sequence[Column], lines: Sequence[Line], total: Line | None = None) -> bool:
    """Whether nothing has to be cut short, or by a few characters only."""
    return sum(_natural(columns, lines, total)) + GAP * (len(columns) - 1) <= columns_of(sys.stdout) + SLACK


def narrowed(
    columns: Sequence[Column], lines: Sequence[Line], *spare: Collection[str]
) -> tuple[list[Column], list[Line]]:
    """The table without columns that one can do without, as far as the terminal asks for it.

    spare: the keys of those, what is to leave together in one collection, the first to leave first
    """
    shown = list(columns), list(lines)
    for keys in spare:
        if fits(*shown):
            break
        shown = without(*shown, keys)
    return shown


def without(columns: Sequence[Column], lines: Sequence[Line], keys: Collection[str]) -> tuple[list[Column], list[Line]]:
    """The table without the columns of these keys; a line of one cell is a heading and stays."""
    kept = [place for place, column in enumerate(columns) if column.key not in keys]
    return [columns[place] for place in kept], [
        line if len(line) == 1 else [line[place] for place in kept] for line in lines
    ]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
