"""Pictures as PNG files: those of a run folder, and what all others are made and written with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Literal
from warnings import catch_warnings, filterwarnings

from cnncli.errors import DataError
from cnncli.files import place, reason
from cnncli.text import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cnncli.diagnostics.epoch import Epoch

INCH = 10  # letters of a title on an inch
NUMBERED = 20  # classes up to which every square of a confusion matrix holds its count
NAMED = 50  # classes up to which the axes name them


def curves(epochs: Sequence[Epoch], title: str) -> bytes:
    """Loss and accuracy by epoch, side by side, as PNG."""
    figure = blank_figure(10, 4)
    loss, accuracy = figure.subplots(1, 2)
    for name in ("train", "val", "test"):
        scores = {epoch.epoch: score for epoch in epochs if (score := getattr(epoch, name))}
        if scores:
            _line(loss, scores, [score.loss for score in scores.values()], name)
            _line(accuracy, scores, [score.acc for score in scores.values()], name)
    _finish(loss, "loss", "upper right")
    _finish(accuracy, "accuracy", "lower right")
    figure.suptitle(inert(title), parse_math=False)
    return png_of(figure)


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str], title: str, split: str = "test") -> bytes:
    """Counts of the images of `split`, a row for each true class and a column for each predicted one, as PNG.

    A square's colour is its share of the row.
    """
    right = sum(row[place] for place, row in enumerate(counts))
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    side = min(4 + 0.45 * len(classes), 14)  # inches
    figure = blank_figure(side, side)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= NUMBERED:
        _write_counts(axes, counts, shares)
    if len(classes) <= NAMED:
        names = [inert(name)[:24] for name in classes]
        axes.set_xticks(range(len(names)), names, rotation=0 if max(map(len, names)) < 4 else 90, parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set(xlabel="predicted", ylabel="true")
    note = f"{right:,} of {sum(map(sum, counts)):,} {split} images classified rightly"
    figure.suptitle("\n".join([*wrap(inert(title), int(side * INCH)), note]), parse_math=False, fontsize=11)
    return png_of(figure)


def _write_counts(axes: Axes, counts: Sequence[Sequence[int]], shares: Sequence[Sequence[float]]) -> None:
    for row, (numbers, parts) in enumerate(zip(counts, shares, strict=True)):
        for column, (number, share) in enumerate(zip(numbers, parts, strict=True)):
            if number:
                colour = "white" if share > 0.5 else "black"
                axes.text(column, row, f"{number:,}", ha="center", va="center", color=colour, fontsize=9)


def _line(axes: Axes, numbers: Collection[int], values: Sequence[float], name: str) -> None:
    colour = {"train": "tab:blue", "val": "tab:green", "test": "tab:orange"}[name]
    axes.plot(list(numbers), values, label=name, color=colour, marker="o" if len(numbers) == 1 else "")


def _finish(axes: Axes, what: str, corner: Literal["upper right", "lower right"]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel="epoch", ylabel=what)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc=corner)


def blank_figure(width: float, height: float) -> Figure:
    """In inches; without pyplot, which would look for a display."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def png_of(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = BytesIO()
    with catch_warnings():
        filterwarnings(
            "ignore", message="Glyph .* missing"
        )  # a class name in a script that the font lacks: shown as boxes
        figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def placed(data: bytes, path: Path) -> Path:
    """Write a picture, whole or not at all; its path. Raises `DataError`."""
    try:
        place(data, path)
    except OSError as error:
        raise DataError(f"cannot write {str(path)!r}: {reason(error)}; write another --out") from error
    return path
