"""What the loop yields, and when it has seen enough. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnncli.errors import CheckFailed
from cnncli.recipe.recipe import Stop

Row = dict[str, float | str]
DEAD = "guessing"
"""What is found to be wrong with a run that `stop.when_dead` ends."""


class Score(NamedTuple):
    """Over all images of a split: mean loss, and the share of images classified rightly."""

    loss: float
    acc: float


class Epoch(NamedTuple):
    """One pass over the training images and what came of it.

    epoch: counted from 1 · step: steps since the start · seconds: of this epoch's training alone · total_seconds: since the
    start, evaluation and all · lr: of the last step · train: over the epoch, as it went, in training mode · test, val: after it ·
    health: what was found to be wrong after it, and not before
    """

    epoch: int
    step: int
    seconds: float
    total_seconds: float
    lr: float
    train: Score
    test: Score
    val: Score | None = None
    health: tuple[str, ...] = ()

    @property
    def row(self) -> Row:
        """The columns of `metrics.csv`."""
        row: Row = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": round(self.seconds, 3),
            "total_seconds": round(self.total_seconds, 3),
            "lr": self.lr,
            "train_loss": self.train.loss,
            "train_acc": self.train.acc,
            "test_loss": self.test.loss,
            "test_acc": self.test.acc,
        }
        if self.val:
            row |= {"val_loss": self.val.loss, "val_acc": self.val.acc}
        return row | {"health": " ".join(self.health)}


def epoch_of(row: Mapping[str, Any]) -> Epoch:
    """The epoch that a row of `metrics.csv` tells of."""
    return Epoch(
        epoch=int(row["epoch"]),
        step=int(row["step"]),
        seconds=row["seconds"],
        total_seconds=row["total_seconds"],
        lr=row["lr"],
        train=Score(row["train_loss"], row["train_acc"]),
        test=Score(row["test_loss"], row["test_acc"]),
        val=Score(row["val_loss"], row["val_acc"]) if "val_loss" in row else None,
        health=tuple(row.get("health", "").split()),
    )


def best(epochs: Sequence[Epoch]) -> int | None:
    """The number of the epoch with the lowest validation loss, the earliest of equals; None without validation."""
    losses = [(epoch.val.loss, epoch.epoch) for epoch in epochs if epoch.val]
    return min(losses)[1] if losses else None


def speed(epochs: Sequence[Epoch], images: int) -> float:
    """Training images per second of training alone, `images` being those of one epoch; 0 before the first is over."""
    seconds = sum(epoch.seconds for epoch in epochs)
    return len(epochs) * images / seconds if seconds else 0.0


def reason_to_stop(epochs: Sequence[Epoch], stop: Stop) -> str | None:
    """Why to stop after these epochs, before the last that the recipe allows; None to go on."""
    if not epochs:
        return None
    last = epochs[-1]
    reached = (last.val or last.test).acc
    if stop.target_acc is not None and reached >= stop.target_acc:
        return f"{'val' if last.val else 'test'} acc {reached:.3f} reached target_acc {stop.target_acc:g}"
    peak = best(epochs)
    if stop.patience is not None and peak is not None and last.epoch - peak >= stop.patience:
        return f"val loss has not fallen since epoch {peak}"
    if stop.when_dead and (since := gave_up(epochs)) is not None:
        return f"it was no better than guessing after epoch {since}"
    return None


def gave_up(epochs: Sequence[Epoch]) -> int | None:
    """The number of the epoch after which the run was found to be no better than guessing, if one was."""
    return next((epoch.epoch for epoch in epochs if DEAD in epoch.health), None)


def exit_code(epochs: Sequence[Epoch], stop: Stop) -> int:
    """Of a run that is over: 0, or 1 where it was to be better than guessing and was not."""
    return CheckFailed.exit_code if stop.when_dead and gave_up(epochs) is not None else 0
