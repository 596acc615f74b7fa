"""Arrays as pictures on a sheet: images, signed maps about zero, amounts; with their numbers in them where they are small."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Literal, NamedTuple

from cnncli.render.grids import Box, number
from cnncli.render.plots import INCH, blank_figure, png_of
from cnncli.text import inert

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

SIDE = 3.2  # inches of a panel
NUMBERED = 12  # rows and columns up to which numbers are written into the cells
DARK = 0.5  # brightness of a cell, from 0 to 1: below it, its number is written in white
LARGE = 40  # rows or columns from which pixels may blend on the sheet
STRONG = 99.5  # percent of a large array's numbers that the colours tell apart
MAPS = {"image": "gray", "signed": "RdBu_r", "amount": "Blues"}

Look = Literal["image", "signed", "amount"]


class Panel(NamedTuple):
    """One array on the sheet.

    values: H×W, or 3×H×W in colour · look: an image from 0 (black) to 1 (white); signed, blue below zero and red above; an
    amount, the darker the more · note: a line below · boxes: rectangles drawn on it · numbers: whether they are written
    into the cells; None where there are at most `NUMBERED` rows and columns
    """

    title: str
    values: NDArray[np.floating]
    look: Look = "image"
    note: str = ""
    boxes: tuple[Box, ...] = ()
    numbers: bool | None = None


def sheet(panels: Sequence[Panel], title: str = "", across: int = 3) -> bytes:
    """The panels, `across` in a row at most, under a title, as PNG."""
    columns = min(across, len(panels))
    rows = -(-len(panels) // columns)
    wide = max(columns * SIDE, 2 * SIDE)
    lines = wrap(inert(title), int(wide * INCH))
    figure = blank_figure(wide, rows * (SIDE + 0.6) + 0.25 * len(lines))
    axes = figure.subplots(rows, columns, squeeze=False)
    for place, each in enumerate(axes.flat):
        if place < len(panels):
            draw_panel(figure, each, panels[place])
        else:
            each.set_axis_off()
    figure.suptitle("\n".join(lines), parse_math=False, fontsize=11)
    return png_of(figure)


def look_of(values: NDArray[np.floating]) -> Look:
    """How numbers that are no image are best shown."""
    return "signed" if values.min() < 0 else "amount"


def draw_panel(figure: Figure, axes: Axes, panel: Panel) -> None:
    """One array on axes of the figure, for a sheet that shows more than arrays."""
    axes.set_title("\n".join(wrap(inert(panel.title), int(SIDE * INCH))), parse_math=False, fontsize=10)
    axes.set_xlabel("\n".join(wrap(inert(panel.note), int(SIDE * INCH * 1.2))), parse_math=False, fontsize=8)
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    image = _shown(axes, panel)
    small = panel.values.ndim == 2 and max(panel.values.shape) <= NUMBERED
    if small if panel.numbers is None else panel.numbers:
        _write_numbers(axes, image, panel.values)
    elif panel.look != "image":
        large = max(panel.values.shape) > LARGE
        figure.colorbar(
            image, ax=axes, shrink=0.75, extend=("both" if panel.look == "signed" else "max") if large else "neither"
        )
    for box in panel.boxes:
        _outline(axes, box)


def _shown(axes: Axes, panel: Panel) -> AxesImage:
    import numpy as np

    values = panel.values
    if values.ndim == 3:
        return axes.imshow(np.clip(values.transpose(1, 2, 0), 0, 1), interpolation="nearest")
    large = max(values.shape) > LARGE
    # The few strongest edges of a photograph would leave the others pale.
    most = 1.0 if panel.look == "image" else float(np.percentile(np.abs(values), STRONG if large else 100)) or 1.0
    least = -most if panel.look == "signed" else 0.0
    return axes.imshow(
        values, cmap=MAPS[panel.look], vmin=least, vmax=most, interpolation="antialiased" if large else "nearest"
    )


def _write_numbers(axes: Axes, image: AxesImage, values: NDArray[np.floating]) -> None:
    longest = max(len(number(float(value), 2)) for value in values.flat)
    size = min(14.0, 150 * SIDE / (max(values.shape) * max(longest, 2) * 2))  # points
    luma = image.to_rgba(values)[..., :3] @ (0.299, 0.587, 0.114)
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            colour = "black" if luma[row, column] > DARK else "white"
            axes.text(column, row, number(value, 2), ha="center", va="center", color=colour, fontsize=size)


def _outline(axes: Axes, box: Box) -> None:
    from matplotlib.patches import Rectangle

    corner = (box.left - 0.5, box.top - 0.5)
    axes.add_patch(Rectangle(corner, box.width, box.height, fill=False, edgecolor="tab:orange", linewidth=2))
