"""The picture of a run's health: each layer a row, each step that was looked at a column, a panel for each statistic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnncli.diagnostics.observation import History
from cnncli.render.plots import blank_figure, png_of
from cnncli.text import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
