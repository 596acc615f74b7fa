"""A run as it is shown: to the letter for people, as JSON Lines for scripts, in pictures."""

from __future__ import annotations

import json
from io import BytesIO, StringIO
from pathlib import Path
from time import sleep

import pytest
from PIL import Image

from cnncli.diagnostics.epoch import Epoch, Score
from cnncli.errors import NonFiniteError
from cnncli.files import run_folder as folder
from cnncli.render.columns import clock
from cnncli.render.live import Live
from cnncli.render.plots import confusion, curves
from cnncli.render.training import columns, line, show_run
from cnncli.sources.recipes import load, resolved
from cnncli.training.run import Run, start
from tests.training.conftest import small

EPOCH = Epoch(1, 6, 0.25, 0.3, 0.1, Score(2.2961, 0.1738), Score(2.2, 0.2891))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A small run that has not begun."""
    monkeypatch.chdir(tmp_path)
    asked = load("lenet", small("val=0.1"))
    return start(asked, folder.new_folder("lenet", resolved(asked)), "cpu")


def test_an_epoch_is_a_line_under_its_headings() -> None:
    """As the contract has it; validation between train and test."""
    assert columns(val=False) == "epoch    loss  train   test  time"
    assert line(EPOCH) == "    1   2.296  0.174  0.289  0.2s"
    assert columns(val=True) == "epoch    loss  train    val   test  time"
    assert line(EPOCH._replace(val=Score(1, 0.5))) == "    1   2.296  0.174  0.500  0.289  0.2s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0s"), (9.94, "9.9s"), (9.96, "10s"), (59.4, "59s"), (59.6, "1m00s"), (3599.6, "1h00m"), (7400, "2h03m")],
)
def test_times_are_short(seconds: float, text: str) -> None:
    """Tenths only while they matter."""
    assert clock(seconds) == text


def test_a_run_is_shown_as_the_contract_has_it(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Heading, a line an epoch, the textbook's closing lines, where it is and what to do next; nothing on stderr."""
    assert show_run(run, "table", quiet=False) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "LeNet · d2l edition · relu, max pooling · 61,706 parameters"
    assert lines.pop(1) == "on digits (100 train, 144 val, 360 test) · cpu · seed 0"
    assert lines[1] == columns(val=True)
    assert lines[2:4] == [line(epoch) for epoch in run.state.epochs]
    last = run.state.epochs[-1]
    assert lines[4] == f"loss {last.train.loss:.3f}, train acc {last.train.acc:.3f}, test acc {last.test.acc:.3f}"
    assert lines[5] == f"{run.examples_per_second:.1f} examples/sec on cpu"
    assert lines[6] == "runs/lenet-1 · next: cnncli predict runs/lenet-1 IMAGE"
    assert len(lines) == 7
    assert err == ""
    for name in ("curves.png", "confusion.png"):
        with Image.open(run.path / name) as picture:
            assert min(picture.size) > 400


def test_quiet_leaves_the_closing_lines(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Three of them."""
    show_run(run, "table", quiet=True)
    out = capsys.readouterr().out.splitlines()
    assert [text.split()[0] for text in out[::2]] == ["loss", "runs/lenet-1"]
    assert len(out) == 3


def test_json_is_an_object_an_epoch_and_a_last_one(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The epochs have the columns of metrics.csv; the last has schema, run, test_acc and exit; all say what is wrong."""
    show_run(run, "json", quiet=False)
    *epochs, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert epochs == [{**epoch.row, "health": []} for epoch in run.state.epochs]
    assert last["health"] == []
    assert last["schema"] == "cnncli/train/1"
    assert (last["run"], last["test_acc"], last["exit"]) == ("runs/lenet-1", run.state.epochs[-1].test.acc, 0)


def test_json_ends_with_the_exit_code_of_what_went_wrong(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here with 4; the error itself goes on to whoever called."""

    def broken(*_: object) -> None:
        raise NonFiniteError("epoch 1, step 1: …")

    monkeypatch.setattr("cnncli.training.run.train", broken)
    with pytest.raises(NonFiniteError):
        show_run(run, "json", quiet=False)
    last = json.loads(capsys.readouterr().out)
    assert (last["exit"], last["test_acc"]) == (4, None)


def test_a_loss_that_is_infinite_is_null_in_json(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON has no word for it."""
    monkeypatch.setattr(Run, "epochs", lambda _: iter([EPOCH._replace(test=Score(float("inf"), 0.1))]))
    show_run(run, "json", quiet=False)
    assert json.loads(capsys.readouterr().out.splitlines()[0])["test_loss"] is None


def test_curves_are_readable_from_one_epoch_on() -> None:
    """PNG, wider than high; a title from outside is no markup and no formula."""
    for count in (1, 30):
        epochs = [EPOCH._replace(epoch=number, val=Score(2, 0.3)) for number in range(1, count + 1)]
        with Image.open(BytesIO(curves(epochs, "a $x^$ title\n"))) as picture:
            assert (picture.format, picture.size) == ("PNG", (1200, 480))


@pytest.mark.parametrize("classes", [2, 10, 40, 200])
def test_a_confusion_matrix_grows_with_its_classes_up_to_a_page(classes: int) -> None:
    """Names from outside, whatever they hold, are shown as they are."""
    counts = [[int(row == column) for column in range(classes)] for row in range(classes)]
    names = ["$a_{b$", "漢字", "ankle boot"] * classes
    with Image.open(BytesIO(confusion(counts, names[:classes], "title"))) as picture:
        assert picture.size[0] == picture.size[1]
        assert 500 < picture.size[0] <= 1680


class Terminal(StringIO):
    """A stderr that claims to be a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(("kind", "cleared"), [("xterm-256color", "\r\x1b[J\r"), ("dumb", "\r" + " " * 11 + "\r")])
def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch, kind: str, cleared: str) -> None:
    """The line is written, cleared before anything else is printed, and gone at the end; where need be, without escapes."""
    monkeypatch.setenv("TERM", kind)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("cnncli.render.live.PERIOD", 0.01)
    with Live(lambda: "step 7 of 9") as live:
        sleep(0.2)
        with live.aside():
            assert terminal.getvalue().endswith(cleared)
    assert "\rstep 7 of 9" in terminal.getvalue()
    assert terminal.getvalue().endswith(cleared)


def test_a_pipe_sees_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a byte on stderr, and no thread."""
    pipe = StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    with Live(lambda: "step 7 of 9") as live, live.aside():
        pass
    assert pipe.getvalue() == ""
