"""A run's health: every layer as it was seen last, what is wrong, and what to try."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from cnncli.diagnostics.observation import History, Layer, Observation, Seen
from cnncli.diagnostics.record import Log
from cnncli.render.findings import as_json, told
from cnncli.render.plots import blank_figure, png_of
from cnncli.render.table import Cell, Column, Line, narrowed, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, inert, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = (
    Column("layer", "layer", left=True),
    Column("type", "type", left=True),
    Column("mean", "mean"),
    Column("deviation", "deviation"),
    Column("idle", "idle"),
    Column("gradient", "gradient"),
    Column("weight", "weight"),
    Column("update", "update"),
)
NARROW = {"type", "weight"}  # what is left out where the terminal has no room for all columns
NOTE = (
    "mean, deviation: of the outputs; idle: units of a ReLU that are 0 for the whole batch, outputs of a sigmoid or tanh where it "
    "is flat; gradient, weight: 2-norms; update: the step's change as a share of the weight"
)


def show_health(path: Path, log: Log, picture: Path | None, format: str) -> None:
    """On stdout. path: the run folder · picture: where it was drawn, None where there was nothing to draw."""
    last = log.history.last
    lines = [_line(*pair) for pair in zip(log.history.layers, last.seen if last else (), strict=False)]
    if format == "json":
        write_json(facts(path, log, picture))
    elif format != "table":
        (write_csv if format == "csv" else write_markdown)(COLUMNS, lines)
    else:
        _show(path, log, lines)
        if picture:
            _say(f"picture: {inert(picture.as_posix())}")


def facts(path: Path, log: Log, picture: Path | None) -> dict[str, object]:
    """Everything, for JSON: the layers as they were seen last."""
    last = log.history.last
    pairs = zip(log.history.layers, last.seen if last else (), strict=False)
    return {
        "schema": "cnncli/health/1",
        "run": path.as_posix(),
        "observations": len(log.history.observations),
        "last": last and {key: getattr(last, key) for key in Observation._fields if key not in {"place", "seen"}},
        "layers": [
            {"name": layer.name, "type": layer.type, "role": layer.role, **row._asdict()} for layer, row in pairs
        ],
        "findings": as_json(log.findings),
        "picture": picture and picture.as_posix(),
    }


def heading(path: Path, log: Log) -> str:
    """`runs/lenet-1 at step 151, epoch 2 · 5 steps looked at`."""
    last, count = log.history.last, len(log.history.observations)
    if last is None:
        return f"{inert(path.as_posix())} · no step was looked at yet"
    steps = f"{count:,} step{'' if count == 1 else 's'} looked at"
    return f"{inert(path.as_posix())} at step {last.step + 1:,}, epoch {last.epoch:,} · {steps}"


def _show(path: Path, log: Log, lines: Sequence[Line]) -> None:
    width, last = columns_of(sys.stdout), log.history.last
    _say(heading(path, log))
    if last is not None:
        _say(
            f"inputs: mean {_number(last.input_mean)}, deviation {_number(last.input_deviation)}, {last.images:,} at once",
            "",
        )
        write_table(*narrowed(COLUMNS, lines, NARROW))
        _say("", NOTE)
    _say("")
    if log.findings:
        say(*(inert(part) for each in log.findings for part in told([each], width)))
    else:
        _say("nothing is wrong that these rules know of")


def _line(layer: Layer, row: Seen) -> Line:
    numbers = (row.mean, row.deviation, row.idle, row.gradient, row.weight, row.update)
    mean, deviation, _, gradient, weight, update = (Cell(value, _number(value)) for value in numbers)
    idle = Cell(row.idle, "" if row.idle is None else f"{100 * row.idle:.1f} %")
    return [Cell(layer.name, layer.name), Cell(layer.type, layer.type), mean, deviation, idle, gradient, weight, update]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _say(*lines: str) -> None:
    width = columns_of(sys.stdout)
    for line in lines:
        say(*(wrap(line, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False) or [""]))


# The picture of a run's health: each layer a row, each step that was looked at a column, a panel for each statistic.

LETTERS = 26  # of a layer's name
NAMED = 90  # rows up to which each has its name
FEW = 20  # rows up to which panels stand two by two, not side by side
DECADES = 8  # of a statistic that have colours
TICKS = 7  # steps that the axis names


class Panel(NamedTuple):
    """A statistic: its field, its title, whether its colours are of its logarithm."""

    field: str
    title: str
    log: bool = True


PANELS = (
    Panel("gradient", "gradient: 2-norm (black: 0)"),
    Panel("update", "update of a step as a share of the weight (black: 0)"),
    Panel("deviation", "deviation of the outputs (black: 0)"),
    Panel("idle", "idle: dead ReLU units, flat sigmoid and tanh outputs", log=False),
)


def health_picture(history: History, title: str) -> bytes:
    """As PNG. history: with at least one observation · title: above it"""
    panels = {panel: rows for panel in PANELS if (rows := _rows(history, panel))}
    most = max((len(rows) for rows in panels.values()), default=1)
    across = 2 if most <= FEW else len(PANELS)
    down = -(-len(panels) // across)
    high = min(max(1.6 + 0.17 * most, 3.2), 16)  # inches of a row of panels
    figure = blank_figure(13 if across == 2 else 20, high * down + 0.5)
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (panel, rows) in zip(grid.flat, panels.items(), strict=False):
        _draw(figure, axes, panel, history, rows)
    figure.suptitle(inert(title), parse_math=False, fontsize=11)
    return png_of(figure)


def _rows(history: History, panel: Panel) -> list[int]:
    """The layers that have the statistic, by their place."""
    places = range(len(history.layers))
    return [
        place
        for place in places
        if any(getattr(each.seen[place], panel.field) is not None for each in history.observations)
    ]


def _draw(figure: Figure, axes: Axes, panel: Panel, history: History, rows: Sequence[int]) -> None:
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.ticker import FuncFormatter, NullFormatter

    found = [[getattr(each.seen[row], panel.field) for each in history.observations] for row in rows]
    values = np.ma.masked_invalid(np.array(found, dtype=float))
    positive = values[values > 0].compressed()
    colours = colormaps["viridis" if panel.log else "magma_r"].with_extremes(bad="lightgray", under="black")
    if panel.log and len(positive):
        high = float(positive.max())
        low = max(float(positive.min()), high / 10**DECADES)
        norm: Normalize = LogNorm(low, max(high, 1.01 * low))
        values = np.ma.maximum(values, low / 10)  # a 0 has no logarithm, and would have no colour
    else:
        low, high, norm = 0.0, 1.0, Normalize(0, 1)
    drawn = axes.imshow(values, cmap=colours, norm=norm, aspect="auto", interpolation="nearest")
    bar = figure.colorbar(drawn, ax=axes, pad=0.01, aspect=40, format=FuncFormatter(_tick))
    bar.ax.yaxis.set_minor_formatter(FuncFormatter(_tick) if panel.log and high < 10 * low else NullFormatter())
    bar.ax.tick_params(which="both", labelsize=8)
    axes.set_title(panel.title, fontsize=9)
    axes.set(xlabel="step")
    _name(axes, history, rows)


def _tick(value: float, _place: int | None) -> str:
    return f"{value:g}"


def _name(axes: Axes, history: History, rows: Sequence[int]) -> None:
    """Steps below, layers on the left: all of them, or every so many."""
    steps = [each.step + 1 for each in history.observations]
    apart = -(-len(steps) // TICKS)
    axes.set_xticks(range(0, len(steps), apart), [f"{step:,}" for step in steps[::apart]], fontsize=8)
    every = -(-len(rows) // NAMED)
    names = [_short(history.layers[row].name) for row in rows[::every]]
    axes.set_yticks(range(0, len(rows), every), names, fontsize=8 if len(rows) <= 60 else 6, parse_math=False)


def _short(name: str) -> str:
    """Its end, which tells layers of one block apart."""
    name = inert(name)
    return name if len(name) <= LETTERS else f"…{name[1 - LETTERS :]}"
