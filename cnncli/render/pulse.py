"""The live line of a training run: how far it is, how well it does, how fast, and how long it will take."""

from __future__ import annotations

import sys
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING

from cnncli.render.columns import clock
from cnncli.render.live import Note, one_line
from cnncli.text import columns_of

if TYPE_CHECKING:
    from cnncli.training.run import Run

KEPT = 20  # looks back, 5 seconds: the speed shown is that of now, and yet does not flicker


class Pulse:
    """Reads off a run in training what its live line says; from another thread, and without the training knowing.

    What it reads may be of two steps that follow each other. On a GPU a look waits for the steps under way, the training does not.
    """

    def __init__(self, run: Run) -> None:
        """Nothing has been read yet."""
        self._run = run
        self._looks: deque[tuple[float, int]] = deque(
            maxlen=KEPT
        )  # when, and how many images of the epoch were through
        self._epoch = 0

    def __call__(self) -> str:
        """The line, as wide as the terminal allows."""
        run, state = self._run, self._run.state
        if len(state.epochs) == run.setup.recipe.train.epochs:
            return ""
        metrics, number, steps = state.metrics, len(state.epochs) + 1, run.setup.steps_per_epoch
        done = min(state.batch, steps)
        self._look(number, metrics.images)
        notes = [Note(3, f"{clock(left)} left")] if (left := self._left(done / steps)) else []
        if metrics.images:
            score = metrics.score()
            speed = self._speed()
            notes = [
                Note(4, f"loss {score.loss:.3f}"),
                Note(1, f"acc {score.acc:.3f}"),
                *([Note(0, f"{speed:,.0f}/s")] if speed else []),
                *notes,
            ]
        head = f"epoch {number} of {run.setup.recipe.train.epochs}"
        count = "evaluating" if done == steps else f"{done:,} of {steps:,}"
        return one_line(head, done / steps, count, notes, columns_of(sys.stderr) - 1)

    def _look(self, epoch: int, images: int) -> None:
        if epoch != self._epoch:
            self._looks.clear()
            self._epoch = epoch
        self._looks.append((perf_counter(), images))

    def _speed(self) -> float | None:
        """Images a second, over the last seconds of the epoch; None where that is not known yet."""
        (first, before), (last, now) = self._looks[0], self._looks[-1]
        if now > before:
            return (now - before) / (last - first)
        epochs = self._run.state.epochs
        return len(self._run.setup.train) / epochs[-1].seconds if epochs and epochs[-1].seconds else None

    def _left(self, share: float) -> float | None:
        """Seconds to the end of the recipe; None where nothing is known yet. share: of this epoch's training that is done"""
        epochs, setup = self._run.state.epochs, self._run.setup
        if epochs:  # the last of them tells, evaluation and all
            before = epochs[-2].total_seconds if len(epochs) > 1 else 0.0
            an_epoch, training = epochs[-1].total_seconds - before, epochs[-1].seconds
        elif speed := self._speed():
            an_epoch = training = len(setup.train) / speed
        else:
            return None
        return max(0.0, an_epoch * (setup.recipe.train.epochs - len(epochs)) - training * share)
