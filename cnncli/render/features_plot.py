"""Pictures of an image's way through a network: all of it, a sheet for each layer, filters, the evidence for a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.features import Maps, Walk
from cnncli.render.panels import MAPS, look_of
from cnncli.render.plots import INCH, blank_figure, placed, png_of
from cnncli.render.text import inert

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    from cnncli.lessons.gradcam import Evidence

SHEETS = 24  # layers that are drawn unless they are named
STAGES = 10  # layers on the picture of the whole way
ACROSS = 8  # maps in a row
SIDE = 1.25  # inches of a map
KERNELS = 64  # filters that are shown


def draw(  # noqa: PLR0913
    walk: Walk, found: Evidence | None, folder: Path, title: str, *, most: int, in_order: bool
) -> dict[str, Path]:
    """Write the pictures; row (or `walk`, `filters`, `gradcam`) → path.

    most: maps on a sheet · in_order: channel by channel, not the strongest first
    """
    drawn = _some([each for each in walk.maps if each.pictured], SHEETS)
    pictures = {"walk": whole(walk, title)} if drawn else {}
    if walk.filters:
        pictures["filters"] = filters(*walk.filters)
    if found:
        pictures["gradcam"] = gradcam(walk, found, title)
    paths = {name: placed(data, folder / f"{name}.png") for name, data in pictures.items()}
    for place, each in enumerate(drawn, 1):
        data = sheet(each, most, in_order=in_order)
        paths[each.row.name] = placed(data, folder / f"{place:02d}-{_slug(each.row.name)}.png")
    return paths


def _some(maps: Sequence[Maps], most: int) -> list[Maps]:
    """At most so many, at even distances, the first and the last among them."""
    if len(maps) <= most:
        return list(maps)
    return [maps[place * (len(maps) - 1) // (most - 1)] for place in range(most)]


def whole(walk: Walk, title: str) -> bytes:
    """The image, and below it the strongest maps of each stage."""
    stages = _some([each for each in walk.maps if each.pictured], STAGES)
    wide = ACROSS * SIDE + 1.6
    lines = wrap(inert(title), int(wide * INCH))
    figure = blank_figure(wide, (len(stages) + 1) * (SIDE + 0.12) + 0.25 * len(lines))
    grid = figure.subplots(len(stages) + 1, ACROSS + 1, squeeze=False, width_ratios=[1.2, *[1] * ACROSS])
    for axes in grid.flat:
        axes.set_axis_off()
    _image(grid[0][1], walk.image)
    _label(grid[0][0], f"image\n{dims(walk.image.shape)}")
    for row, each in zip(grid[1:], stages, strict=True):
        _label(row[0], f"{_short(each.row.name)}\n{dims(each.shape)}")
        for axes, channel in zip(row[1:], each.strongest(ACROSS), strict=False):
            _map(axes, each, channel)
            axes.set_title(f"{channel}", fontsize=6, pad=1)
    figure.suptitle(
        "\n".join(lines) + "\nthe strongest maps of each layer, by their number", fontsize=9, parse_math=False
    )
    return png_of(figure)


def sheet(found: Maps, most: int, *, in_order: bool) -> bytes:
    """Maps of one layer, all on one scale."""
    channels = list(range(min(most, found.shape[0]))) if in_order else found.strongest(most)
    across = min(ACROSS, len(channels))
    rows = -(-len(channels) // across)
    wide = max(across * SIDE, 4.5) + 0.8
    how = "" if len(channels) == found.shape[0] else f", {len(channels)} of {found.shape[0]}"
    how += ", in order" if in_order else ", the strongest first"
    lines = wrap(inert(f"{found.row.name} · {dims(found.shape)}{how}"), int(wide * INCH))
    figure = blank_figure(wide, rows * (SIDE + 0.22) + 0.3 * len(lines))
    grid = figure.subplots(rows, across, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, channel in zip(grid.flat, channels, strict=False):
        shown = _map(axes, found, channel)
        axes.set_title(f"map {channel}", fontsize=7, pad=2)
    figure.colorbar(shown, ax=grid, shrink=0.9, aspect=30 if rows > 1 else 12).ax.tick_params(labelsize=7)
    figure.suptitle("\n".join(lines), fontsize=10, parse_math=False)
    return png_of(figure)


def _map(axes: Axes, found: Maps, channel: int) -> AxesImage:
    look = look_of(found.values)
    most = max(abs(found.low), abs(found.high)) or 1.0
    low, high = (
        (-most, most) if look == "signed" else (found.low, found.high if found.high > found.low else found.low + 1)
    )
    cmap = "viridis" if look == "amount" else MAPS[look]
    return axes.imshow(found.values[channel], cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


def filters(name: str, kernels: NDArray[np.float32]) -> bytes:
    """The first convolution's kernels: in colour where they read three channels, else blue below and red above zero."""
    some = kernels[:KERNELS]
    across = min(ACROSS, len(some))
    rows = -(-len(some) // across)
    wide = max(across * SIDE, 4.5) + 0.8
    colour = kernels.shape[1] == 3
    which = f", {len(some)} of {len(kernels)}" if len(some) < len(kernels) else ""
    figure = blank_figure(wide, rows * (SIDE + 0.22) + 0.35)
    grid = figure.subplots(rows, across, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    most = float(abs(some).max()) or 1.0
    shown = None
    for place, (axes, kernel) in enumerate(zip(grid.flat, some, strict=False)):
        if colour:
            axes.imshow(0.5 + kernel.transpose(1, 2, 0) / (2 * most), interpolation="nearest")
        else:
            shown = axes.imshow(kernel[0], cmap=MAPS["signed"], vmin=-most, vmax=most, interpolation="nearest")
        axes.set_title(f"filter {place}", fontsize=7, pad=2)
    if shown is not None:
        figure.colorbar(shown, ax=grid, shrink=0.9, aspect=30 if rows > 1 else 12).ax.tick_params(labelsize=7)
    what = "grey is 0" if colour else "channel 0" if kernels.shape[1] > 1 else "blue below 0, red above"
    figure.suptitle(f"{inert(name)}: {dims(kernels.shape)} weights{which}, {what}", fontsize=10, parse_math=False)
    return png_of(figure)


def gradcam(walk: Walk, found: Evidence, title: str) -> bytes:
    """The image, where the evidence lies, and both."""
    figure = blank_figure(9.6, 4.1)
    grid = figure.subplots(1, 3)
    for axes in grid:
        axes.set_axis_off()
    _image(grid[0], walk.image)
    grid[0].set_title("image", fontsize=10)
    shown = grid[1].imshow(found.heat, cmap="inferno", vmin=0, vmax=1, interpolation="nearest")
    grid[1].set_title(f"evidence at {_short(found.row)}, {dims(found.shape)}", fontsize=10, parse_math=False)
    _image(grid[2], walk.image)
    grid[2].imshow(found.heat, cmap="jet", vmin=0, vmax=1, alpha=0.15 + 0.45 * found.heat, interpolation="bilinear")
    grid[2].set_title("both", fontsize=10)
    figure.colorbar(shown, ax=grid, shrink=0.75)
    which = "the likeliest class" if found.predicted else "not the likeliest"
    head = f"Grad-CAM for {found.name[:60]} ({which}), probability {found.probability:.3f}"
    lines = [*wrap(inert(head), int(9.6 * INCH)), *wrap(inert(title), int(9.6 * INCH))]
    figure.suptitle("\n".join(lines), fontsize=10, parse_math=False)
    return png_of(figure)


def _image(axes: Axes, image: NDArray[np.float32]) -> None:
    shown = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def _label(axes: Axes, text: str) -> None:
    axes.text(
        0.95, 0.5, inert_lines(text), ha="right", va="center", fontsize=8, transform=axes.transAxes, parse_math=False
    )


def inert_lines(text: str) -> str:
    """Each line of it inert."""
    return "\n".join(map(inert, text.split("\n")))


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"…{name[-17:]}"


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)
