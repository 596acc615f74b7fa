"""`cnncli lr-find`: the same figures every time, an honest refusal, and nothing left behind."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]

QUICK = "lr-find lenet --device cpu train.precision=float32"


pytestmark = pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")


def test_a_suggestion_and_what_to_type(cnncli: Cnncli) -> None:
    """In words and as the command that trains with it, which takes it; every point for scripts."""
    table = cnncli(f"{QUICK} --limit 800 seed=1").out
    values = json.loads(cnncli(f"{QUICK} --limit 800 seed=1 --format json").out)
    assert values["schema"] == "cnncli/lr-find/1"
    assert values["override"] == f"optimizer.lr={values['suggestion']}"
    assert values["steepest"] <= values["suggestion"] * 1.05
    assert values["suggestion"] <= values["lowest"] * 1.05
    words = f"cnncli train lenet train.precision=float32 seed=1 --limit 800 {values['override']}"
    assert words in table.splitlines()
    assert "  ← suggestion" in table
    assert [point["lr"] for point in values["points"]] == sorted(point["lr"] for point in values["points"])
    assert values["points"][0]["lr"] == 1e-5
    assert cnncli(f"{words.removeprefix('cnncli ')} --dry-run --device cpu").code == 0


def test_the_same_line_gives_the_same_bytes(cnncli: Cnncli) -> None:
    """And leaves nothing behind: no file, no random state that a later run would see."""
    import torch

    line = f"{QUICK} --steps 30 --format json"
    torch.manual_seed(1)
    before = cnncli(line).out
    torch.manual_seed(2)
    assert cnncli(line).out == before
    assert cnncli(f"{line} seed=1").out != before
    assert list(Path.cwd().iterdir()) == []


def test_the_steps_are_those_of_training(cnncli: Cnncli) -> None:
    """At a rate that hardly rises, losses have the mean that training prints for its epoch; the schedule plays no part."""
    own = "lenet --device cpu train.precision=float32 --limit 640 schedule.name=constant"
    values = json.loads(cnncli(f"lr-find {own} --from 0.01 --to 0.0100001 --steps 20 --format json").out)
    epoch = json.loads(cnncli(f"train {own} epochs=1 lr=0.01 --format json").out.splitlines()[0])
    mean = sum(point["loss"] for point in values["points"]) / 20
    assert mean == pytest.approx(epoch["train_loss"], rel=1e-4)


def test_a_flat_curve_suggests_nothing(cnncli: Cnncli) -> None:
    """The sigmoid LeNet with the textbook's first weights learns nothing in so few steps; in what is told and in JSON."""
    line = f"{QUICK} activation=sigmoid pool=avg init=xavier --to 0.1"
    found = cnncli(line)
    assert found.code == 0
    assert "no suggestion: the curve is flat" in found.out
    assert "says nothing about them" in found.out
    values = json.loads(cnncli(f"{line} --format json").out)
    assert (values["suggestion"], values["override"], values["steepest"]) == (None, None, None)
    assert "flat" in values["why"]


def test_what_diverges_at_the_last_step_stopped_nothing() -> None:
    """All steps were taken."""
    from cnncli.render.rate_range import ended

    assert ended("diverged", 29, 30) == "stopped where the loss diverged"
    assert ended("diverged", 30, 30) == "the loss diverged at the last"
    assert ended("reached", 30, 30) == "the whole range"


def test_it_ends_where_numbers_are_no_longer_finite(cnncli: Cnncli) -> None:
    """With the losses up to there, which are too few for a suggestion."""
    values = json.loads(cnncli(f"{QUICK} --from 1e4 --to 1e5 --format json").out)
    assert values["end"] in ("diverged", "not finite")
    assert values["suggestion"] is None
    assert "too few" in values["why"]
    assert cnncli(f"{QUICK} --from 1e4 --to 1e5").code == 0


@pytest.mark.parametrize(
    "recipe", ["schedule.name=onecycle accumulate=2", "mixup=0.2 ema=0.9", "optimizer.name=adam clip_norm=1"]
)
def test_everything_of_the_recipe_is_honoured(cnncli: Cnncli, recipe: str) -> None:
    """Whatever a step consists of."""
    values = json.loads(cnncli(f"{QUICK} --steps 20 --to 1e-3 batch_size=16 --format json {recipe}").out)
    assert values["end"] == "reached"
    assert len(values["points"]) == 20


def test_more_steps_than_an_epoch_has(cnncli: Cnncli) -> None:
    """The next epoch follows, in its own order."""
    values = json.loads(cnncli(f"{QUICK} --limit 64 --steps 30 --to 1e-4 --format json").out)
    losses = [point["loss"] for point in values["points"]]
    assert len(set(losses)) == 30


def test_a_network_with_data(cnncli: Cnncli) -> None:
    """As `train` takes it."""
    found = cnncli("lr-find lenet --data fake:1x28x28x5x200 --steps 20 -b 32 --device cpu")
    assert found.code == 0
    assert "fake:1x28x28x5x200" in found.out.splitlines()[1]


def test_scripts_get_a_row_a_step(cnncli: Cnncli) -> None:
    """CSV and Markdown; nothing else on stdout."""
    rows = list(csv.DictReader(cnncli(f"{QUICK} --steps 25 --to 1e-3 --format csv").out.splitlines()))
    assert len(rows) == 25
    assert float(rows[0]["lr"]) == 1e-5
    assert len(cnncli(f"{QUICK} --steps 25 --to 1e-3 --format markdown").out.splitlines()) == 27


def test_a_picture_where_it_was_wanted(cnncli: Cnncli) -> None:
    """With and without a suggestion; a folder is made for it, and a place that cannot be is told."""
    assert "picture in new/lr.png" in cnncli(f"{QUICK} --limit 800 --out new/lr.png").out
    cnncli(f"{QUICK} --steps 20 --to 1e-4 --out flat.png")
    for path in (Path("new/lr.png"), Path("flat.png")):
        with Image.open(path) as picture:
            assert picture.size == (960, 600)
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10
    Path("file").touch()
    found = cnncli(f"{QUICK} --steps 20 --out file/lr.png")
    assert (found.code, found.out) == (3, "")
    assert "write another --out" in found.err


@pytest.mark.parametrize("columns", [30, 60, 80])
def test_it_fits_the_terminal(cnncli: Cnncli, columns: int) -> None:
    """Prose is broken, bars are cut; the command to type stays whole."""
    lines = cnncli(f"{QUICK} --limit 800", columns).out.splitlines()
    assert all(len(line) <= max(columns, 34) for line in lines if not line.startswith("cnncli train"))


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("lr-find lenett", 2, "did you mean 'lenet'"),
        ("lr-find lenet --from 1 --to 0.1", 2, "rates rise"),
        ("lr-find lenet --steps 3", 2, "the least is 20"),
        ("lr-find lenet --out lr.jpg", 2, "must end in .png"),
        ("lr-find lenet --device gpu", 2, "is no device"),
        ("lr-find lenet --seed 1 seed=2", 2, "contradict each other"),
        ("lr-find lenet --data folder:nowhere", 3, "nowhere"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    assert_refused(cnncli(line), code, words)


def test_a_wrong_option_is_refused_before_torch_is_imported() -> None:
    """Neither is there any need of it."""
    assert heavy_imports("lr-find nowhere") == []
    assert heavy_imports("lr-find lenet --from 2 --to 1") == []
