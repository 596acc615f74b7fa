"""The steps of learning a kernel one after another: kernel, prediction and loss."""

from __future__ import annotations

from math import log10

from cnncli.lessons.edge_detect import Learned
from cnncli.render.edge_detect import SMALL, loss_text
from cnncli.render.frames import Frame, Grid, frozen
from cnncli.render.stepping import is_screen, show_frames

MOST = 60  # frames
EVERY = 0.1  # seconds
BAR = 40  # characters


def watch(found: Learned, every: float | None, *, by_keys: bool) -> None:
    """Show the steps: on a terminal by themselves, or by keys; elsewhere only where that was asked for."""
    if by_keys or every is not None or is_screen():
        show_frames(frames(found), every if by_keys else every or EVERY)


def frames(found: Learned) -> list[Frame]:
    """One for each step; of many, the more the earlier."""
    import numpy as np

    losses = [loss for loss in found.run.losses if loss is not None]
    last = len(losses)
    places = np.unique(np.geomspace(1, max(last, 1), MOST).round().astype(int)) if last > MOST else range(1, last + 1)
    return [_frame(found, int(place), max(losses), min(losses)) for place in places]


def _frame(found: Learned, step: int, most: float, least: float) -> Frame:
    task, weights, loss = found.task, found.run.weights[step - 1], found.run.losses[step - 1] or 0.0
    kernel, bias = task.split(weights)
    blocks: list[Grid | str] = ["kernel", _grid(kernel.tolist())]
    if bias is not None:
        blocks.append(f"bias {bias:.2f}")
    if max(task.image.shape) <= SMALL:
        blocks += ["predicts", _grid(task.predict(weights).tolist())]
    elif task.kernel is not None:
        blocks += [f"{task.name} is", _grid(task.kernel.tolist())]
    title = f"step {step:,} of {found.steps:,}, lr {found.run.lr:.4g}"
    return Frame(title, tuple(blocks), (f"loss {loss_text(loss)}", _bar(loss, most, least)))


def _grid(values: list[list[float]]) -> Grid:
    """Two digits, always, so that nothing jumps."""
    return Grid(frozen([[f"{value:.2f}" if abs(value) < 1e6 else f"{value:.1e}" for value in row] for row in values]))


def _bar(loss: float, most: float, least: float) -> str:
    """How far the loss has come, from the largest to the least, in powers of ten."""
    low, high = log10(max(least, 1e-300)), log10(max(most, 1e-300))
    part = (log10(max(loss, 1e-300)) - low) / (high - low) if high > low else 1.0
    full = round(part * BAR)
    return "█" * full + "░" * (BAR - full)
