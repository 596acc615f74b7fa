"""A receptive field as a picture: the region as a frame on the input image, and what of it does move the unit."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.receptive import Region
from cnncli.render.plots import INCH, blank_figure, placed, png_of
from cnncli.render.receptive_field import effective_lines, span
from cnncli.text import inert

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from cnncli.lessons.effective import Effective

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
