"""A dry run: what training will take in memory, steps and time, from a few real steps. Nothing is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter

import torch

from cnncli.analysis.report import Totals, report
from cnncli.training.auto_precision import begin_run
from cnncli.training.device import wait
from cnncli.training.images import Batch, Images
from cnncli.training.loop import evaluate
from cnncli.training.monitor import FiniteCheck
from cnncli.training.setup import Setup
from cnncli.training.state import State
from cnncli.training.step import train_step

WARM, FEWEST, MOST = 2, 3, 50  # steps: not timed, as the first ones allocate; timed, at least and at most
ENOUGH = 2.0  # seconds of timed steps, and of timed evaluation


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What training by a recipe will take.

    Attributes:
        setup: what would be trained.
        totals: the network's, for a batch.
        optimizer_bytes: what the optimizer keeps.
        average_bytes: the averaged weights.
        image_bytes: the images in memory.
        measured: steps that were timed.
        step_seconds: of one step.
        image_seconds: of evaluating one image.
        notes: what a user should know about how the run begins.
    """

    setup: Setup
    totals: Totals
    optimizer_bytes: int
    average_bytes: int
    image_bytes: int
    measured: int
    step_seconds: float
    image_seconds: float
    notes: tuple[str, ...]

    @property
    def memory(self) -> int:
        """Bytes in all, without what torch itself needs."""
        return self.totals.training_bytes + self.optimizer_bytes + self.average_bytes + self.image_bytes

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.setup.steps_per_epoch * self.setup.recipe.train.epochs

    @property
    def training_seconds(self) -> float:
        """Seconds of all steps."""
        return self.steps * self.step_seconds

    @property
    def evaluation_seconds(self) -> float:
        """Seconds of the evaluations after all epochs."""
        images = sum(self.setup.counts.values()) - len(self.setup.train)
        return self.setup.recipe.train.epochs * images * self.image_seconds


def dry_run(setup: Setup) -> DryRun:
    """Take the first steps of `setup` on its own batches, and evaluate a few; raises what training would."""
    state = begin_run(setup)
    step_seconds, measured = _timed_steps(setup, state)
    parts = [part for part in (setup.train, setup.val, setup.test) if isinstance(part, Images)]
    return DryRun(
        setup=setup,
        totals=report(setup.network, batch_size=min(setup.recipe.data.batch_size, len(setup.train))).totals,
        optimizer_bytes=_bytes(tensor for slots in state.optimizer.memory.values() for tensor in slots),
        average_bytes=_bytes(state.average.module.state_dict().values()) if state.average else 0,
        image_bytes=_bytes(part.pixels for part in parts),
        measured=measured,
        step_seconds=step_seconds,
        image_seconds=_timed_evaluation(setup, state),
        notes=state.notes,
    )


def _timed_steps(setup: Setup, state: State) -> tuple[float, int]:
    """Return the seconds of a step, and how many were timed; in a short epoch some are taken once more."""
    check = FiniteCheck(setup.device)
    state.set_train_mode()
    batches = _endless(setup)
    for batch in islice(batches, WARM):
        train_step(setup, state, batch, 0, check)
    wait(setup.device)
    began = perf_counter()
    for count, batch in enumerate(islice(batches, MOST), 1):
        train_step(setup, state, batch, 0, check)
        wait(setup.device)
        if count >= FEWEST and perf_counter() - began > ENOUGH:
            break
    return (perf_counter() - began) / count, count


def _endless(setup: Setup) -> Iterator[Batch]:
    """Yield the first batches of the first epoch, again and again; only full ones, where there are any."""
    steps = setup.steps(1)[: WARM + MOST]
    while True:
        yield from setup.train.batches(steps[:-1] or steps)


def _timed_evaluation(setup: Setup, state: State) -> float:
    """Return the seconds of evaluating one image."""
    began, images = perf_counter(), 0

    def enough() -> bool:
        nonlocal images
        images += setup.evaluation_batch
        wait(setup.device)
        return perf_counter() - began > ENOUGH

    evaluate(state.eval_model, setup.test, setup.evaluation_batch, enough)
    return (perf_counter() - began) / min(images, len(setup.test))


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
