"""The training loop.

One pass over the training images is one epoch; after it, the test images and, where there are any, the validation images
are classified. Everything that a pass draws at random (order, augmentation, dropout) is drawn from seed and epoch, so that
a run is a function of its recipe, and one that was stopped goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from time import perf_counter
from typing import NoReturn

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from cnncli.errors import NonFiniteError
from cnncli.train.device import wait
from cnncli.train.epoch import Epoch, reason_to_stop
from cnncli.train.evaluate import evaluate
from cnncli.train.health import EVERY, Health, finite
from cnncli.train.images import Batch
from cnncli.train.job import Job
from cnncli.train.seeds import seed_of
from cnncli.train.state import State

Halted = Callable[[], bool]


def train(job: Job, state: State, halted: Halted = lambda: False) -> Iterator[Epoch]:
    """Train from where `state` stands to the end of the recipe; yields each epoch when it is complete.

    `halted` is asked after each step. Where it says yes, the iteration ends in the middle of an epoch, and `state` is what a
    checkpoint needs to go on from that step. Raises `NonFiniteError` before a step that would have spoilt the weights.
    """
    begun = perf_counter() - state.total_seconds
    while len(state.epochs) < job.recipe.train.epochs and not reason_to_stop(state.epochs, job.recipe.stop):
        epoch = _judge(job, state, halted) if _pass(job, state, halted) else None
        state.total_seconds = perf_counter() - begun
        if epoch is None:
            return
        state.epochs.append(epoch._replace(total_seconds=state.total_seconds))
        state.next_epoch(job.device)
        yield state.epochs[-1]


def _pass(job: Job, state: State, halted: Halted) -> bool:
    """Train on what is left of the next epoch; whether that was all of it."""
    number, begun = len(state.epochs) + 1, perf_counter()
    if state.batch == 0:
        torch.manual_seed(seed_of("dropout", job.recipe.seed, number))
    steps = job.steps(number)[state.batch :]
    first = (number - 1) * job.steps_an_epoch + state.batch
    health, rate = Health(job.device), job.rate
    state.module.train()
    for step, batch in enumerate(job.train.batches(steps), first):
        _step(job, state, batch, rate(step), health)
        state.batch += 1
        if state.batch % EVERY == 0:
            _check(job, state, health, first)
        if halted():
            break
    _check(job, state, health, first)
    wait(job.device)
    state.seconds += perf_counter() - begun
    return state.batch == job.steps_an_epoch


def _step(job: Job, state: State, batch: Batch, lr: float, health: Health) -> None:
    """Forward, backward, and one step of the optimizer. Nothing here waits for the device."""
    options, (images, labels) = job.recipe.train, batch
    with job.casting():
        scores = state.module(images)
        loss = cross_entropy(scores, labels, label_smoothing=options.label_smoothing)
    torch.autograd.backward(loss)
    health.look([weight.grad for weight in state.weights if weight.grad is not None])
    if options.clip_norm is not None:
        clip_grad_norm_(state.weights, options.clip_norm, foreach=True)
    state.optimizer.step(lr, health.broken)
    state.optimizer.clear()
    state.tally.add(loss.detach(), scores.detach(), labels)


def _check(job: Job, state: State, health: Health, first: int) -> None:
    """Raise `NonFiniteError` if a step since the pass began, at step `first` of the run, was not sound."""
    sound = health.broke_after()
    if sound is not None:
        _stop(job, len(state.epochs) + 1, first + sound, "the gradient is no longer finite")


def _judge(job: Job, state: State, halted: Halted) -> Epoch | None:
    """What the epoch came to; None where `halted` ended its evaluation. Raises `NonFiniteError`."""
    number = len(state.epochs) + 1
    steps = number * job.steps_an_epoch
    train = state.tally.score()
    if not (isfinite(train.loss) and finite(state.module.state_dict().values())):  # a finite gradient times a huge rate
        _stop(job, number, steps - 1, "loss or weights are no longer finite")
    test = evaluate(state.module, job.test, job.evaluation_batch, halted)
    val = evaluate(state.module, job.val, job.evaluation_batch, halted) if job.val else None
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


def _stop(job: Job, epoch: int, step: int, why: str) -> NoReturn:
    """step: counted from 0, as the schedule does; people count from 1."""
    lr = job.rate(step)
    raise NonFiniteError(
        f"epoch {epoch}, step {step + 1}: {why}; lower optimizer.lr (it was {lr:.3g}) or set train.clip_norm"
    )
