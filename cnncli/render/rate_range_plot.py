"""The picture of a learning-rate range test: loss by rate."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.errors import DataError
from cnncli.files import place, reason
from cnncli.render.plots import INCH, blank_figure, png_of
from cnncli.render.training import headline

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from cnncli.training.lr_find import RangeTest

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
