"""The pictures of an evaluation: which class is taken for which, how far confidence can be trusted, the most confident mistakes."""

from __future__ import annotations

from pathlib import Path
from re import sub
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.render.evaluation import heading
from cnncli.render.plots import INCH, blank_figure, confusion, placed, png_of
from cnncli.runs.judging.judgement import Judgement, Mistake
from cnncli.text import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 5  # mistakes in a row of the sheet
SIDE = 2.0  # inches of one
LETTERS = 22  # of a class's name below an image


def draw(found: Judgement, folder: Path, *, own: bool) -> list[Path]:
    """Write the pictures into `folder`; their paths. own: whether the images are of the run's own data set."""
    prefix = found.split if own else f"{_slug(found.data)}-{found.split}"
    pictures = {
        "confusion": confusion(found.confusion, found.classes, heading(found), found.split),
        "reliability": reliability(found),
        "mistakes": mistakes(found),
    }
    return [placed(data, folder / f"{prefix}-{name}.png") for name, data in pictures.items()]


def reliability(found: Judgement) -> bytes:
    """Accuracy by confidence, and how many images have which, as PNG."""
    from matplotlib.ticker import StrMethodFormatter

    figure = blank_figure(6, 6.5)
    share, many = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    parts = [part for part in found.bins if part.images]
    middles, width = [(part.low + part.high) / 2 for part in parts], 1 / len(found.bins)
    share.bar(middles, [part.accuracy for part in parts], width * 0.94, color="tab:blue", label="accuracy")
    share.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=1, label="as sure as right")
    share.scatter(
        [part.confidence for part in parts],
        [part.accuracy for part in parts],
        color="tab:orange",
        zorder=3,
        label="mean confidence of the bin",
    )
    share.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.03))
    share.legend(loc="upper left")
    many.bar(middles, [part.images for part in parts], width * 0.94, color="tab:gray")
    many.set(xlabel="confidence: probability of the guess", ylabel="images", yscale="log")
    many.set_ylim(bottom=0.7)  # one image is a bar too
    many.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    share.set_title(
        f"{_lines(found, 6)}\nexpected calibration error {found.calibration_error:.4f}", parse_math=False, fontsize=10
    )
    return png_of(figure)


def mistakes(found: Judgement) -> bytes:
    """The most confident mistakes with truth and guess, as PNG."""
    rows = max(1, -(-len(found.mistakes) // ACROSS))
    figure = blank_figure(ACROSS * SIDE, rows * (SIDE + 0.5) + 0.8)
    wrong = found.count - found.right
    some = f"the {len(found.mistakes)} most confident of {wrong:,} mistakes"
    shown = some if wrong > len(found.mistakes) else f"all {wrong} mistakes" if wrong else "no mistakes"
    figure.suptitle(
        f"{_lines(found, ACROSS * SIDE)}\n{shown} among {found.count:,} images", parse_math=False, fontsize=10
    )
    grid = figure.subplots(rows, ACROSS, squeeze=False)
    for number, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if number < len(found.mistakes):
            _mistake(axes, found, found.mistakes[number])
    return png_of(figure)


def _mistake(axes: Axes, found: Judgement, each: Mistake) -> None:
    pixels = each.pixels.permute(1, 2, 0).numpy()
    axes.imshow(
        pixels.squeeze(-1) if pixels.shape[2] == 1 else pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest"
    )
    truth, guess = (_short(found.classes[place]) for place in (each.truth, each.guess))
    axes.set_title(
        f"true: {truth}\nguess: {guess}\nprobability {each.probability:.3f}", parse_math=False, fontsize=8, loc="left"
    )


def _lines(found: Judgement, inches: float) -> str:
    """The heading above a picture so wide."""
    return "\n".join(part for line in heading(found).split(" · ", 1) for part in wrap(line, int(inches * INCH)))


def _short(name: str) -> str:
    name = inert(name)
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def _slug(name: str) -> str:
    """A data set's name as part of a file's: of a path, its last folder."""
    return sub(r"[^A-Za-z0-9_-]+", "-", name.rstrip("/\\").replace("\\", "/").rpartition("/")[2]).strip("-") or "data"
