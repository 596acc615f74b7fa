"""One step: forward and backward over the parts of its batch, then the optimizer. Nothing here waits for the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from cnncli.training import mixup
from cnncli.training.device import generator
from cnncli.training.images import Batch
from cnncli.training.monitor import Health
from cnncli.training.precision import Autocast
from cnncli.training.setup import Job
from cnncli.training.state import State

Forward = Callable[[torch.Tensor], torch.Tensor]


class Part(NamedTuple):
    """What came of one part of a batch. loss: the mean over it · share: of the batch's images"""

    scores: torch.Tensor
    labels: torch.Tensor
    loss: torch.Tensor
    share: float


def take(job: Job, state: State, batch: Batch, step: int, health: Health) -> None:
    """Train on one batch. step: of the run, counted from 0"""
    with state.watch.forward(batch[0][: job.recipe.data.batch_size]):
        skip = _gradients(job, state, batch, health)
    state.watch.backward()
    if job.recipe.train.clip_norm is not None:
        clip_grad_norm_(state.weights, job.recipe.train.clip_norm, foreach=True)
    state.optimizer.step(job.rate(step), skip)
    state.watch.moved()
    state.optimizer.clear()
    if state.average is not None:
        state.average.update(step)


def _gradients(job: Job, state: State, batch: Batch, health: Health) -> torch.Tensor:
    """Leave each weight its gradient; what comes back is 1, on the device, where the step must not be taken, else 0."""
    scaling, losses = state.scaling, []
    for part in parts(job, state, state.forward, batch, state.batch):
        share = weighted(part)
        torch.autograd.backward(share if scaling is None else scaling.scale_loss(share))
        state.tally.add(part.loss.detach(), part.scores.detach(), part.labels)
        losses.append(share.detach())
    gradients = [weight.grad for weight in state.weights if weight.grad is not None]
    return (
        health.look(gradients) if scaling is None else health.look_scaled(gradients, scaling, torch.stack(losses).sum())
    )


def loss(job: Job, state: State, batch: Batch, position: int) -> torch.Tensor:
    """The loss of the step at `position` in the epoch, as `take` has it; never compiled, so that hooks see every layer."""
    return torch.stack([weighted(part) for part in parts(job, state, state.module, batch, position)]).sum()


def parts(job: Job, state: State, forward: Forward, batch: Batch, position: int) -> Iterator[Part]:
    """Forward through `data.batch_size` images at once, `train.accumulate` times; the last part may be smaller."""
    images, labels = batch
    dtype = state.precision.dtype
    autocast = Autocast(dtype, job.device, exact=dtype != torch.float32 and job.needs_float32)
    split = partial(torch.split, split_size_or_sections=job.recipe.data.batch_size)
    for place, (some, theirs) in enumerate(zip(split(images), split(labels), strict=True)):
        mix = _mix(job, (len(state.epochs) + 1, position, place), len(theirs))
        with autocast():
            scores = forward(some if mix is None else mixup.mixed(mix, some))
            mean = _loss(job, mix, scores, theirs, (images.shape[2], images.shape[3]))
        yield Part(scores, theirs, mean, len(theirs) / len(labels))


def weighted(part: Part) -> torch.Tensor:
    """The part's share in the loss of its batch."""
    return part.loss if part.share == 1 else part.loss * part.share


def _mix(job: Job, place: tuple[int, int, int], count: int) -> mixup.Mix | None:
    """A function of the seed and the place: epoch, step and part."""
    options = job.recipe.train
    if not options.mixup and not options.cutmix:
        return None
    return mixup.draw(options.mixup, options.cutmix, count, generator("mix", job.recipe.seed, *place))


def _loss(
    job: Job, mix: mixup.Mix | None, scores: torch.Tensor, labels: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    by_label = partial(cross_entropy, label_smoothing=job.recipe.train.label_smoothing)
    return by_label(scores, labels) if mix is None else mixup.mixed_loss(mix, by_label, scores, labels, size)
