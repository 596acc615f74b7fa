"""Receptive fields from first to last: the arithmetic is shown, then torch is imported and asked."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.layers import dims
from cnncli.lessons.images import read_image
from cnncli.lessons.looking import Look
from cnncli.lessons.receptive import Region
from cnncli.lessons.subject import Subject, image_size
from cnncli.lessons.subject import subject as made
from cnncli.render.data import bar
from cnncli.render.live import Live
from cnncli.render.plots import INCH, blank_figure, placed, png_of
from cnncli.render.receptive_field import (
    effective_lines,
    show_effective,
    show_for_scripts,
    show_measured,
    show_region,
    show_regions,
    span,
)
from cnncli.text import complain, inert, say_picture

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from cnncli.lessons.effective import Effective
    from cnncli.lessons.gradients import Measured


def show_look(look: Look, format: str, *, count: int, seed: int, path: Path | None) -> None:
    """What was asked for, on stdout. count: images to average over · path: where a picture goes"""
    if not look.one:
        show_regions(look.report, look.regions, format, _measured(look) if look.gradients else None)
        return
    (region,) = look.regions
    people = format == "table"
    if people:
        show_region(look.report, region)
    measured, why = _one_measured(look)
    if people and look.gradients:
        show_measured(region, measured, why)
    subject = made(look.asked, seed) if look.effective or (path and look.asked.run) else None
    if subject and subject.note:
        complain(subject.note)
    found = _effective(look, subject, count, seed) if subject and look.effective else None
    if people and found:
        show_effective(region, found)
    if path:
        draw(region, found, _image(look, subject), path)
    if people:
        if path:
            say_picture(path)
    else:
        show_for_scripts(look.report, region, format, measured, found, asked=look.gradients, picture=path)


def _measured(look: Look) -> list[Measured | None]:
    from cnncli.lessons.gradients import measured

    return measured(look.asked, look.regions)


def _one_measured(look: Look) -> tuple[Measured | None, str]:
    """What gradients say of the one region, or why they cannot be asked."""
    try:
        return (_measured(look)[0] if look.gradients else None), ""
    except RequestError as error:
        return None, str(error)


def _effective(look: Look, subject: Subject, count: int, seed: int) -> Effective:
    from cnncli.lessons.effective import effective

    progress = Progress()
    with Live(lambda: bar(progress)):
        return effective(subject, look.regions[0], count, seed, progress)


def _image(look: Look, subject: Subject | None) -> NDArray[np.float32] | None:
    """What the region is drawn on: the image that was named, else a run's first test image."""
    channels, height, width = image_size(look.asked.network.input, look.asked.source)
    if look.image is not None:
        return read_image(look.image, 1 if channels == 1 else 3, (height, width))
    from cnncli.lessons.input_image import first_test_image

    found = first_test_image(subject) if subject else None
    return None if found is None else (found[0].float() / 255).numpy()


# A receptive field as a picture: the region as a frame on the input image, and what of it does move the unit.

SIDE = 4.8  # inches of a panel
FRAME = "#e8590c"


def draw(region: Region, found: Effective | None, image: NDArray[np.float32] | None, path: Path) -> Path:
    """Write the picture. image: C×H×W from 0 to 1, or None for an empty input."""
    panels = 2 if found else 1
    notes = _notes(found)
    figure = blank_figure(panels * SIDE, SIDE + (0.1 + 0.14 * len(notes) if found else 0.7))
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _input(axes[0], region, image)
    if found:
        shown = axes[1].imshow(found.shares, cmap="magma", vmin=0, extent=_extent(found.shares))
        axes[1].set_facecolor("#dddddd")
        _framed(axes[1], region)
        _circle(axes[1], region, found.most)
        axes[1].set_title(
            f"effective: mean |gradient|, {found.number} {inert(found.images)}", fontsize=10, parse_math=False
        )
        figure.colorbar(shown, ax=axes[1], shrink=0.75, format=lambda value, _: f"{100 * value:.2g} %")
        figure.supxlabel("\n".join(notes), fontsize=8, parse_math=False)
    size = "the whole input" if region.whole else f"{dims(tuple(side.size for side in region.sides))} pixels"
    title = f"{inert(region.row.name)}: one unit sees {size}"
    figure.suptitle("\n".join(wrap(title, int(panels * SIDE * INCH))), fontsize=11, parse_math=False)
    return placed(png_of(figure), path)


def _notes(found: Effective | None) -> list[str]:
    if found is None:
        return []
    lines = [
        f"weights: {inert(found.weights)}",
        *effective_lines(found),
        "white circle: 95 % · orange frame: the field by arithmetic",
    ]
    return [part for line in lines for part in wrap(line, int(2 * SIDE * INCH * 1.4))]


def _input(axes: Axes, region: Region, image: NDArray[np.float32] | None) -> None:
    import numpy as np

    down, right = region.sides
    pixels = np.full((1, down.length, right.length), 0.93, dtype=np.float32) if image is None else image
    shown = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=_extent(shown), interpolation="nearest")
    axes.set_facecolor("#b8c4d0")
    _framed(axes, region)
    unit = f"unit {', '.join(map(str, region.unit))}: " if region.unit else ""
    seen = f"rows {span(down.seen)}, columns {span(right.seen)}"
    axes.set_title(f"{unit}{seen}", fontsize=10, parse_math=False)
    if region.padded:
        axes.set_xlabel(
            f"{100 * region.padded:.1f} % of the field lies in padding (blue)", fontsize=9, parse_math=False
        )


def _framed(axes: Axes, region: Region) -> None:
    """The field as a frame; the axes reach as far as it does."""
    from matplotlib.patches import Rectangle

    down, right = region.sides
    corner = (right.reaching[0] - 0.5, down.reaching[0] - 0.5)
    axes.add_patch(
        Rectangle(corner, right.covered, down.covered, fill=False, edgecolor=FRAME, linewidth=2.5, clip_on=False)
    )
    axes.set_xlim(min(0, right.reaching[0]) - 0.5, max(right.length - 1, right.reaching[1]) + 0.5)
    axes.set_ylim(max(down.length - 1, down.reaching[1]) + 0.5, min(0, down.reaching[0]) - 0.5)


def _circle(axes: Axes, region: Region, radius: float) -> None:
    from matplotlib.patches import Circle

    down, right = (sum(side.reaching) / 2 for side in region.sides)
    axes.add_patch(Circle((right, down), radius, fill=False, edgecolor="white", linewidth=1.5, linestyle="--"))


def _extent(shown: NDArray[np.floating]) -> tuple[float, float, float, float]:
    height, width = shown.shape[:2]
    return -0.5, width - 0.5, height - 0.5, -0.5
