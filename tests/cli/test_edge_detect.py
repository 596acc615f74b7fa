"""`cnncli edge-detect` as people and scripts see it."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused, python

Cnncli = Callable[..., Result]


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with `photo.png`, 48×70 pixels of noise in blocks."""
    monkeypatch.chdir(tmp_path)
    coarse = np.random.default_rng(0).integers(0, 256, (24, 35), dtype=np.uint8)
    Image.fromarray(coarse).resize((70, 48), Image.Resampling.NEAREST).save("photo.png")


def test_the_textbooks_printout(cnncli: Cnncli) -> None:
    """Six losses, each at least three times smaller than the one before, and the kernel near [1, −1]."""
    found = cnncli("edge-detect")
    assert (found.code, found.err) == (0, "")
    losses = [line.split(", loss ") for line in found.out.splitlines() if line.startswith("Step ")]
    assert [step for step, _ in losses] == [f"Step {step}" for step in (5, 10, 15, 20, 25, 30)]
    values = [float(loss) for _, loss in losses]
    assert all(later * 3 < earlier for earlier, later in pairwise(values))
    assert "largest stable lr  2/124.307 = 0.01609" in found.out
    assert "fastest lr         2/(12 + 124.307) = 0.01467" in found.out
    assert "eigenvalues        12, 19.693, 124.307" in found.out


def test_json_has_a_loss_for_each_step(cnncli: Cnncli) -> None:
    """And the contract's other keys; without a bias it is null."""
    found = json.loads(cnncli("edge-detect --seed 3 --steps 12 --format json").out)
    assert found["schema"] == "cnncli/edge-detect/1"
    assert len(found["losses"]) == 12
    assert np.shape(found["weight"]) == (1, 2)
    assert found["max_stable_lr"] == pytest.approx(2 / found["eigenvalues"][-1])
    bare = json.loads(cnncli("edge-detect --no-bias --format json").out)
    assert bare["bias"] is None
    assert bare["weight"][0] == pytest.approx([1, -1], abs=0.1)
    assert bare["max_stable_lr"] == pytest.approx(1 / 30)


def test_csv_is_the_run(cnncli: Cnncli) -> None:
    """A row a step: the loss, and the weights it belongs to; markdown has those that the table prints."""
    rows = list(csv.DictReader(cnncli("edge-detect --format csv").out.splitlines()))
    found = json.loads(cnncli("edge-detect --format json").out)
    assert [float(row["loss"]) for row in rows] == found["losses"]
    assert float(rows[0]["weight_0_1"]) == found["start"]["weight"][0][1]
    assert len(cnncli("edge-detect --format markdown").out.splitlines()) == 8


def test_above_the_limit_it_warns_and_shows(cnncli: Cnncli) -> None:
    """A line on stderr, losses that grow, exit code 0."""
    found = cnncli("edge-detect --lr 0.0165 --steps 400")
    assert found.code == 0
    assert found.err.startswith("cnncli: --lr 0.0165 is not below 0.01609: ")
    losses = [float(line.rpartition(" ")[2]) for line in found.out.splitlines() if line.startswith("Step ")]
    assert losses == sorted(losses)
    assert "it grows" in found.out
    assert cnncli("edge-detect --lr 0.016").err == ""


def test_what_overflows_is_said_and_null(cnncli: Cnncli) -> None:
    """In words where people read, null where scripts do; the picture is drawn all the same."""
    found = cnncli("edge-detect --lr 1 --steps 1000")
    assert "Step 75, loss beyond 1.8e+308, the largest number a computer holds: given up" in found.out
    assert "nothing is learned" in found.out
    values = json.loads(cnncli("edge-detect --lr 1 --steps 1000 --format json").out)
    assert values["losses"].index(None) == 74
    assert (len(values["losses"]), values["weight"], values["bias"], values["stable"]) == (1000, None, None, False)


def test_a_photographs_filter_is_learned_back(cnncli: Cnncli, photo: None) -> None:  # noqa: ARG001
    """Sobel's unless another is named; the rate is chosen, and said; the size of the kernel follows."""
    found = cnncli("edge-detect --image photo.png")
    assert "learned from photo.png (48×70, grey) and what sobel-x makes of it" in found.out.replace("\n", " ")
    assert "the fastest by the theory below" in found.out
    assert "exact optimum      sobel-x, to within" in found.out
    values = json.loads(cnncli("edge-detect --image photo.png --target gaussian5 --format json").out)
    assert np.shape(values["weight"]) == (5, 5)
    assert values["weight"][2][2] == pytest.approx(36 / 256, abs=0.02)
    assert values["lr"] == values["fastest_lr"] < values["max_stable_lr"]
    own = cnncli("edge-detect --image photo.png --lr 0.01 --steps 200")
    assert (own.code, own.err.count("\n")) == (0, 1)


def test_an_image_that_does_not_tell_is_said(cnncli: Cnncli, photo: None) -> None:  # noqa: ARG001
    """A grey wall determines one direction of ten, whatever was learned."""
    Image.new("L", (20, 20), 99).save("wall.png")
    found = cnncli("edge-detect --image wall.png --lr 1e-5")
    assert (found.code, found.err) == (0, "")
    assert "not one but many: in 9 of 10 directions" in found.out


def test_pictures(cnncli: Cnncli, photo: None) -> None:  # noqa: ARG001
    """The textbook's, a photograph's, and one of a run that overflowed."""
    for name, line in (
        ("a", "edge-detect"),
        ("b", "edge-detect --image photo.png"),
        ("c", "edge-detect --lr 1 --steps 99"),
    ):
        assert cnncli(f"{line} --out {name}.png").out.endswith(f"picture in {name}.png\n")
        with Image.open(f"{name}.png") as picture:
            assert picture.size == (1560, 912)


def test_frames_where_they_are_asked_for(cnncli: Cnncli) -> None:
    """Without a terminal they are printed one below another; without --step there are none."""
    found = cnncli("edge-detect --step --steps 7").out
    assert [line for line in found.splitlines() if line.startswith("step ")] == [
        f"step {step} of 7, lr 0.01" for step in range(1, 8)
    ]
    assert "step 1 of" not in cnncli("edge-detect --steps 7").out
    assert "\n1 step, lr" in cnncli("edge-detect --steps 1").out
    many = cnncli("edge-detect --step --steps 5000").out
    assert 30 < many.count(" of 5,000, lr") <= 60


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize(
    "rest", ["", "--no-bias --lr 0.04", "--image photo.png", "--image photo.png --target gaussian5"]
)
def test_it_fits_the_terminal(cnncli: Cnncli, photo: None, rest: str, columns: int) -> None:  # noqa: ARG001
    """Prose, grids and frames."""
    assert max(map(len, cnncli(f"edge-detect {rest} --steps 20 --step", columns).out.splitlines())) <= columns


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("--lr 0", 2, "write a number above 0"),
        ("--lr 1e10", 2, "up to 1e9"),
        ("--lr nan", 2, "write a number above 0"),
        ("--steps 0", 2, "--steps"),
        ("--target sobel-x", 2, "write --image FILE too"),
        ("--size 32x32", 2, "write --image FILE too"),
        ("--image photo.png --target sobelx", 2, "did you mean 'sobel"),
        ("--image nowhere.png", 3, "nowhere.png"),
        ("--out run.pdf", 2, "must end in .png"),
        ("--step --format json", 2, "leave --format json out"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, photo: None, line: str, code: int, words: str) -> None:  # noqa: ARG001
    """One line, and the contract's exit code."""
    assert_refused(cnncli(f"edge-detect {line}"), code, words)


@pytest.mark.parametrize("line", ["edge-detect --step --steps 3", "bottleneck", "edge-detect --lr 1"])
def test_plain_ascii_will_do(line: str) -> None:
    """Every sign has a stand-in."""
    found = python("-m", "cnncli", *line.split(), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert found.returncode == 0
    assert "?" not in found.stdout
    assert found.stdout.isascii()


def test_no_torch() -> None:
    """It starts at once: numpy is all it needs, Pillow where there is an image to read."""
    assert heavy_imports("edge-detect") == ["numpy"]


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect has no terminals there")
@pytest.mark.parametrize("columns", [60, 80])
def test_the_steps_live_on_a_terminal(columns: int) -> None:
    """They are shown on a screen of their own, then the printout stands on the terminal; Ctrl-C ends it with 130."""
    import pexpect

    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "cnncli", "edge-detect", "--steps", "8"]
    arguments = {"env": environment, "dimensions": (24, columns), "encoding": "utf-8", "timeout": 60}
    child = pexpect.spawn(command[0], command[1:], **arguments)
    child.expect("step 1 of 8")
    child.setwinsize(20, 50)
    child.expect("step 8 of 8")
    child.expect("Step 5, loss ")
    child.expect("in the end")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    child = pexpect.spawn(command[0], [*command[1:], "--every", "5"], **arguments)
    child.expect("step 1 of 8")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
