"""The learning-rate range test: some hundred steps of a recipe, at rates that rise; nothing is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import count
from math import isfinite

import torch

from cnncli.data.progress import Progress
from cnncli.training.auto_precision import begin_run
from cnncli.training.device import seed_of
from cnncli.training.health import Health
from cnncli.training.images import Batch
from cnncli.training.job import Job
from cnncli.training.rate_range import End, Point, Suggestion, Watch, chance_loss, curve, edge, rates, suggestion
from cnncli.training.schedule import Rate
from cnncli.training.state import State, Tally
from cnncli.training.step import take


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """What was found.

    params: the network's · points: a step each, up to the end · end: why it ended · chance: the loss of guessing by the classes'
    shares · steps: that were wanted · notes: what a user should know about how the run began, and about the range
    """

    job: Job
    params: int
    points: tuple[Point, ...]
    end: End
    chance: float
    suggestion: Suggestion
    steps: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rising(Job):
    """A job whose schedule is `rates`, step by step."""

    rates: tuple[float, ...]

    @cached_property
    def rate(self) -> Rate:
        """The learning rate of each step, counted from 0."""
        return self.rates.__getitem__


def range_test(job: Job, low: float, high: float, steps: int, progress: Progress | None = None) -> RangeTest:
    """Train `job` for `steps` steps from its own beginning, at rates from `low` to `high`, or until its loss diverges.

    Everything else is the recipe's: first weights, order of images, augmentation, optimizer, loss. Raises what training would.
    """
    rising = Rising(
        **{field.name: getattr(job, field.name) for field in fields(Job)}, rates=tuple(rates(low, high, steps))
    )
    state = begin_run(rising)
    losses, end = _losses(rising, state, progress or Progress())
    points, chance = tuple(curve(rising.rates[: len(losses)], losses)), _chance(job)
    found = suggestion(points, chance)
    cut = edge(points, found, end)
    return RangeTest(
        job=job,
        params=sum(weight.numel() for weight in state.module.parameters()),
        points=points,
        end=end,
        chance=chance,
        suggestion=found,
        steps=steps,
        notes=(*state.notes, *([cut] if cut else [])),
    )


def _losses(job: Rising, state: State, progress: Progress) -> tuple[list[float], End]:
    """The loss of each step's batch before the step, and why they end."""
    watch, health = Watch(), Health(job.device)
    losses: list[float] = []
    state.practise()
    progress.begin("raising the rate", len(job.rates))
    for step, batch in zip(range(len(job.rates)), _endless(job), strict=False):
        health.begin()
        take(job, state, batch, step, health)
        loss, state.tally = state.tally.score().loss, Tally.empty(job.device)
        state.batch += 1
        progress.done = state.batch
        if not isfinite(loss) or health.broke_after() is not None:
            return losses, "not finite"
        losses.append(loss)
        if watch.diverged(loss):
            return losses, "diverged"
    return losses, "reached"


def _endless(job: Job) -> Iterator[Batch]:
    """The batches of one epoch after another, as training has them."""
    for epoch in count(1):
        torch.manual_seed(seed_of("dropout", job.recipe.seed, epoch))
        yield from job.train.batches(job.steps(epoch))


def _chance(job: Job) -> float:
    labels = job.train.labels
    shares = torch.bincount(labels, minlength=len(job.classes)).double() / len(labels)
    return chance_loss(shares.tolist(), job.recipe.train.label_smoothing)
