"""The picture of learning a kernel: image, target, prediction, kernel, and the loss beside what the theory foretold."""

from __future__ import annotations

from math import log10
from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.edge_detect import Learned
from cnncli.render.edge_detect import counted, loss_text, what
from cnncli.render.edge_detect import figure as digits
from cnncli.render.grids import number
from cnncli.render.panels import Look, Panel, draw_panel, look_of
from cnncli.render.plots import blank_figure, placed, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cnncli.lessons.descent import Floats

MOST = 1e250  # what is drawn; the ticks above it must still be numbers
DOTTED = 80  # losses that are drawn as dots; the steps of more on a logarithmic axis
NUMBERED = 1000  # from here on numbers have no room in their cells
ROOM = 0.1  # of the brightness, that an image may lie outside of black and white
BEYOND = 1.02  # of the limit: the rate whose divergence is drawn beside


def draw(found: Learned, path: Path) -> Path:
    """All in one PNG file; raises `DataError`."""
    return placed(picture(found), path)


def picture(found: Learned) -> bytes:
    """Its bytes."""
    sheet = blank_figure(13, 7.6)
    places = sheet.add_gridspec(2, 4, height_ratios=(1, 1.15))
    for column, panel in enumerate(_panels(found)):
        axes = sheet.add_subplot(places[0, column])
        axes.set_axis_off()
        draw_panel(sheet, axes, panel)
    _losses(sheet.add_subplot(places[1, :]), found)
    source = f"{dims(found.task.image.shape)} image"
    title = f"{what(found.task)}, learned from a {source} and {'its edges' if not found.task.name else f'its {found.task.name}'}"
    sheet.suptitle(f"{title}: {counted(found.steps)}, lr {digits(found.run.lr)}, seed {found.seed}", fontsize=11)
    return png_of(sheet)


def _panels(found: Learned) -> list[Panel]:
    task, weights = found.task, found.run.learned
    kernel, bias = task.split(weights)
    note = "" if bias is None else f"bias {number(round(bias, 4) + 0.0)}"
    if task.kernel is not None:
        off = f"largest difference from {task.name}: {digits(float(abs(kernel - task.kernel).max()))}"
        note = f"{note}; {off}" if note else off
    given = [Panel("image", task.image), Panel("target", task.target, _look(task.target))]
    if found.run.overflowed:
        return given
    predicted = task.predict(weights)
    small = None if float(abs(predicted).max()) < NUMBERED else False
    return [
        *given,
        Panel("prediction", predicted.round(2) + 0.0, _look(predicted), numbers=small),
        Panel("kernel learned", kernel.round(2) + 0.0, look_of(kernel), note, numbers=small),
    ]


def _look(values: Floats) -> Look:
    """An image where it could be one, but for what is left to learn."""
    return "image" if values.min() >= -ROOM and values.max() <= 1 + ROOM else look_of(values)


def _losses(axes: Axes, found: Learned) -> None:
    theory, run, steps = found.theory, found.run, found.steps
    start = run.weights[0]
    rates = {
        f"theory: above the limit, lr {digits(BEYOND * theory.max_stable_lr)}": (
            BEYOND * theory.max_stable_lr,
            "tab:red",
        )
    }
    if not found.chosen:
        rates[f"theory: fastest, lr {digits(theory.fastest_lr)}"] = (theory.fastest_lr, "tab:green")
    numbers = range(1, steps + 1)
    for name, (lr, colour) in rates.items():
        axes.plot(numbers, _positive(theory.losses(start, lr, steps)), ":", color=colour, label=name)
    axes.plot(
        numbers,
        _positive(theory.losses(start, run.lr, steps)),
        color="tab:orange",
        linewidth=4,
        alpha=0.5,
        label=f"theory: lr {digits(run.lr)}{', the fastest' if found.chosen else ''}",
    )
    losses = [float("nan") if loss is None else loss for loss in run.losses]
    axes.plot(
        numbers, _positive(losses), "o" if steps <= DOTTED else "-", color="tab:blue", markersize=4, label="measured"
    )
    axes.set_yscale("log")
    if steps > DOTTED:
        axes.set_xscale("log")
    _limit(axes, found)
    axes.set(xlabel="step", ylabel="loss, sum of squares")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="best", framealpha=0.9)
    last = next((loss for loss in reversed(run.losses) if loss is not None), None)
    if last is not None:
        axes.set_title(f"loss {loss_text(run.losses[0] or 0)} → {loss_text(last)}", fontsize=10)


def _positive(values: Floats | list[float]) -> Floats:
    """Without what a logarithmic axis has no place for."""
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    shown: Floats = np.where((numbers > 0) & (numbers < MOST), numbers, np.nan)
    return shown


def _limit(axes: Axes, found: Learned) -> None:
    """The axis shows the run, with some room, not how far the others go."""
    seen = [loss for loss in found.run.losses if loss]
    if seen:
        low, high = log10(min(seen)), log10(max(seen))
        room = max(0.5, 0.08 * (high - low))
        least, most = max(low - 2 * room, -log10(MOST)), min(high + room, log10(MOST))
        axes.set_ylim(10.0**least, 10.0**most)
