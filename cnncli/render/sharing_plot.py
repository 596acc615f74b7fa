"""Weight sharing as pictures: a pattern and where its kernel finds it; what a trained network says of an image that moves."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.sharing import Cost, Found, Moved
from cnncli.render.grids import Box
from cnncli.render.panels import Panel, sheet
from cnncli.render.plots import INCH, blank_figure, placed, png_of
from cnncli.render.sharing import signed
from cnncli.text import inert

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    from cnncli.lessons.moving import Journey

WIDE = 11.0  # inches of the picture of a journey
LETTERS = 3  # of a class's name in a cell
CELLS = 25  # cells a side up to which each is labelled


def draw(found: Moved, costs: Cost, path: Path) -> Path:
    """Image, kernel and answers before and after the pattern moved."""
    panels = [
        Panel("image", _scaled(found.before.image), boxes=(_box(found, found.before),)),
        Panel("kernel: the pattern, its mean taken off", found.kernel, "signed", numbers=False),
        _answers("answers", found.before),
        Panel("image, moved", _scaled(found.after.image), boxes=(_box(found, found.after),)),
        Panel("the same kernel", found.kernel, "signed", numbers=False),
        _answers("answers", found.after),
    ]
    follows = "the answer moves with it" if found.follows else f"the answer moves by {found.moved[0]}, {found.moved[1]}"
    title = (
        f"moved by {found.shift[0]} down and {found.shift[1]} to the right: {follows}. "
        f"{dims(costs.call.x.shape)} → {dims(costs.call.y.shape)}: {costs.shared.value:,} parameters, "
        f"fully connected {costs.dense.value:,}"
    )
    return placed(sheet(panels, title), path)


def _scaled(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 to 1, as pictures are shown."""
    scaled: NDArray[np.float64] = (image - image.min()) / (image.max() - image.min() or 1.0)
    return scaled


def _box(found: Moved, where: Found) -> Box:
    return Box(*where.place, *found.kernel.shape)


def _answers(title: str, found: Found) -> Panel:
    row, column = found.place
    return Panel(
        title,
        found.response,
        "signed",
        note=f"largest at row {row}, column {column}, from 0",
        boxes=(Box(row, column, 1, 1),),
        numbers=False,
    )


def draw_journey(found: Journey, title: str, path: Path) -> Path:
    """The image at some places, the answer at all, and how many test images stay right."""
    lines = wrap(inert(title), int(WIDE * INCH))
    figure = blank_figure(WIDE, 7.4 + 0.2 * len(lines))
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 3))
    top, below = parts[0, 0], parts[1, 0]
    _examples(top.subplots(1, 5), found)
    if found.number:
        left, right = below.subplots(1, 2, width_ratios=(1.25, 1))
        _accuracies(right, found)
    else:
        left = below.subplots()
    shown = _places(left, found)
    below.colorbar(shown, ax=left, shrink=0.8, label="probability of the answer")
    figure.suptitle("\n".join(lines), fontsize=10, parse_math=False)
    return placed(png_of(figure), path)


def _examples(axes: NDArray[np.object_], found: Journey) -> None:
    """The image moved right by five shifts, each with its answer."""
    import numpy as np

    last = len(found.shifts) - 1
    for each, place in zip(axes, (0, last // 4, last // 2, last - last // 4, last), strict=True):
        shift, guess = found.shifts[place], found.answers[len(found.shifts) // 2][place]
        image = _moved(found.image, shift)
        shown = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
        each.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        each.set_axis_off()
        each.set_title(
            f"{signed(shift)} px: {inert(guess.name)[:18]} {guess.probability:.2f}",
            fontsize=9,
            parse_math=False,
            color="black" if guess.name == found.unmoved.name else "tab:red",
        )


def _moved(image: NDArray[np.float32], right: int) -> NDArray[np.float32]:
    import numpy as np

    width = image.shape[2]
    moved = np.zeros_like(image)
    start, stop = max(0, right), max(0, min(width, width + right))
    moved[:, :, start:stop] = image[:, :, start - right : stop - right]
    return moved


def _places(axes: Axes, found: Journey) -> AxesImage:
    """A cell for each place: the answer, the fuller the likelier; green where it is that of the unmoved image."""
    import numpy as np

    shares = np.array([[guess.probability for guess in line] for line in found.answers])
    same = np.array([[guess.name == found.unmoved.name for guess in line] for line in found.answers])
    edge = (found.shifts[0] - 0.5, found.shifts[-1] + 0.5)
    extent = (*edge, edge[1], edge[0])
    axes.imshow(np.where(same, np.nan, shares), cmap="Reds", vmin=0, vmax=1, alpha=0.75, extent=extent)
    shown = axes.imshow(np.where(same, shares, np.nan), cmap="Greens", vmin=0, vmax=1, alpha=0.75, extent=extent)
    if len(found.shifts) <= CELLS:
        for down, line in zip(found.shifts, found.answers, strict=True):
            for right, guess in zip(found.shifts, line, strict=True):
                name = inert(guess.name)[:LETTERS]
                axes.text(right, down, name, ha="center", va="center", fontsize=7, parse_math=False)
    axes.set(xlabel="moved to the right by, pixels", ylabel="moved down by, pixels")
    whole = len(found.shifts) ** 2
    axes.set_title(
        f"{inert(found.unmoved.name)} (green) at {found.kept} of {whole} places, red: another answer",
        fontsize=10,
        parse_math=False,
    )
    return shown


def _accuracies(axes: Axes, found: Journey) -> None:
    axes.plot(found.shifts, found.right, marker="o", markersize=3, label="to the right")
    axes.plot(found.shifts, found.down, marker="s", markersize=3, label="down")
    axes.set(xlabel="all moved by, pixels", ylabel="classified rightly", ylim=(0, 1.03))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower center")
    axes.set_title(f"{found.number:,} test images", fontsize=10)
