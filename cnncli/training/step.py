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
from cnncli.training.monitor import FiniteCheck
from cnncli.training.precision import Autocast
from cnncli.training.setup import Setup
from cnncli.training.state import State

Forward = Callable[[torch.Tensor], torch.Tensor]


class Part(NamedTuple):
    """The forward pass of one part of a batch: the mean loss over it, and the fraction of the batch's images that it has."""

    scores: torch.Tensor
    labels: torch.Tensor
    loss: torch.Tensor
    fraction: float


def train_step(setup: Setup, state: State, batch: Batch, step: int, check: FiniteCheck) -> None:
    """Train on one batch; step: of the run, counted from 0."""
    with state.monitor.forward(batch[0][: setup.recipe.data.batch_size]):
        skip = _gradients(setup, state, batch, check)
    state.monitor.after_backward()
    if setup.recipe.train.clip_norm is not None:
        clip_grad_norm_(state.weights, setup.recipe.train.clip_norm, foreach=True)
    state.optimizer.step(setup.lr(step), skip)
    state.monitor.after_update()
    state.optimizer.clear()
    if state.average is not None:
        state.average.update(step)


def _gradients(setup: Setup, state: State, batch: Batch, check: FiniteCheck) -> torch.Tensor:
    """Compute the gradients; return 1, on the device, where the step must not be taken, else 0."""
    scaling, losses = state.scaling, []
    for part in parts(setup, state, state.forward, batch, state.batch):
        part_loss = weighted(part)
        torch.autograd.backward(part_loss if scaling is None else scaling.scale_loss(part_loss))
        state.metrics.add(part.loss.detach(), part.scores.detach(), part.labels)
        losses.append(part_loss.detach())
    gradients = [weight.grad for weight in state.weights if weight.grad is not None]
    return (
        check.check(gradients) if scaling is None else check.check_scaled(gradients, scaling, torch.stack(losses).sum())
    )


def loss(setup: Setup, state: State, batch: Batch, position: int) -> torch.Tensor:
    """Return the loss of the step at `position` in the epoch, never compiled, so that hooks see every layer."""
    return torch.stack([weighted(part) for part in parts(setup, state, state.module, batch, position)]).sum()


def parts(setup: Setup, state: State, forward: Forward, batch: Batch, position: int) -> Iterator[Part]:
    """Run forward on `data.batch_size` images at once, `train.accumulate` times; the last part may be smaller."""
    images, labels = batch
    dtype = state.precision.dtype
    autocast = Autocast(dtype, setup.device, exact=dtype != torch.float32 and setup.needs_float32)
    options = setup.recipe.train
    by_label = partial(cross_entropy, label_smoothing=options.label_smoothing)
    split = partial(torch.split, split_size_or_sections=setup.recipe.data.batch_size)
    for index, (x, y) in enumerate(zip(split(images), split(labels), strict=True)):
        mix = None
        if options.mixup or options.cutmix:  # a function of the seed, the epoch, the step and the part
            rng = generator("mix", setup.recipe.seed, len(state.epochs) + 1, position, index)
            mix = mixup.draw(options.mixup, options.cutmix, len(y), rng)
        with autocast():
            if mix is None:
                scores = forward(x)
                mean = by_label(scores, y)
            else:
                scores = forward(mixup.mixed(mix, x))
                mean = mixup.mixed_loss(mix, by_label, scores, y, (x.shape[2], x.shape[3]))
        yield Part(scores, y, mean, len(y) / len(labels))


def weighted(part: Part) -> torch.Tensor:
    """Return what the part adds to the loss of its batch."""
    return part.loss if part.fraction == 1 else part.loss * part.fraction
