"""The curves of several runs in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cnncli.render.plots import blank_figure, png_of
from cnncli.text import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cnncli.runs.log import Logged

COLOURS = 10  # of matplotlib's tab10; the next ten runs get them again, with markers

WIDEST = 40  # characters of a name


def labels(runs: Sequence[Logged]) -> list[str]:
    """What the runs are called side by side: the folder's name, its path where two have the same."""
    names = [run.path.name for run in runs]
    return [run.path.as_posix() if names.count(run.path.name) > 1 else run.path.name for run in runs]


def compared_curves(runs: Mapping[str, Logged]) -> bytes:
    """Loss and accuracy by epoch, a colour a run, training thin and test thick, as PNG. A run without an epoch has no line."""
    figure = blank_figure(11, 4.8)
    loss, accuracy = figure.subplots(1, 2)
    for place, (label, run) in enumerate(runs.items()):
        name = _shown(label) + ("" if run.epochs else " (no epoch)")
        _curves(loss, run, place, name, "loss")
        _curves(accuracy, run, place, name, "acc")
    _finish(loss, "loss")
    _finish(accuracy, "accuracy")
    handles, names = loss.get_legend_handles_labels()
    legend = figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(runs)), frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle("thick: test · thin, dashed: train", fontsize=10)
    return png_of(figure)


def _shown(label: str) -> str:
    """Its end, which has the number; matplotlib would leave out a name that begins with an underscore."""
    text = inert(label)
    text = text if len(text) <= WIDEST else f"…{text[1 - WIDEST :]}"
    return f" {text}" if text.startswith("_") else text


def _curves(axes: Axes, run: Logged, place: int, name: str, what: str) -> None:
    numbers = [epoch.epoch for epoch in run.epochs]
    colour = f"C{place % COLOURS}"
    alone = "o" if len(numbers) == 1 else ""
    marker = alone or ("" if place < COLOURS else "s")
    train, test = ([getattr(getattr(epoch, part), what) for epoch in run.epochs] for part in ("train", "test"))
    axes.plot(numbers, train, color=colour, linewidth=1, linestyle="--", alpha=0.7, marker=alone, fillstyle="none")
    axes.plot(numbers, test, color=colour, linewidth=2, label=name, marker=marker, markersize=4)


def _finish(axes: Axes, what: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel="epoch", ylabel=what)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.3)
