"""A learning-rate range test: the curve in a few lines, the rate it speaks for, what to type; every point for scripts."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.errors import DataError
from cnncli.files import place, reason
from cnncli.render.plots import INCH, blank_figure, png_of
from cnncli.render.table import Cell, Column, write_csv, write_json, write_markdown, write_table
from cnncli.render.training import headline
from cnncli.text import columns_of, complain, inert, say, say_picture

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from cnncli.training.lr_find import End, Point, RangeTest

POINTS = (Column("lr", "lr"), Column("loss", "loss"), Column("smooth", "curve"), Column("slope", "slope"))
TABLE = (Column("lr", "lr"), Column("loss", "loss"), Column("bar", "", left=True))
LINES = 20  # of the curve
BAR = 40  # characters of the highest loss, before it diverged
ENDS = {
    "reached": "the whole range",
    "diverged": "stopped where the loss diverged",
    "not finite": "stopped where numbers were no longer finite",
}
FLAT = (
    "Nothing is learned at any of these rates, so the curve says nothing about them. "
    "Either learning begins later than that (more --steps), or first weights and "
    "activations let too little through (train.init, model.activation, model.norm)."
)


def show_range_test(found: RangeTest, format: str, picture: Path | None, typed: Sequence[str]) -> None:
    """The curve, the suggestion and what to type, on stdout; notes on stderr. typed: the recipe and what was set, as written."""
    for note in found.notes:
        complain(note)
    if picture is not None:
        drawn(found, picture)
    if format == "json":
        write_json(_facts(found, picture))
    elif format == "table":
        _show(found, picture, typed)
    else:
        lines = [[Cell(value, f"{value:.4g}") for value in point] for point in found.points]
        (write_csv if format == "csv" else write_markdown)(POINTS, lines)


def override(found: RangeTest) -> str | None:
    """The suggestion as it is typed: `optimizer.lr=0.12`."""
    return None if found.suggestion.lr is None else f"optimizer.lr={found.suggestion.lr:.2g}"


def _facts(found: RangeTest, picture: Path | None) -> dict[str, object]:
    said = found.suggestion
    return {
        "schema": "cnncli/lr-find/1",
        "recipe": found.setup.recipe.model_dump(mode="json"),
        "params": found.params,
        "device": str(found.setup.device),
        "steps": found.steps,
        "end": found.end,
        "chance_loss": found.chance,
        "suggestion": None if said.lr is None else float(f"{said.lr:.2g}"),
        "override": override(found),
        "why": said.why,
        "steepest": said.steepest,
        "lowest": said.lowest,
        "valley": said.valley,
        "notes": list(found.notes),
        "picture": picture and picture.as_posix(),
        "points": [point._asdict() for point in found.points],
    }


def _show(found: RangeTest, picture: Path | None, typed: Sequence[str]) -> None:
    setup, points = found.setup, found.points
    _say(
        *headline(setup, found.params),
        f"{len(points):,} of {found.steps:,} steps of {setup.images_per_step:,} images with {setup.recipe.optimizer.name}, "
        f"{ended(found.end, len(points), found.steps)}; guessing has loss {found.chance:.3f}",
    )
    if points:
        write_table(TABLE, [_line(found, point) for point in _thinned(found)])
    said = found.suggestion
    if said.lr is None:
        _say(f"no suggestion: {said.why}", *([FLAT] if "flat" in said.why else []))
    else:
        _say(f"suggestion {said.lr:.2g}: {said.why}; the recipe has {setup.recipe.optimizer.lr:g}")
        say(f"cnncli train {inert(shlex.join([*typed, override(found) or '']))}")
    if picture is not None:
        say_picture(picture)


def ended(end: End, taken: int, planned: int) -> str:
    """Why there are no more steps: a loss that diverges at the last of them stops nothing."""
    return "the loss diverged at the last" if end == "diverged" and taken == planned else ENDS[end]


def _say(*lines: str) -> None:
    width = columns_of(sys.stdout)
    say(*(part for line in lines for part in wrap(line, width, break_on_hyphens=False, break_long_words=False)))


def _thinned(found: RangeTest) -> list[Point]:
    """Points at even distances, and the one nearest to the suggestion."""
    points, last = found.points, len(found.points) - 1
    chosen = {round(place * last / (LINES - 1)) for place in range(LINES)}
    nearest = _nearest(found)
    return [points[place] for place in sorted(chosen | ({nearest} if nearest is not None else set()))]


def _nearest(found: RangeTest) -> int | None:
    """The last point not above the suggestion."""
    lr = found.suggestion.lr
    return None if lr is None else max(place for place, point in enumerate(found.points) if point.lr <= lr)


def _line(found: RangeTest, point: Point) -> list[Cell]:
    nearest = _nearest(found)
    top = max(found.chance, found.points[0].smooth)
    full = round(BAR * min(1.0, max(0.0, point.smooth / top)))
    bar = "█" * full + (" …" if point.smooth > top * 1.02 else "")
    mark = "  ← suggestion" if nearest is not None and point is found.points[nearest] else ""
    return [Cell(point.lr, f"{point.lr:.2g}"), Cell(point.smooth, _loss(point.smooth)), Cell(bar, bar + mark)]


def _loss(value: float) -> str:
    return f"{value:.3f}" if value < 1000 else f"{value:.2g}"


# The picture of a learning-rate range test: loss by rate.

WIDTH, HEIGHT = 8.0, 5.0  # inches
ROOM = 1.25  # times what the loss began with: what lies above is divergence, and out of the picture


def drawn(found: RangeTest, path: Path) -> None:
    """Write the picture into `path`; raises `DataError` where that cannot be done."""
    try:
        place(picture(found), path)
    except OSError as error:
        raise DataError(f"cannot write {str(path)!r}: {reason(error)}; write another --out") from error


def picture(found: RangeTest) -> bytes:
    """Each step's loss, the curve behind them, what guessing costs, and the suggestion, over the rate's logarithm, as PNG."""
    figure = blank_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    lrs = [point.lr for point in found.points]
    axes.plot(lrs, [point.loss for point in found.points], ".", color="tab:gray", alpha=0.6, label="a batch")
    axes.plot(lrs, [point.smooth for point in found.points], color="tab:blue", linewidth=2, label="curve")
    axes.axhline(found.chance, color="black", linestyle=":", linewidth=1, label=f"guessing: {found.chance:.3f}")
    _mark(axes, found)
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss")
    _frame(axes, found)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    title = [part for line in headline(found.setup, found.params) for part in wrap(line, int(WIDTH * INCH))]
    figure.suptitle("\n".join(title), parse_math=False, fontsize=11)
    return png_of(figure)


def _mark(axes: Axes, found: RangeTest) -> None:
    """The suggestion, and the stretch that it is in the middle of."""
    said = found.suggestion
    if said.lr is None or said.steepest is None or said.lowest is None:
        axes.set_title("no suggestion: the curve is flat", fontsize=10)
        return
    axes.axvspan(said.steepest, said.lowest, color="tab:orange", alpha=0.15, label="steepest to lowest")
    axes.axvline(said.lr, color="tab:orange", linewidth=2, label=f"suggestion: {said.lr:.2g}")


def _frame(axes: Axes, found: RangeTest) -> None:
    """All of the curve before it diverges."""
    if not found.points:
        return
    began, lowest = found.points[0].smooth, min(point.smooth for point in found.points)
    top = max(ROOM * max(began, found.chance), lowest + 0.1)
    bottom = lowest - 0.1 * (top - lowest)
    axes.set_ylim(max(0.0, bottom) if lowest >= 0 else bottom, top)
