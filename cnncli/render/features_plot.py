"""Pictures of an image's way through a network: all of it, a sheet for each layer, filters, the evidence for a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.features import Guess, Maps, Walk
from cnncli.render.panels import MAPS, look_of
from cnncli.render.plots import INCH, blank_figure, placed, png_of
from cnncli.text import inert

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
SMALL, COLUMNS = 0.85, 16  # inches of a map, and maps in a row, on the picture of the whole way
KERNELS = 64  # filters that are shown
FILTERS = 16  # filters of several channels, a row each
PARTS = ("filters", "channels")
HEAT = "inferno"  # colours of the evidence, alone and on the image


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
    """The image, below it the maps of each stage, a column for each channel, and in the end the classes."""
    stages = _some([each for each in walk.maps if each.pictured], STAGES)
    chosen = channel_columns(stages)
    across = max(map(len, chosen))
    wide = max(across, 6) * SMALL + 1.6
    heading = f"{title}\ncolumns are channels, counted from 0: a channel keeps its column from layer to layer"
    lines = [part for line in heading.split("\n") for part in wrap(inert(line), int(wide * INCH))]
    bars = 0.2 * len(walk.top) + 0.4 if walk.top else 0.0  # inches
    heights = [SMALL] * (len(stages) + 1)
    figure = blank_figure(wide, sum(heights) + 0.2 * len(heights) + bars + 0.25 * len(lines))
    grid = figure.add_gridspec(
        len(heights) + bool(bars),
        across + 1,
        width_ratios=[1.5, *[1] * across],
        height_ratios=[*heights, *([bars] if bars else [])],
    )
    first = _blank(figure.add_subplot(grid[0, 1]))
    _image(first, walk.image)
    _label(_blank(figure.add_subplot(grid[0, 0])), f"image\n{dims(walk.image.shape)}")
    for row, (each, channels) in enumerate(zip(stages, chosen, strict=True), 1):
        _label(_blank(figure.add_subplot(grid[row, 0])), f"{_short(each.row.name)}\n{dims(each.shape)}")
        for column, channel in enumerate(channels, 1):
            axes = _blank(figure.add_subplot(grid[row, column]))
            _map(axes, each, channel)
            axes.set_title(f"{channel}", fontsize=7, pad=1)
    if bars:
        _label(_blank(figure.add_subplot(grid[-1, 0])), "probability")
        _classes(figure.add_subplot(grid[-1, 1:]), walk.top)
    figure.suptitle("\n".join(lines), fontsize=9, parse_math=False)
    return png_of(figure)


def channel_columns(stages: Sequence[Maps]) -> list[list[int]]:
    """The channels to show of each stage, in order: the strongest of the last of neighbours that have as many channels."""
    found: list[list[int]] = []
    for _, group in groupby(stages, key=lambda each: each.shape[0]):
        several = list(group)
        found += [sorted(several[-1].strongest(COLUMNS))] * len(several)
    return found


def _classes(axes: Axes, top: Sequence[Guess]) -> None:
    """A bar for each of the likeliest classes, the likeliest above."""
    places = range(len(top))
    axes.barh(places, [guess.probability for guess in top], color="tab:blue")
    axes.set_yticks(places, [inert(guess.name)[:24] for guess in top], fontsize=8, parse_math=False)
    for place, guess in enumerate(top):
        axes.text(guess.probability + 0.01, place, f"{guess.probability:.3f}", va="center", fontsize=8)
    axes.set(xlim=(0, 1.1), xticks=[])
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _blank(axes: Axes) -> Axes:
    axes.set_axis_off()
    return axes


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
    figure.colorbar(shown, ax=grid, shrink=0.9, aspect=6 * rows + 6).ax.tick_params(labelsize=7)
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
    """A convolution's kernels: in colour where they read three channels of an image, else a row for each filter's channels."""
    colour = kernels.shape[1] == 3
    flat = colour or kernels.shape[1] == 1
    some = kernels[:KERNELS] if flat else kernels[:FILTERS, :ACROSS]
    panels = (
        [(f"filter {o}", kernel) for o, kernel in enumerate(some)]
        if flat
        else [(f"filter {o}, ch. {c}", part[None]) for o, kernel in enumerate(some) for c, part in enumerate(kernel)]
    )
    across = min(ACROSS, len(panels)) if flat else some.shape[1]
    rows = -(-len(panels) // across)
    wide = max(across * SIDE, 4.5) + 0.8
    cut = [
        f"{part} of {all_} {what}"
        for part, all_, what in zip(some.shape, kernels.shape, PARTS, strict=False)
        if part < all_
    ]
    what = "grey is 0" if colour else "blue below 0, red above"
    title = f"{inert(name)}: {dims(kernels.shape)} weights, {', '.join([*cut, what])}; filters and channels from 0"
    lines = wrap(title, int(wide * INCH))
    figure = blank_figure(wide, rows * (SIDE + 0.22) + 0.3 * len(lines))
    grid = figure.subplots(rows, across, squeeze=False)
    most = float(abs(some).max()) or 1.0
    shown = None
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (label, kernel) in zip(grid.flat, panels, strict=False):
        if colour:
            axes.imshow(0.5 + kernel.transpose(1, 2, 0) / (2 * most), interpolation="nearest")
        else:
            shown = axes.imshow(kernel[0], cmap=MAPS["signed"], vmin=-most, vmax=most, interpolation="nearest")
        axes.set_title(label, fontsize=7, pad=2)
    if shown is not None:
        figure.colorbar(shown, ax=grid, shrink=0.9, aspect=6 * rows + 6).ax.tick_params(labelsize=7)
    figure.suptitle("\n".join(lines), fontsize=10, parse_math=False)
    return png_of(figure)


def gradcam(walk: Walk, found: Evidence, title: str) -> bytes:
    """The image, where the evidence lies, and both."""
    figure = blank_figure(9.6, 4.1)
    grid = figure.subplots(1, 3)
    for axes in grid:
        axes.set_axis_off()
    _image(grid[0], walk.image)
    grid[0].set_title("image", fontsize=10)
    shown = grid[1].imshow(found.heat, cmap=HEAT, vmin=0, vmax=1, interpolation="nearest")
    grid[1].set_title(f"evidence at {_short(found.row)}, {dims(found.shape)}", fontsize=10, parse_math=False)
    _image(grid[2], walk.image)
    grid[2].imshow(found.heat, cmap=HEAT, vmin=0, vmax=1, alpha=0.75 * found.heat, interpolation="nearest")
    grid[2].set_title("both", fontsize=10)
    figure.colorbar(shown, ax=grid[1], location="bottom", shrink=0.9).set_label(
        "evidence; 1 is the strongest place", fontsize=8
    )
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
