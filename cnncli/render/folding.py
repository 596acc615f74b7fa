"""Which rows of a report share a line of its table: what is folded into the line before, into its block, or into a repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from cnncli.analysis.report import Report, Row
from cnncli.layers import OWN
from cnncli.render.columns import Entry


class View(NamedTuple):
    """How to show a report.

    columns: their names · all_rows: activations get rows of their own · depth: to fold paths at · collapse: blocks that repeat are
    shown once
    """

    columns: str | None = None
    all_rows: bool = False
    depth: int | None = None
    collapse: bool = False


def entries(report: Report, view: View) -> list[Entry]:
    """The table's lines: blocks folded at `depth`; activation, dropout and flatten in the line before unless `all_rows`."""
    shown: list[Entry] = []
    last = ""  # the row that a folded one must read
    for row in report.rows:
        block = _block(row, view.depth)
        if shown and block and shown[-1].name == block:
            shown[-1] = shown[-1]._replace(row=row, rows=(*shown[-1].rows, row))
        elif block:
            shown.append(Entry(block, report.network.blocks.get(block, ""), row, (row,)))
        elif shown and row.layer.folds and not view.all_rows and row.inputs == (last,):
            shown[-1] = _folded(shown[-1], row)
        else:
            shown.append(Entry(row.name, row.layer.brief, row, (row,)))
        last = row.name
    if view.depth is not None and not view.all_rows:
        shown = gathered(shown)
    return collapsed(shown, report.network.blocks) if view.collapse else shown


def gathered(shown: Sequence[Entry]) -> list[Entry]:
    """The lines with runs of three and more operations that have neither parameters nor MACs in one: what lies between blocks."""
    found: list[Entry] = []
    for between, lines in groupby(shown, _is_between):
        run = list(lines)
        if not between or len(run) < _FEW:
            found += run
            continue
        rows = tuple(row for line in run for row in line.rows)
        found.append(Entry(f"{run[0].name} … {run[-1].name}", f"{len(rows)} operations", rows[-1], rows))
    return found


_FEW = 3
"""Operations in a row that are gathered."""


def _is_between(line: Entry) -> bool:
    return not is_block(line) and all(row.layer.home == OWN and not row.params and not row.macs for row in line.rows)


def _block(row: Row, depth: int | None) -> str | None:
    """The path at `depth` that the row lies below, if it does."""
    parts = row.name.split(".")
    return ".".join(parts[:depth]) if depth is not None and len(parts) > depth else None


def _folded(entry: Entry, row: Row) -> Entry:
    words = " ".join(part for part in (entry.words, row.layer.folded) if part)
    return entry._replace(words=words, rows=(*entry.rows, row))


def collapsed(shown: Sequence[Entry], blocks: Mapping[str, str], within: str = "") -> list[Entry]:
    """The lines with blocks that are like the one before them gathered in one: `layer1.2 … 5  4 as above`."""
    groups = [(path, list(lines)) for path, lines in groupby(shown, lambda line: _around(line, blocks, within))]
    found: list[Entry] = []
    likes = list[tuple[str, list[Entry]]]()
    for place, (path, lines) in enumerate(groups):
        if not path:
            found += lines
            continue
        if not likes or not _alike(likes[0], (path, lines)):
            likes = [(path, lines)]
            found += collapsed(lines, blocks, path)
        else:
            likes.append((path, lines))
        following = groups[place + 1] if place + 1 < len(groups) else ("", [])
        if len(likes) > 1 and not _alike(likes[0], following):
            found.append(_repeat(likes[1:]))
    return found


def _around(line: Entry, blocks: Mapping[str, str], within: str) -> str:
    """The outermost block below `within` that a line stands in, or is; "" where there is none."""
    parts = line.name.split(".")
    start = within.count(".") + 1 if within else 0
    paths = (".".join(parts[:count]) for count in range(start + 1, len(parts) + 1))
    return next((path for path in paths if path in blocks), "")


def _alike(one: tuple[str, list[Entry]], other: tuple[str, list[Entry]]) -> bool:
    """Whether two blocks stand side by side and do the same to the same shapes."""
    (path, lines), (path_b, lines_b) = one, other
    if not path_b or path.rpartition(".")[0] != path_b.rpartition(".")[0] or len(lines) != len(lines_b):
        return False
    return _signature(path, lines) == _signature(path_b, lines_b)


def _signature(path: str, lines: Sequence[Entry]) -> list[object]:
    rows = [row for line in lines for row in line.rows]
    return [(row.name.removeprefix(path), row.layer, row.call.inputs, row.call.outputs, row.params) for row in rows]


def _repeat(likes: Sequence[tuple[str, list[Entry]]]) -> Entry:
    rows = tuple(row for _, lines in likes for line in lines for row in line.rows)
    name, last = likes[0][0], likes[-1][0]
    if len(likes) == 1:
        return Entry(name, "as above", rows[-1], rows)
    return Entry(f"{name} … {_end(name, last)}", f"{len(likes)} as above", rows[-1], rows)


def _end(name: str, last: str) -> str:
    """`11` of layers.encoder_layer_1 and layers.encoder_layer_11: what a reader needs of the second."""
    stem = name.rstrip("0123456789")
    number = last.removeprefix(stem)
    return number if number.isdigit() else last.rpartition(".")[2]


def is_block(line: Entry) -> bool:
    """Whether a line stands for a block, or several, and not for a row (and what is folded into it)."""
    return line.name != line.rows[0].name


def home(line: Entry, blocks: Mapping[str, str]) -> str:
    """The innermost block that a line stands in, else the path of its name; "" at the top."""
    path = line.name.partition(" … ")[0]
    while path := path.rpartition(".")[0]:
        if path in blocks:
            return path
    return line.name.partition(" … ")[0].rpartition(".")[0]
