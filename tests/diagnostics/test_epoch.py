"""Epochs as rows of metrics.csv, and when to stop."""

from __future__ import annotations

import pytest

from cnncli.diagnostics.epoch import Epoch, Score, best, epoch_of, exit_code, reason_to_stop
from cnncli.sources.recipes import Stop
from tests.conftest import python

COLUMNS = ["epoch", "step", "seconds", "total_seconds", "lr", "train_loss", "train_acc", "test_loss", "test_acc"]


def epochs(*losses: float, test_acc: float = 0.5) -> list[Epoch]:
    """One for each validation loss."""
    return [
        Epoch(number, number * 9, 1.5, 2.5, 0.1, Score(1.0, 0.4), Score(1.1, test_acc), Score(loss, 0.3))
        for number, loss in enumerate(losses, 1)
    ]


def test_a_row_has_the_promised_columns_and_comes_back() -> None:
    """Those of validation only where there is any."""
    with_val = epochs(0.5)[0]
    without = with_val._replace(val=None)
    assert list(without.row) == [*COLUMNS, "health"]
    assert list(with_val.row) == [*COLUMNS, "val_loss", "val_acc", "health"]
    ill = without._replace(health=("dead", "guessing"))
    assert epoch_of(ill.row) == ill
    assert ill.row["health"] == "dead guessing"
    assert epoch_of(with_val.row) == with_val
    assert epoch_of(without.row) == without


def test_the_best_epoch_has_the_lowest_validation_loss() -> None:
    """The earliest of equals; none without validation, whatever the test set says."""
    assert best(epochs(0.5, 0.3, 0.3, 0.4)) == 2
    assert best([epoch._replace(val=None) for epoch in epochs(0.5, 0.3)]) is None


@pytest.mark.parametrize(
    ("stop", "losses", "reason"),
    [
        (Stop(), (0.5, 0.6, 0.7), None),
        (Stop(patience=2), (0.5, 0.6), None),
        (Stop(patience=2), (0.5, 0.6, 0.5), "val loss has not fallen since epoch 1"),
        (Stop(patience=2), (0.5, 0.4, 0.5), None),
        (Stop(target_acc=0.3), (0.5,), "val acc 0.300 reached target_acc 0.3"),
        (Stop(target_acc=0.31), (0.5,), None),
    ],
)
def test_when_to_stop(stop: Stop, losses: tuple[float, ...], reason: str | None) -> None:
    """Patience counts epochs without a lower validation loss; a target looks at validation first."""
    assert reason_to_stop(epochs(*losses), stop) == reason


def test_a_run_that_guesses_is_given_up() -> None:
    """Where the recipe says so, and with exit code 1; other things that are wrong do not end it."""
    first, second = epochs(0.5, 0.5)
    dead, ill = [first, second._replace(health=("dead", "guessing"))], [first._replace(health=("dead",))]
    assert reason_to_stop(dead, Stop(when_dead=True)) == "it was no better than guessing after epoch 2"
    assert reason_to_stop(ill, Stop(when_dead=True)) is None
    assert reason_to_stop(dead, Stop()) is None
    assert [exit_code(dead, Stop(when_dead=True)), exit_code(dead, Stop()), exit_code(ill, Stop(when_dead=True))] == [
        1,
        0,
        0,
    ]


def test_without_validation_a_target_looks_at_the_test_images() -> None:
    """As the recipe's schema says."""
    without = [epoch._replace(val=None) for epoch in epochs(0.5, test_acc=0.9)]
    assert reason_to_stop(without, Stop(target_acc=0.9)) == "test acc 0.900 reached target_acc 0.9"
    assert reason_to_stop([], Stop(target_acc=0.9)) is None


def test_an_epoch_needs_no_torch() -> None:
    """The module, the run folder's and the request's leave torch alone."""
    program = "import sys, cnncli.diagnostics.epoch, cnncli.files.run_folder, cnncli.training.request; print('torch' in sys.modules)"
    assert python("-c", program).stdout == "False\n"
