"""Runs in a table, and some of them side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnncli.diagnostics.epoch import Epoch
from cnncli.files import run_folder as folder
from cnncli.formats.strict_yaml import Value
from cnncli.render.columns import clock
from cnncli.render.plots import blank_figure, png_of
from cnncli.render.table import (
    GAP,
    Cell,
    Column,
    Line,
    narrowed,
    without,
    write_csv,
    write_json,
    write_markdown,
    write_table,
)
from cnncli.runs.log import Logged, Sides, environment_differences, number, recipe_differences, seconds
from cnncli.text import columns_of, complain, inert, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cnncli.runs.log import Logged

SCHEMA = {"schema": "cnncli/runs/1"}
NOTHING = "–"
INDENT = "  "
RUNS = (
    Column("run", "run", left=True),
    Column("network", "network", left=True),
    Column("data", "data", left=True),
    Column("epochs", "epochs"),
    Column("of", "of"),
    Column("train_acc", "train"),
    Column("val_acc", "val"),
    Column("test_acc", "test"),
    Column("total_seconds", "time"),
    Column("state", "state", left=True),
)
LEAST_WANTED = ("total_seconds", "data", "network", "train_acc", "val_acc")
"""Columns that a narrow terminal goes without, the first of them first."""


def show_runs(runs: Sequence[Logged], format: str) -> None:
    """A line a run; the accuracies are those of its last epoch. What is damaged goes to stderr, a line each."""
    _complain(runs)
    if format == "json":
        write_json({**SCHEMA, "runs": [_facts(run) for run in runs]})
        return
    lines = [_line(run) for run in runs]
    if format == "table":
        write_table(*_fitting(runs, lines)) if runs else complain(folder.NO_RUN)
    else:
        (write_csv if format == "csv" else write_markdown)(RUNS, lines)


def show_comparison(runs: Sequence[Logged], format: str) -> None:
    """What differs in recipes and environments, and the figures, a column a run."""
    _complain(runs)
    recipe, environment = recipe_differences(runs), environment_differences(runs)
    if format == "json":
        sides = {"recipe": _listed(recipe), "environment": _listed(environment)}
        write_json({**SCHEMA, "runs": [_facts(run) for run in runs], **sides})
        return
    sections = {"recipe": _rows(recipe), "environment": _rows(environment), "figures": _figures(runs)}
    heads = [inert(label) for label in labels(runs)]
    if format == "table":
        _say(sections, heads)
        return
    columns = [Column("section", "section", left=True), Column("key", "key", left=True)]
    columns += [Column(head, head) for head in heads]
    lines = [[Cell(name, name), Cell(row.key, row.key), *row.cells] for name, rows in sections.items() for row in rows]
    (write_csv if format == "csv" else write_markdown)(columns, lines)


class Row(NamedTuple):
    """A key, and a cell for each run."""

    key: str
    cells: tuple[Cell, ...]


def _fitting(runs: Sequence[Logged], lines: Sequence[Line]) -> tuple[list[Column], list[Line]]:
    """What people see: validation only where there is some, `of` beside the epochs, and what a narrow terminal has room for."""
    validated = any(run.last and run.last.val for run in runs)
    usual = without(RUNS, lines, {"of"} if validated else {"of", "val_acc"})
    return narrowed(*usual, *({key} for key in LEAST_WANTED))


def _complain(runs: Sequence[Logged]) -> None:
    for run in runs:
        for problem in run.problems:
            complain(problem)


def _line(run: Logged) -> Line:
    recipe, last = run.recipe, run.last
    name = inert(run.path.name)
    network, data = (inert(run.network or recipe.model.name), inert(recipe.data.name)) if recipe else (None, None)
    of = recipe.train.epochs if recipe else None
    return [
        Cell(name, name),
        Cell(network, network or NOTHING),
        Cell(data, data or NOTHING),
        Cell(len(run.epochs), f"{len(run.epochs):,}/{of:,}" if of else f"{len(run.epochs):,}/?"),
        Cell(of, f"{of:,}" if of else NOTHING),
        _share(last and last.train.acc),
        _share(last.val.acc if last and last.val else None),
        _share(last and last.test.acc),
        Cell(last and last.total_seconds, clock(last.total_seconds) if last else NOTHING),
        Cell(run.state, run.state),
    ]


def _share(value: float | None) -> Cell:
    return Cell(value, NOTHING if value is None else f"{value:.3f}")


def _facts(run: Logged) -> dict[str, object]:
    recipe, last = run.recipe, run.last
    highest, lowest = run.highest_test, run.lowest_val
    return {
        "run": run.path.as_posix(),
        "network": recipe and recipe.model.name,
        "architecture": run.network,
        "data": recipe and recipe.data.name,
        "epochs": len(run.epochs),
        "of": recipe and recipe.train.epochs,
        "train_loss": number(last and last.train.loss),
        "train_acc": number(last and last.train.acc),
        "val_acc": number(last.val.acc if last and last.val else None),
        "test_acc": number(last and last.test.acc),
        "highest_test_acc": number(highest and highest.test.acc),
        "highest_test_epoch": highest and highest.epoch,
        "lowest_val_loss": number(lowest.val.loss if lowest and lowest.val else None),
        "lowest_val_epoch": lowest and lowest.epoch,
        "seconds_an_epoch": number(round(seconds(run.epochs), 3)) if run.epochs else None,
        "total_seconds": number(last and last.total_seconds),
        "state": run.state,
        "problems": list(run.problems),
    }


def _listed(sides: Sides) -> dict[str, list[Value]]:
    return {key: list(values) for key, values in sides.items()}


def _rows(sides: Sides) -> list[Row]:
    return [Row(inert(key), tuple(_value(value) for value in values)) for key, values in sides.items()]


def _value(value: Value) -> Cell:
    shown = NOTHING if value is None else inert(_plain(value))
    return Cell(None if value is None else shown, shown)


def _plain(value: Value) -> str:
    """As one writes it in a recipe: true, 2, [{shift: 2}, flip]."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_plain(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figures(runs: Sequence[Logged]) -> list[Row]:
    """The last epoch's figures, then the best ones with their epoch; a row that no run has is left out."""
    rows = [
        Row("state", tuple(Cell(run.state, run.state) for run in runs)),
        Row("epochs", tuple(_line(run)[3] for run in runs)),
        *(Row(name, tuple(_share(cells(run.last)) for run in runs)) for name, cells in LAST.items()),
        Row("highest test acc", tuple(_best(run.highest_test, "test acc") for run in runs)),
        Row("lowest val loss", tuple(_best(run.lowest_val, "val loss") for run in runs)),
        Row("test acc there", tuple(_share(run.lowest_val and run.lowest_val.test.acc) for run in runs)),
        Row("time an epoch", tuple(_time(seconds(run.epochs) if run.epochs else None) for run in runs)),
        Row("time in all", tuple(_time(run.last and run.last.total_seconds) for run in runs)),
    ]
    return [row for row in rows if any(cell.value is not None for cell in row.cells)]


LAST: Mapping[str, Callable[[Epoch | None], float | None]] = {
    "train loss": lambda epoch: epoch and epoch.train.loss,
    "train acc": lambda epoch: epoch and epoch.train.acc,
    "val loss": lambda epoch: epoch.val.loss if epoch and epoch.val else None,
    "val acc": lambda epoch: epoch.val.acc if epoch and epoch.val else None,
    "test loss": lambda epoch: epoch and epoch.test.loss,
    "test acc": lambda epoch: epoch and epoch.test.acc,
}


def _best(epoch: Epoch | None, what: str) -> Cell:
    value = LAST[what](epoch)
    return Cell(value, NOTHING if epoch is None else f"{value:.3f} in {epoch.epoch:,}")


def _time(value: float | None) -> Cell:
    return Cell(None if value is None else round(value, 3), NOTHING if value is None else clock(value))


def _say(sections: Mapping[str, Sequence[Row]], heads: Sequence[str]) -> None:
    """Side by side; a row that is too wide for that, below its key, a line for each run."""
    columns = [Column("key", "", left=True), *(Column(head, head) for head in heads)]
    lines = list(_lines(sections, heads, _room(sections, heads)))
    if any(len(line) > 1 for line in lines):
        write_table(columns, lines)
    else:
        say(*(line[0].text for line in lines))


def _room(sections: Mapping[str, Sequence[Row]], heads: Sequence[str]) -> int:
    """Characters that each run gets beside the longest key; 0 where its name does not fit."""
    keys = max(len(row.key) for rows in sections.values() for row in rows) + len(INDENT)
    room = (columns_of(sys.stdout) - keys) // len(heads) - GAP
    return room if room >= max(map(len, heads)) else 0


def _lines(sections: Mapping[str, Sequence[Row]], heads: Sequence[str], room: int) -> Iterator[Line]:
    width = max(map(len, heads))
    for name, rows in sections.items():
        yield _across(name if rows else f"{name}: no difference")
        for row in rows:
            if max(len(cell.text) for cell in row.cells) <= room:
                yield [Cell(row.key, INDENT + row.key), *row.cells]
                continue
            yield _across(INDENT + row.key)
            for head, cell in zip(heads, row.cells, strict=True):
                yield _across(f"{INDENT * 2}{head:{width}}  {cell.text}")


def _across(text: str) -> Line:
    return [Cell(text, text)]


# The curves of several runs in one picture.

COLOURS = 10  # of matplotlib's tab10; the next ten runs get them again, with markers

WIDEST = 40  # characters of a name


def labels(runs: Sequence[Logged]) -> list[str]:
    """What the runs are called side by side: the folder's name, its path where two have the same."""
    names = [run.path.name for run in runs]
    return [run.path.as_posix() if names.count(run.path.name) > 1 else run.path.name for run in runs]


def compared_curves(runs: Mapping[str, Logged]) -> bytes:
    """Loss and accuracy by epoch, a colour a run, training thin and test thick, as PNG. A run without an epoch has no line."""
    figure = blank_figure(11, 4.8)
    loss, accuracy = figure.subplots(1, 2)
    for place, (label, run) in enumerate(runs.items()):
        name = _shown(label) + ("" if run.epochs else " (no epoch)")
        _curves(loss, run, place, name, "loss")
        _curves(accuracy, run, place, name, "acc")
    _finish(loss, "loss")
    _finish(accuracy, "accuracy")
    handles, names = loss.get_legend_handles_labels()
    legend = figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(runs)), frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle("thick: test · thin, dashed: train", fontsize=10)
    return png_of(figure)


def _shown(label: str) -> str:
    """Its end, which has the number; matplotlib would leave out a name that begins with an underscore."""
    text = inert(label)
    text = text if len(text) <= WIDEST else f"…{text[1 - WIDEST :]}"
    return f" {text}" if text.startswith("_") else text


def _curves(axes: Axes, run: Logged, place: int, name: str, what: str) -> None:
    numbers = [epoch.epoch for epoch in run.epochs]
    colour = f"C{place % COLOURS}"
    alone = "o" if len(numbers) == 1 else ""
    marker = alone or ("" if place < COLOURS else "s")
    train, test = ([getattr(getattr(epoch, part), what) for epoch in run.epochs] for part in ("train", "test"))
    axes.plot(numbers, train, color=colour, linewidth=1, linestyle="--", alpha=0.7, marker=alone, fillstyle="none")
    axes.plot(numbers, test, color=colour, linewidth=2, label=name, marker=marker, markersize=4)


def _finish(axes: Axes, what: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel="epoch", ylabel=what)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.3)
