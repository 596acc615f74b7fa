"""The live line: what it says, at every width, of a run that really trains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnncli.data.progress import Progress
from cnncli.render.data import bar
from cnncli.render.live import Note, one_line
from cnncli.render.training import Pulse
from cnncli.sources.recipes import load
from cnncli.training.run import Run, start
from tests.training.conftest import small

NOTES = [Note(4, "loss 0.412"), Note(1, "acc 0.874"), Note(0, "38,112/s"), Note(3, "12s left")]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (99, "epoch 12 of 100 █████████░░░░░░░░░░░ 117 of 235  loss 0.412  acc 0.874  38,112/s  12s left"),
        (79, "epoch 12 of 100 ████░░░░░ 117 of 235  loss 0.412  acc 0.874  38,112/s  12s left"),
        (77, "epoch 12 of 100 ████████░░░░░░░░░ 117 of 235  loss 0.412  acc 0.874  12s left"),
        (59, "epoch 12 of 100 ████░░░░░░ 117 of 235  loss 0.412  12s left"),
        (49, "epoch 12 of 100 117 of 235  loss 0.412  12s left"),
        (39, "epoch 12 of 100 117 of 235  loss 0.412"),
        (29, "epoch 12 of 100 117 of 235"),
        (19, "epoch 12 of 100 117"),
    ],
)  # fmt: skip
def test_parts_leave_one_by_one(width: int, line: str) -> None:
    """Speed first, then accuracy, the bar, the time left, the loss; the bar takes what is free."""
    assert one_line("epoch 12 of 100", 117 / 235, "117 of 235", NOTES, width) == line


def test_it_is_never_longer_than_the_terminal() -> None:
    """At every width; and never shorter than one with a part less would be."""
    lines = [one_line("epoch 12 of 100", 0.5, "117 of 235", NOTES, width) for width in range(121)]
    assert all(len(line) <= width for width, line in enumerate(lines))
    parts = [len(re.findall(r"loss|acc|/s|left|█", line.replace("█" * 2, ""))) for line in lines]
    assert len({line for line in lines if "█" in line}) > 10
    assert parts[120] >= parts[60] >= parts[30]


@pytest.mark.parametrize(
    ("columns", "line"), [(80, f"reading files {'█' * 5}{'░' * 15} 1 of 4"), (20, "reading files 1 of ")]
)
def test_a_loading_bar_fits_too(monkeypatch: pytest.MonkeyPatch, columns: int, line: str) -> None:
    """By the same rule."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert bar(Progress("reading files", 1, 4)) == line


@pytest.fixture
def run(elsewhere: None, one_thread: None, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: ARG001
    """A run of three epochs of four steps that has not begun."""
    monkeypatch.setenv("COLUMNS", "100")
    Path("run").mkdir()
    return start(load("lenet", small("epochs=3")), Path("run"), "cpu")


def test_a_run_tells_how_far_and_how_well(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked after every step: the figures so far are those that the epoch ends with, and the time left shrinks to nothing."""
    pulse, seen = Pulse(run), []
    forward = run.state.module.forward

    def looked(x: object) -> object:
        seen.append(pulse())
        return forward(x)

    monkeypatch.setattr(run.state.module, "forward", looked)
    assert pulse() == f"epoch 1 of 3 {'░' * 20} 0 of 4"
    epochs = list(run.epochs())
    assert pulse() == ""
    steps = [line for line in seen if "evaluating" not in line]
    assert [line.split(" ")[1] for line in steps] == ["1"] * 4 + ["2"] * 4 + ["3"] * 4
    pattern = r"epoch \d of 3 [█░]{20} [123] of 4  loss \d\.\d{3}  acc \d\.\d{3}  [\d,]+/s  \d+\.\ds left"
    assert all(re.fullmatch(pattern, line) for line in (*steps[1:4], *steps[5:8], *steps[9:])), steps
    ends = [line for line in seen if "evaluating" in line]
    assert len(ends) == 3
    for epoch, line in zip(epochs, ends, strict=True):
        assert f"evaluating  loss {epoch.train.loss:.3f}  acc {epoch.train.acc:.3f}" in line
    assert ends[-1].endswith("s left")  # the evaluation is still to come


def test_looking_changes_nothing(run: Run) -> None:
    """A run that is looked at without a pause ends with the weights of one that nobody looks at."""
    import threading

    over, looks, pulse = threading.Event(), [0], Pulse(run)

    def look() -> None:
        while not over.is_set():
            pulse()
            looks[0] += 1

    thread = threading.Thread(target=look)
    thread.start()
    list(run.epochs())
    over.set()
    thread.join()
    Path("other").mkdir()
    other = start(load("lenet", small("epochs=3")), Path("other"), "cpu")
    list(other.epochs())
    assert looks[0] > 10
    assert Path("run/model.safetensors").read_bytes() == Path("other/model.safetensors").read_bytes()
