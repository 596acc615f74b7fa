"""The training loop.

One pass over the training images is one epoch; after it, the test images and, where there are any, the validation images
are classified. Everything that a pass draws at random (order, augmentation, dropout) is drawn from seed and epoch, so that
a run is a function of its recipe, and one that was stopped goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from time import perf_counter
from typing import NoReturn, Protocol

import torch

from cnncli.diagnostics.epoch import Epoch, reason_to_stop
from cnncli.errors import NonFiniteError
from cnncli.training.auto_precision import rematch
from cnncli.training.device import seed_of, set_random_state, wait
from cnncli.training.diagnosis import diagnosed, kinds
from cnncli.training.evaluate import evaluate
from cnncli.training.images import Batch, Step
from cnncli.training.monitor import EVERY, Health, first_break, spoilt
from cnncli.training.sample_log import log_samples, sample_log
from cnncli.training.setup import Job
from cnncli.training.state import State
from cnncli.training.step import loss, take

Halted = Callable[[], bool]


class Saving(Protocol):
    """Keeps the state within an epoch."""

    def due(self) -> bool:
        """Whether it is time; asked after every step."""

    def save(self) -> None:
        """Write a checkpoint of the state, which is sound and complete now."""


def train(job: Job, state: State, halted: Halted = lambda: False, saving: Saving | None = None) -> Iterator[Epoch]:
    """Train from where `state` stands to the end of the recipe; yields each epoch when it is complete.

    `halted` is asked after each step. Where it says yes, the iteration ends in the middle of an epoch, and `state` is what a
    checkpoint needs to go on from that step. Raises `NonFiniteError` before a step that would have spoilt the weights.
    """
    clock = Clock(state)
    while len(state.epochs) < job.recipe.train.epochs and not reason_to_stop(state.epochs, job.recipe.stop):
        epoch = _judge(job, state, halted) if _pass(job, state, clock, halted, saving) else None
        clock.read()
        if epoch is None:
            return
        found = diagnosed(job, state, epoch)
        state.findings += found
        state.epochs.append(epoch._replace(total_seconds=state.total_seconds, health=kinds(found)))
        state.next_epoch(job.device)
        yield state.epochs[-1]


class Clock:
    """Keeps the seconds of a state."""

    def __init__(self, state: State) -> None:
        self._state, self._read = state, perf_counter()

    def read(self, *, training: bool = False) -> None:
        """Add what has passed since it was read before; training: whether that was the training of the epoch."""
        passed, self._read = perf_counter() - self._read, perf_counter()
        self._state.total_seconds += passed
        if training:
            self._state.seconds += passed


def _pass(job: Job, state: State, clock: Clock, halted: Halted, saving: Saving | None) -> bool:
    """Train on what is left of the next epoch; whether that was all of it."""
    clock.read()
    number = len(state.epochs) + 1
    if state.batch == 0:
        torch.manual_seed(seed_of("dropout", job.recipe.seed, number))
    steps = job.steps(number)[state.batch :]
    first = (number - 1) * job.steps_an_epoch + state.batch
    health, samples = Health(job.device), sample_log()
    state.practise()
    for step, batch in enumerate(job.train.batches(steps), first):
        health.begin()
        state.watch.begin(step, number, job.steps_an_epoch)
        began = perf_counter()
        take(job, state, batch, step, health)
        slower = state.precision.far_slower(perf_counter() - began, len(batch[1]))
        if samples is not None:
            log_samples(samples, number, state.batch + 1, steps[step - first][0], batch[0])
        state.batch += 1
        if state.batch % EVERY == 0:
            _check(job, state, health, steps)
        changed = slower and state.batch < job.steps_an_epoch and _left_bfloat16(job, state, clock, batch)
        if saving is not None and (changed or saving.due()):
            _check(job, state, health, steps)
            _save(job, state, clock, saving)
        if halted():
            break
    _check(job, state, health, steps)
    _check_weights(job, state)
    wait(job.device)
    clock.read(training=True)
    return state.batch == job.steps_an_epoch


def _left_bfloat16(job: Job, state: State, clock: Clock, batch: Batch) -> bool:
    """Race once more, which is no training, and go on in float32 where that wins."""
    clock.read(training=True)
    changed = rematch(job, state, batch)
    clock.read()
    return changed


def _save(job: Job, state: State, clock: Clock, saving: Saving) -> None:
    """A checkpoint in the middle of an epoch; its time is not the training's."""
    _check_weights(job, state)
    wait(job.device)
    clock.read(training=True)
    saving.save()
    clock.read()


def _judge(job: Job, state: State, halted: Halted) -> Epoch | None:
    """What the epoch came to; None where `halted` ended its evaluation. Raises `NonFiniteError`."""
    number = len(state.epochs) + 1
    steps = number * job.steps_an_epoch
    train = state.tally.score()
    if not isfinite(train.loss):  # a gradient may be finite all the same
        _stop(job, number, steps - 1, "the loss")
    test = evaluate(state.judged, job.test, job.evaluation_batch, halted)
    val = evaluate(state.judged, job.val, job.evaluation_batch, halted) if job.val else None
    if test is None or (job.val and val is None):
        return None
    state.confusion = test[1]
    return Epoch(
        epoch=number,
        step=steps,
        seconds=state.seconds,
        total_seconds=0.0,  # known when this is through
        lr=job.rate(steps - 1),
        train=train,
        test=test[0],
        val=val[0] if val else None,
    )


def _check(job: Job, state: State, health: Health, steps: Sequence[Step]) -> None:
    """Raise `NonFiniteError` if one of the steps since the pass began, the first of `steps`, was not sound."""
    sound = health.broke_after()
    if sound is None:
        return
    set_random_state(health.random_before(sound), job.device)  # the same dropout
    batch = job.train.chosen(*steps[sound])
    position = job.steps_an_epoch - len(steps) + sound
    what = first_break(state.module, lambda: loss(job, state, batch, position))
    _stop(job, len(state.epochs) + 1, _steps_before(job, state, steps) + sound, what or "the gradient")


def _check_weights(job: Job, state: State) -> None:
    """Raise `NonFiniteError` if a finite gradient times a huge rate has spoilt a weight."""
    name = spoilt(state.module.state_dict())
    if name is not None:
        number = len(state.epochs) + 1
        _stop(job, number, (number - 1) * job.steps_an_epoch + state.batch - 1, name)


def _steps_before(job: Job, state: State, steps: Sequence[Step]) -> int:
    """How many steps of the run were taken before the first of `steps`, which are the rest of an epoch."""
    return (len(state.epochs) + 1) * job.steps_an_epoch - len(steps)


def _stop(job: Job, epoch: int, step: int, what: str) -> NoReturn:
    """step: counted from 0, as the schedule does; people count from 1."""
    lr = job.rate(step)
    raise NonFiniteError(
        f"epoch {epoch}, step {step + 1}: {what} is no longer finite; "
        f"lower optimizer.lr (it was {lr:.3g}) or set train.clip_norm"
    )
