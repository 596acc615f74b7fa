"""Data sources as a list, one of them in a few lines with its classes, a sheet of its images, and how far a long load is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.data import Dataset, Family, Where
from cnncli.data.progress import Progress
from cnncli.render.columns import count
from cnncli.render.live import one_line
from cnncli.render.plots import blank_figure, png_of
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, complain, inert, say

if TYPE_CHECKING:
    import torch

    from cnncli.data.survey import Survey

SCHEMA = {"schema": "cnncli/data/1"}
LIST = (
    Column("name", "name", left=True),
    Column("shape", "shape"),
    Column("classes", "classes"),
    Column("train", "train"),
    Column("test", "test"),
    Column("there", "here", left=True),
    Column("title", "title", left=True),
)
WIDE = (*LIST, Column("licence", "licence", left=True), Column("where", "where", left=True))
EVERY = (*WIDE, Column("val", "val"))
NARROW = 120  # characters up to which licence and place are left to `info`
GAP = 2  # pixels between the images of a sheet


def show_sets(sets: Sequence[Dataset], families: Sequence[Family], format: str, folder: str) -> None:
    """Every data source of a fixed name, then how the others are written and where downloads go."""
    if format == "json":
        others = [{"pattern": family.pattern, "about": family.about} for family in families]
        write_json({**SCHEMA, "sets": [facts(each) for each in sets], "families": others, "folder": folder})
    elif format == "table":
        wide = columns_of(sys.stdout) > NARROW
        columns = WIDE if wide else LIST
        write_table(columns, [_line(each)[: len(columns)] for each in sets])
        say(*(f"{family.pattern}: {family.about}" for family in families), f"downloads go to {inert(folder)}")
    else:
        (write_csv if format == "csv" else write_markdown)(EVERY, [_line(each) for each in sets])


def show_set(source: Dataset, found: Survey | None, format: str) -> None:
    """One data source; found: None where it is not here. What is not used of it goes to stderr."""
    for note in source.notes:
        complain(note)
    if format == "json":
        write_json({**SCHEMA, **facts(source), **_figures(source, found)})
    elif format == "table":
        say(*_told(source, found))
        if found:
            say("")
            write_table(_columns(found), _classes(source, found), _total(found))
    elif found:
        (write_csv if format == "csv" else write_markdown)(_columns(found), _classes(source, found))
    else:
        (write_csv if format == "csv" else write_markdown)(EVERY, [_line(source)])


def show_fetched(source: Dataset, format: str) -> None:
    """What is here now; what is not used of it goes to stderr."""
    for note in source.notes:
        complain(note)
    if format == "json":
        write_json({**SCHEMA, **facts(source)})
    elif format == "table":
        say(f"{inert(source.name)}: {_counts(source)}, {_place(source.where())}")
    else:
        (write_csv if format == "csv" else write_markdown)(EVERY, [_line(source)])


def facts(source: Dataset) -> dict[str, object]:
    """The facts of a data source for JSON."""
    where = source.where()
    return {
        "name": source.name,
        "title": source.title,
        "shape": list(source.shape),
        "classes": list(source.classes),
        "train": source.train,
        "test": source.test,
        "val": source.val,
        "notes": list(source.notes),
        "licence": source.licence,
        "where": str(where.path) if where.path else None,
        "there": where.there,
    }


def bar(progress: Progress) -> str:
    """`preparing images █████░░░░░ 30,000 of 60,000`; nothing where nothing is under way."""
    if not progress.total:
        return ""
    told = f"{progress.done:,} of {progress.total:,}"
    return one_line(progress.what, progress.done / progress.total, told, (), columns_of(sys.stderr) - 1)


def sheet(rows: Sequence[tuple[str, torch.Tensor]], title: str) -> bytes:
    """A row of images for each class, as PNG; rows: names, and uint8 n×C×H×W of one size."""
    grid = _grid([images for _, images in rows])
    height, width = grid.shape[:2]
    names = [inert(name)[:32] for name, _ in rows]
    across = 8.0  # inches
    figure = blank_figure(across + 0.1 * max(map(len, names)), across * height / width + 0.5)
    axes = figure.subplots()
    axes.imshow(grid.numpy(), interpolation="nearest")
    step = height / len(rows)
    axes.set_yticks([step * (place + 0.5) for place in range(len(rows))], names, parse_math=False)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(inert(title), parse_math=False)
    return png_of(figure)


def _grid(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Images in rows with white gaps, uint8 H×W×3."""
    import torch

    most = max(len(images) for images in rows)
    height, width = rows[0].shape[2:]
    grid = torch.full((len(rows), most, 3, height + GAP, width + GAP), 255, dtype=torch.uint8)
    for row, images in zip(grid, rows, strict=True):
        row[: len(images), :, :height, :width] = images.expand(-1, 3, -1, -1)
    return grid.permute(0, 3, 1, 4, 2).reshape(len(rows) * (height + GAP), most * (width + GAP), 3)


def _line(source: Dataset) -> Line:
    where = source.where()
    shape = "x".join("?" if size is None else str(size) for size in source.shape)
    return [
        Cell(source.name, source.name),
        Cell(shape, shape.replace("x", "×")),
        count(len(source.classes)),
        count(source.train),
        count(source.test),
        Cell(where.there, "yes" if where.there else "no"),
        Cell(source.title, source.title),
        Cell(source.licence, source.licence),
        Cell(str(where.path or ""), str(where.path or "")),
        Cell(source.val, "" if source.val is None else f"{source.val:,}"),
    ]


def _counts(source: Dataset) -> str:
    """`80 train, 10 val, 10 test`."""
    return ", ".join(f"{count:,} {name}" for name, count in source.counts.items())


def _told(source: Dataset, found: Survey | None) -> list[str]:
    width = columns_of(sys.stdout)
    channels, height, side = source.shape
    shape = f"{channels}×{height}×{side}" if height else ("colour" if channels == 3 else "grey") + ", any size"
    lines = [
        f"{inert(source.name)} · {inert(source.title)}",
        f"{shape} · {len(source.classes):,} classes · {_counts(source)}",
    ]
    if found:
        lines += _measured(source, found)
    lines += [f"licence: {source.licence}", _place(source.where(), f"cnncli data fetch {source.name}")]
    return [part for line in lines for part in wrap(line, width, subsequent_indent="  ", break_on_hyphens=False)]


def _measured(source: Dataset, found: Survey) -> list[str]:
    lines = []
    if source.shape[1] is None:
        low, high = ("×".join(map(str, size)) for size in (found.smallest, found.largest))
        lines.append(f"sizes: {low}" if low == high else f"sizes: heights and widths from {low} to {high}")
    mean, deviation = (" ".join(f"{value:.4f}" for value in values) for values in (found.mean, found.deviation))
    of = "" if found.looked_at == source.train else f" · of {found.looked_at:,} training images"
    unreadable = f" · {found.unreadable:,} of them cannot be read" if found.unreadable else ""
    return [*lines, f"mean {mean} · deviation {deviation}{of}{unreadable}"]


def _place(where: Where, cure: str = "") -> str:
    if where.path is None:
        return "made up as it is needed"
    return f"in {inert(str(where.path))}" if where.there else f"not here: {cure} brings it to {inert(str(where.path))}"


def _balance(found: Survey) -> dict[str, tuple[int, ...]]:
    """Images of each class in each split that there is."""
    splits = {"train": found.train, "val": found.val, "test": found.test}
    return {name: counts for name, counts in splits.items() if counts is not None}


def _columns(found: Survey) -> list[Column]:
    return [Column("class", "class", left=True), *(Column(name, name) for name in _balance(found))]


def _classes(source: Dataset, found: Survey) -> list[Line]:
    rows = zip(source.classes, *_balance(found).values(), strict=True)
    return [[Cell(name, inert(name)), *map(count, counts)] for name, *counts in rows]


def _total(found: Survey) -> Line:
    return [Cell("total", "total"), *(count(sum(counts)) for counts in _balance(found).values())]


def _figures(source: Dataset, found: Survey | None) -> dict[str, object]:
    if found is None:
        return {}
    balance = _balance(found)
    rows = zip(source.classes, *balance.values(), strict=True)
    return {
        "smallest": list(found.smallest),
        "largest": list(found.largest),
        "mean": list(found.mean),
        "deviation": list(found.deviation),
        "looked_at": found.looked_at,
        "unreadable": found.unreadable,
        "balance": [{"class": name, **dict(zip(balance, counts, strict=True))} for name, *counts in rows],
    }
