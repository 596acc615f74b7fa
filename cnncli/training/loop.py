"""The training loop.

One pass over the training images is one epoch; after it, the test images and, where there are any, the validation images
are classified. Everything that a pass draws at random (order, augmentation, dropout) is drawn from seed and epoch, so that
a run is a function of its recipe, and one that was stopped continues as if it had not been.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Protocol

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cnncli.diagnostics.case import Case, Facts
from cnncli.diagnostics.epoch import Epoch, Score, reason_to_stop
from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.rules import findings
from cnncli.errors import NonFiniteError
from cnncli.sources.networks import arguments_of
from cnncli.training.auto_precision import rematch
from cnncli.training.device import seed_of, set_random_state, wait
from cnncli.training.images import Images, Step, Streamed
from cnncli.training.monitor import EVERY, FiniteCheck, first_nonfinite, nonfinite
from cnncli.training.setup import Setup
from cnncli.training.state import State
from cnncli.training.step import loss, train_step

SAMPLE_LOG = "CNNCLI_SAMPLE_LOG"
"""The variable that names a file to which every step appends which images it trained on: epoch and step in the epoch, both from
1, the first 16 digits of the SHA-256 of the pixels as the network got them, and the images' indices in the training split."""


class Checkpoints(Protocol):
    """Keeps the state within an epoch."""

    def due(self) -> bool:
        """Return whether it is time; asked after every step."""

    def save(self) -> None:
        """Write a checkpoint of the state, which is sound and complete now."""


class Clock:
    """Keeps the seconds of a state."""

    def __init__(self, state: State) -> None:
        self._state, self._read = state, perf_counter()

    def read(self, *, training: bool = False) -> None:
        """Add the seconds since the last call; training: whether they went into the training of the epoch."""
        passed, self._read = perf_counter() - self._read, perf_counter()
        self._state.total_seconds += passed
        if training:
            self._state.seconds += passed


def train(
    setup: Setup, state: State, should_stop: Callable[[], bool] = lambda: False, checkpoints: Checkpoints | None = None
) -> Iterator[Epoch]:
    """Train from where `state` stands to the end of the recipe; yields each epoch when it is complete.

    Args:
        setup: the recipe with everything placed.
        state: changed in place; always what a checkpoint needs to continue from there.
        should_stop: asked after each step; where it says yes, the iteration ends in the middle of an epoch.
        checkpoints: written within epochs.

    Raises:
        NonFiniteError: before a step that would have spoilt the weights.
    """
    clock, recipe = Clock(state), setup.recipe
    while len(state.epochs) < recipe.train.epochs and not reason_to_stop(state.epochs, recipe.stop):
        trained = _train_epoch(setup, state, clock, should_stop, checkpoints)
        epoch = _evaluate_epoch(setup, state, should_stop) if trained else None
        clock.read()
        if epoch is None:
            return
        found = _diagnose(setup, state, epoch)
        state.findings += found
        kinds = tuple(finding.kind for finding in found)
        state.epochs.append(epoch._replace(total_seconds=state.total_seconds, health=kinds))
        state.next_epoch(setup.device)
        yield state.epochs[-1]


def _train_epoch(
    setup: Setup, state: State, clock: Clock, should_stop: Callable[[], bool], checkpoints: Checkpoints | None
) -> bool:
    """Train on what is left of the next epoch; return whether that was all of it."""
    clock.read()
    epoch = len(state.epochs) + 1
    if state.batch == 0:
        torch.manual_seed(seed_of("dropout", setup.recipe.seed, epoch))
    steps = setup.steps(epoch)[state.batch :]
    first = len(state.epochs) * setup.steps_per_epoch + state.batch
    check, sample_log = FiniteCheck(setup.device), os.environ.get(SAMPLE_LOG)
    state.set_train_mode()
    for step, batch in enumerate(setup.train.batches(steps), first):
        check.before_step()
        state.monitor.begin(step, epoch, setup.steps_per_epoch)
        began = perf_counter()
        train_step(setup, state, batch, step, check)
        slower = state.precision.far_slower(perf_counter() - began, len(batch[1]))
        if sample_log is not None:
            _log_samples(Path(sample_log), epoch, state.batch + 1, steps[step - first][0], batch[0])
        state.batch += 1
        if state.batch % EVERY == 0:
            _refuse_nonfinite(setup, state, check, steps)
        fell_back = False
        if slower and state.batch < setup.steps_per_epoch:
            clock.read(training=True)
            fell_back = rematch(setup, state, batch)
            clock.read()  # its time is not the training's, nor is a checkpoint's
        if checkpoints is not None and (fell_back or checkpoints.due()):
            _refuse_nonfinite(setup, state, check, steps, weights=True)
            wait(setup.device)
            clock.read(training=True)
            checkpoints.save()
            clock.read()
        if should_stop():
            break
    _refuse_nonfinite(setup, state, check, steps, weights=True)
    wait(setup.device)
    clock.read(training=True)
    return state.batch == setup.steps_per_epoch


def _evaluate_epoch(setup: Setup, state: State, should_stop: Callable[[], bool]) -> Epoch | None:
    """Return the figures of the epoch that was trained; None where `should_stop` ended its evaluation."""
    epoch = len(state.epochs) + 1
    steps = epoch * setup.steps_per_epoch
    train = state.metrics.score()
    if not isfinite(train.loss):  # a gradient may be finite all the same
        raise _nonfinite_error(setup, epoch, steps - 1, "the loss")
    test = evaluate(state.eval_model, setup.test, setup.evaluation_batch, should_stop)
    val = evaluate(state.eval_model, setup.val, setup.evaluation_batch, should_stop) if setup.val else None
    if test is None or (setup.val and val is None):
        return None
    state.confusion = test[1]
    return Epoch(
        epoch=epoch,
        step=steps,
        seconds=state.seconds,
        total_seconds=0.0,  # known when this is through
        lr=setup.lr(steps - 1),
        train=train,
        test=test[0],
        val=val[0] if val else None,
    )


def evaluate(
    module: nn.Module, images: Images | Streamed, batch_size: int, should_stop: Callable[[], bool] = lambda: False
) -> tuple[Score, torch.Tensor] | None:
    """Classify a split with `module` in evaluation mode: exact counts, whatever the batch size.

    Returns:
        The score, whose loss is the plain mean cross-entropy, and the confusion matrix: K×K counts, a row for each true class.
        None where `should_stop` says so before the end.
    """
    module.eval()
    losses, counts = [], []
    with torch.inference_mode():
        for pixels, labels in images.in_order(batch_size):
            scores = module(pixels)
            losses.append(cross_entropy(scores, labels, reduction="sum"))
            counts.append(_confusion(labels, scores))
            if should_stop():
                return None
    confusion = torch.stack(counts).sum(0).cpu()
    loss = torch.stack(losses).cpu().double().sum().item() / len(images)
    return Score(loss, int(confusion.trace()) / len(images)), confusion


def _confusion(labels: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    classes = scores.shape[1]
    return torch.bincount(labels * classes + scores.argmax(1), minlength=classes * classes).view(classes, classes)


def _diagnose(setup: Setup, state: State, epoch: Epoch) -> list[Finding]:
    """Return what the health rules find after `epoch`, which `state` does not hold yet; waits for the device."""
    state.monitor.read()
    arguments = tuple(arguments_of(setup.recipe.model.name) or ())
    facts = Facts(setup.recipe, setup.classes, setup.labels, setup.steps_per_epoch, arguments)
    return findings(Case(facts, [*state.epochs, epoch], state.monitor.history, state.findings))


def _refuse_nonfinite(
    setup: Setup, state: State, check: FiniteCheck, steps: Sequence[Step], *, weights: bool = False
) -> None:
    """Raise `NonFiniteError` if a gradient since the pass began was not finite, or a weight is not now; waits for the device.

    Args:
        setup: the recipe with everything placed.
        state: where the run stands.
        check: looked at every step of the pass.
        steps: those of the pass, the rest of the epoch.
        weights: whether to look at the weights too: a finite gradient times a huge learning rate may have spoilt one.
    """
    epoch, before = len(state.epochs) + 1, len(state.epochs) * setup.steps_per_epoch
    sound = check.sound_steps()
    if sound is not None:
        set_random_state(check.random_before(sound), setup.device)  # the same dropout
        batch = setup.train.chosen(*steps[sound])
        position = setup.steps_per_epoch - len(steps) + sound
        what = first_nonfinite(state.module, lambda: loss(setup, state, batch, position))
        raise _nonfinite_error(setup, epoch, before + position, what or "the gradient")
    name = nonfinite(state.module.state_dict()) if weights else None
    if name is not None:
        raise _nonfinite_error(setup, epoch, before + state.batch - 1, name)


def _nonfinite_error(setup: Setup, epoch: int, step: int, what: str) -> NonFiniteError:
    """Name the step, which the schedule counts from 0 and people count from 1."""
    return NonFiniteError(
        f"epoch {epoch}, step {step + 1}: {what} is no longer finite; "
        f"lower optimizer.lr (it was {setup.lr(step):.3g}) or set train.clip_norm"
    )


def _log_samples(path: Path, epoch: int, step: int, indices: torch.Tensor, pixels: torch.Tensor) -> None:
    """Append a line to the sample log. A step that was taken again after a kill has a line for each time."""
    digest = sha256(pixels.cpu().contiguous().numpy().tobytes()).hexdigest()[:16]
    line = f"{epoch},{step},{digest},{' '.join(map(str, indices.tolist()))}\n"
    with path.open("ab", buffering=0) as file:  # one write, so that no line is half there
        file.write(line.encode())
