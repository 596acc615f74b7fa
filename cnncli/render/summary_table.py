"""A report's rows as a table for people, as CSV and as Markdown."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cnncli.analysis.report import Report
from cnncli.layers import dims
from cnncli.models import model
from cnncli.render.columns import NARROW, Entry, Shown, chosen
from cnncli.render.folding import View, entries, home, is_block
from cnncli.render.table import Cell, Line, fits, write_csv, write_markdown, write_table
from cnncli.text import columns_of, inert, say


def show_rows(report: Report, view: View, format: str) -> None:
    """The rows on stdout; for people under a title, with the totals."""
    columns = chosen(view.columns, columns_of(sys.stdout))
    shown = entries(report, view._replace(all_rows=view.all_rows or format == "csv"))
    show_entries(report, shown, columns, format, spare=() if view.columns else NARROW)


def show_entries(
    report: Report, shown: Sequence[Entry], columns: Sequence[Shown], format: str, spare: Sequence[str] = ()
) -> None:
    """Lines that were chosen already, as `show_rows`. spare: columns that stay where there is no room for all; () for any"""
    if format == "csv":
        write_csv([part.column for part in columns], _lines(report, shown, columns))
    elif format == "markdown":
        write_markdown([part.column for part in columns], _lines(report, shown, columns))
    else:
        say(title(report))
        _write(report, shown, columns, spare)


def _lines(report: Report, shown: Sequence[Entry], columns: Sequence[Shown]) -> list[list[Cell]]:
    return [[part.cell(entry, report) for part in columns] for entry in shown]


def _write(report: Report, shown: Sequence[Entry], columns: Sequence[Shown], spare: Sequence[str]) -> None:
    """The table: with whole names; else under headings; else without the columns that are not in `spare`."""
    heads, total = [part.column for part in columns], [part.total(report) for part in columns]
    cells = _lines(report, shown, columns)
    lines = _aligned([entry.name for entry in shown], shown, cells)
    if not fits(heads, lines, total):
        lines = _headed(report, shown, cells)
        if not fits(heads, lines, total):
            left = [place for place, head in enumerate(heads) if head.key in spare] or range(len(heads))
            heads, total = [heads[place] for place in left], [total[place] for place in left]
            lines = [[line[place] for place in left] if len(line) > 1 else line for line in lines]
    write_table(heads, lines, total if any(cell.text for cell in total) else None)


def _headed(report: Report, shown: Sequence[Entry], lines: Sequence[Line]) -> list[Line]:
    """The lines in groups under the path that their names share, so that the names are short."""
    homes = [home(entry, report.network.blocks) for entry in shown]
    names = [_short(entry, path) for entry, path in zip(shown, homes, strict=True)]
    found: list[Line] = []
    last = ""
    for entry, path, line in zip(shown, homes, _aligned(names, shown, lines), strict=True):
        if path and path != last and not is_block(entry):
            kind = report.network.blocks.get(path, "")
            found.append([Cell(path, f"{path}  {kind}".rstrip())])
        last = "" if is_block(entry) else path
        found.append(line)
    return found


def _short(entry: Entry, path: str) -> str:
    """A row's name below the heading `path`; a block, which has no heading, by the end of its name where that is long."""
    if is_block(entry):
        first, dots, last = entry.name.partition(" … ")
        return f"{first if len(first) <= _LONG else first.rpartition('.')[2]}{dots}{last}"
    return f"  {entry.name.removeprefix(f'{path}.')}" if path else entry.name


_LONG = 16
"""Characters of a block's name that are shown whole."""


def _aligned(names: Sequence[str], shown: Sequence[Entry], lines: Sequence[Line]) -> list[Line]:
    """The lines with the names padded to one width, so that the words after them stand in a column."""
    width = max(map(len, names), default=0)
    cells = [Cell(entry.name, f"{name:{width}}  {entry.words}") for name, entry in zip(names, shown, strict=True)]
    return [[cell, *line[1:]] for cell, line in zip(cells, lines, strict=True)]


def title(report: Report) -> str:
    """`LeNet · d2l edition · input 1×28×28 · float32`."""
    network = report.network
    tensors = network.inputs.values()
    dtypes = {tensor.dtype for tensor in tensors}
    kinds = {each: f" {each}" if len(dtypes) > 1 else "" for each in dtypes}
    shapes = " and ".join(f"{dims(tensor.shape)}{kinds[tensor.dtype]}" for tensor in tensors)
    name = model(network.name).title if network.edition else network.name  # only built-in networks have editions
    edition = f" · {network.edition} edition" if network.edition else ""
    batch = f" · batch {report.batch_size:,}" if report.batch_size > 1 else ""
    return (
        f"{inert(name)}{edition} · input {shapes}{''.join(f' · {each}' for each in dtypes if len(dtypes) == 1)}{batch}"
    )
