"""The learning-rate range test: some hundred steps at learning rates that rise, the curve of their losses, and what follows.

L. Smith, "Cyclical learning rates for training neural networks", 2015, section 3.3: let the learning rate rise while the
network trains, and look where the loss falls. Nothing is kept of the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import count
from math import exp, isfinite, log, log10, sqrt
from statistics import median
from typing import Literal, NamedTuple

import torch

from cnncli.data.progress import Progress
from cnncli.training.auto_precision import begin_run
from cnncli.training.device import seed_of
from cnncli.training.images import Batch
from cnncli.training.monitor import FiniteCheck
from cnncli.training.schedule import Schedule
from cnncli.training.setup import Setup
from cnncli.training.state import Metrics, State
from cnncli.training.step import train_step

REACH = 0.06  # of the steps: how far to either side a point of the curve looks
FEWEST = 20  # losses that a curve is made of
FALL = 0.05  # fraction of the loss that must go for something to have been learned
CLEAR = 3.0  # times the scatter of batches that the loss must fall
DEVIATION = 1.4826  # times the median distance, of numbers from a normal distribution
ABOVE = 4.0  # times its lowest that a loss has risen to where it diverges, as in fastai and PyTorch Lightning
KEPT = 0.9  # fraction of the running mean kept at a step, by which divergence is noticed


class Point(NamedTuple):
    """One step.

    Attributes:
        lr: that it was taken at.
        loss: of its batch, before the step.
        smooth: the curve's loss.
        slope: the curve's, per tenfold learning rate.
    """

    lr: float
    loss: float
    smooth: float
    slope: float


class Suggestion(NamedTuple):
    """What the curve says.

    Attributes:
        lr: the learning rate to take, None where the curve says nothing.
        why: how it was found, or why there is none.
        steepest: where the loss falls most steeply, below that of guessing.
        lowest: where the loss is lowest.
        valley: as fastai suggests.
    """

    lr: float | None
    why: str
    steepest: float | None = None
    lowest: float | None = None
    valley: float | None = None


End = Literal["reached", "diverged", "not finite"]


def rising_lrs(low: float, high: float, steps: int) -> list[float]:
    """Return `steps` learning rates from `low` to `high`, in a geometric sequence."""
    first, whole = log(low), log(high) - log(low)
    inner = [exp(first + whole * step / (steps - 1)) for step in range(1, steps - 1)]
    return [low, *inner, high]


class DivergenceCheck:
    """Notices when losses diverge: their running mean is above the first loss and above `ABOVE` times its own lowest."""

    def __init__(self) -> None:
        self._sum = self._weight = 0.0
        self._first = self._lowest = float("inf")

    def diverged(self, loss: float) -> bool:
        """Return whether the losses diverge with the next of them."""
        self._sum = KEPT * self._sum + (1 - KEPT) * loss
        self._weight = KEPT * self._weight + 1 - KEPT
        mean = self._sum / self._weight
        if not isfinite(self._first):
            self._first = loss
        self._lowest = min(self._lowest, mean)
        return mean > max(self._first, ABOVE * self._lowest)


def curve(lrs: Sequence[float], losses: Sequence[float]) -> list[Point]:
    """The losses with what lies behind their noise: at each rate the line that fits the losses around it best.

    Nearer losses weigh more (a triangle, over `REACH` of the steps on either side), so that the curve does not lag behind, as a
    running mean does. W. Cleveland, "Robust locally weighted regression", 1979, with lines and without the robust part.
    """
    width = _width(len(losses)) + 1
    places = [log10(lr) for lr in lrs]
    return [
        Point(lr, loss, *_line(places, losses, middle, width))
        for middle, (lr, loss) in enumerate(zip(lrs, losses, strict=True))
    ]


def _width(steps: int) -> int:
    """Return how many steps to either side a point of the curve looks."""
    return max(3, round(REACH * steps))


def _line(places: Sequence[float], losses: Sequence[float], middle: int, width: int) -> tuple[float, float]:
    """Return value and slope at `middle` of the weighted least-squares line."""
    near = range(max(0, middle - width + 1), min(len(losses), middle + width))
    weights = [1 - abs(step - middle) / width for step in near]
    total = sum(weights)
    x = sum(weight * places[step] for weight, step in zip(weights, near, strict=True)) / total
    y = sum(weight * losses[step] for weight, step in zip(weights, near, strict=True)) / total
    square = sum(weight * (places[step] - x) ** 2 for weight, step in zip(weights, near, strict=True))
    both = sum(weight * (places[step] - x) * (losses[step] - y) for weight, step in zip(weights, near, strict=True))
    slope = both / square if square else 0.0
    return y + slope * (places[middle] - x), slope


def valley(points: Sequence[Point]) -> float:
    """Return the learning rate amid the longest subsequence of the curve that only falls, as fastai does."""
    lengths: list[int] = []
    before: list[int | None] = []
    for index, point in enumerate(points):
        higher = [other for other in range(index) if points[other].smooth > point.smooth]
        last = max(higher, key=lambda other: lengths[other], default=None)
        before.append(last)
        lengths.append(1 if last is None else lengths[last] + 1)
    chain: list[int] = []
    at: int | None = max(range(len(points)), key=lambda index: lengths[index])
    while at is not None:
        chain.append(at)
        at = before[at]
    return points[chain[len(chain) // 2]].lr


def suggestion(points: Sequence[Point], chance: float) -> Suggestion:
    """Suggest the geometric mean of where the loss falls most steeply and where it is lowest, or say why there is none.

    Most steeply: below the loss of guessing. Initial weights often begin above it, and what falls then is their size, at rates
    that are far too small to learn with. The steepest is safe and slow, at the lowest point the loss is about to rise: halfway lay
    among the best for the recipes that come with cnncli.

    Args:
        points: the curve.
        chance: the loss of guessing by the classes' frequencies, below which a network has learned something about its images.
    """
    if len(points) < FEWEST:
        few = f"{len(points)} steps before the loss was lost are too few to tell a slope from noise, {FEWEST} are the least"
        return Suggestion(None, f"{few}; begin lower (--from) or take more steps (--steps)")
    bottom = min(range(len(points)), key=lambda index: points[index].smooth)
    down = points[: bottom + 1]
    flat = _flat(down, chance)
    if flat:
        return Suggestion(None, flat)
    start = min(chance, down[0].smooth)
    steepest = min((point for point in down if point.smooth <= start), key=lambda point: point.slope).lr
    lowest = points[bottom].lr
    why = f"halfway from {steepest:.2g}, where the loss falls most steeply, to {lowest:.2g}, where it is lowest"
    return Suggestion(sqrt(steepest * lowest), why, steepest, lowest, valley(points))


def range_note(points: Sequence[Point], found: Suggestion, end: End) -> str:
    """Say where the range cuts the curve short, and what to write; "" where it does not."""
    if found.steepest is None or found.lowest is None:
        return ""
    width = _width(len(points))
    if found.steepest < points[width].lr:
        return f"the loss already falls at {points[0].lr:.2g}; begin lower (--from)"
    if end == "reached" and found.lowest > points[-width].lr:
        return f"the loss still falls at {points[-1].lr:.2g}; go higher (--to)"
    return ""


def _flat(down: Sequence[Point], chance: float) -> str:
    """Say why a curve down to its lowest point is no descent; "" where it is one."""
    began, lowest = down[0].smooth, down[-1].smooth
    scatter = DEVIATION * median(abs(point.loss - point.smooth) for point in down)  # a single wild batch does not count
    start, what = (chance, "of guessing by the classes' shares") if chance <= began else (began, "at the start")
    if lowest > (1 - FALL) * start:
        return f"the curve is flat: its lowest loss is {lowest:.3f}, and {start:.3f} is the loss {what}"
    if start - lowest < CLEAR * scatter:
        return f"the curve is flat: it falls from {start:.3f} to {lowest:.3f}, while batches differ by {scatter:.3f}"
    return ""


def chance_loss(frequencies: Sequence[float], smoothing: float) -> float:
    """Return the mean cross-entropy of predicting the classes' frequencies, with targets smoothed by `smoothing`."""
    softened = [(1 - smoothing) * p + smoothing / len(frequencies) for p in frequencies]
    return -sum(p * log(p) for p in softened if p)


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """The outcome of a range test.

    Attributes:
        setup: what was trained.
        params: the network's.
        points: one for each step, up to the end.
        end: why it ended.
        chance: the loss of guessing by the classes' frequencies.
        suggestion: what the curve says.
        steps: that were asked for.
        notes: what a user should know about how the run began, and about the range.
    """

    setup: Setup
    params: int
    points: tuple[Point, ...]
    end: End
    chance: float
    suggestion: Suggestion
    steps: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RisingSetup(Setup):
    """A setup whose schedule is `lrs`, step by step."""

    lrs: tuple[float, ...]

    @cached_property
    def lr(self) -> Schedule:
        """The learning rate of each step, counted from 0."""
        return self.lrs.__getitem__


def range_test(setup: Setup, low: float, high: float, steps: int, progress: Progress | None = None) -> RangeTest:
    """Train `setup` for `steps` steps from its own start, at learning rates from `low` to `high`, or until its loss diverges.

    Everything else is the recipe's: initial weights, order of images, augmentation, optimizer, loss. Raises what training would.
    """
    rising = RisingSetup(
        **{field.name: getattr(setup, field.name) for field in fields(Setup)}, lrs=tuple(rising_lrs(low, high, steps))
    )
    state = begin_run(rising)
    losses, end = _losses(rising, state, progress or Progress())
    frequencies = [count / len(setup.train) for count in setup.labels]
    points, chance = (
        tuple(curve(rising.lrs[: len(losses)], losses)),
        chance_loss(frequencies, setup.recipe.train.label_smoothing),
    )
    found = suggestion(points, chance)
    note = range_note(points, found, end)
    return RangeTest(
        setup=setup,
        params=sum(weight.numel() for weight in state.module.parameters()),
        points=points,
        end=end,
        chance=chance,
        suggestion=found,
        steps=steps,
        notes=(*state.notes, *([note] if note else [])),
    )


def _losses(setup: RisingSetup, state: State, progress: Progress) -> tuple[list[float], End]:
    """Return the loss of each step's batch before the step, and why they end."""
    divergence, check = DivergenceCheck(), FiniteCheck(setup.device)
    losses: list[float] = []
    state.set_train_mode()
    progress.begin("raising the rate", len(setup.lrs))
    for step, batch in zip(range(len(setup.lrs)), _endless(setup), strict=False):
        check.before_step()
        train_step(setup, state, batch, step, check)
        loss, state.metrics = state.metrics.score().loss, Metrics.empty(setup.device)
        state.batch += 1
        progress.done = state.batch
        if not isfinite(loss) or check.sound_steps() is not None:
            return losses, "not finite"
        losses.append(loss)
        if divergence.diverged(loss):
            return losses, "diverged"
    return losses, "reached"


def _endless(setup: Setup) -> Iterator[Batch]:
    """Yield the batches of one epoch after another, as in training."""
    for epoch in count(1):
        torch.manual_seed(seed_of("dropout", setup.recipe.seed, epoch))
        yield from setup.train.batches(setup.steps(epoch))
