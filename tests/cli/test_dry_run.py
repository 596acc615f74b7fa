"""`cnncli train --dry-run`: what it says is true, and nothing is left of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.analysis.report import report
from cnncli.models import network
from cnncli.recipe.freeze import freeze
from cnncli.sources.recipes import load, resolved
from cnncli.training.dry_run import FEWEST, MOST, dry_run
from cnncli.training.setup import prepare
from tests.conftest import Result
from tests.training.conftest import small

Cnncli = Callable[..., Result]


@pytest.fixture(autouse=True)
def here(elsewhere: None, one_thread: None, tmp_path: Path) -> Path:  # noqa: ARG001
    """Every test stands in a folder of its own, on one thread."""
    return tmp_path


def test_it_prints_a_recipe_and_what_it_takes(cnncli: Cnncli, here: Path) -> None:
    """The output is the resolved recipe itself; below it the counts, and no folder is left."""
    found = cnncli("train lenet --dry-run epochs=3 limit=100 batch_size=32 val=0.1")
    assert (found.code, found.err) == (0, "")
    overrides = ["epochs=3", "limit=100", "batch_size=32", "val=0.1"]
    assert found.out.startswith(resolved(load("lenet", overrides)))
    assert not list(here.iterdir())
    (here / "again.yaml").write_text(found.out, encoding="utf-8")
    assert load("again.yaml") == load("lenet", overrides)
    told = {line[2:].split()[0]: line for line in found.out.splitlines() if line.startswith("# ")}
    text = " ".join(line[2:].strip() for line in found.out.splitlines() if line.startswith("# "))
    assert text.startswith(
        "LeNet · d2l edition · relu, max pooling · 61,706 parameters on digits (100 train, 144 val, 360 test) · "
    )
    assert "61,706 of 61,706 parameters trained, 0.42 million MACs an image" in text
    assert told["steps"] == "# steps    4 an epoch of 32 images, 12 in all"
    assert "ms a step, measured over" in text


@pytest.mark.parametrize("columns", [60, 80])
def test_it_fits_the_terminal(cnncli: Cnncli, columns: int) -> None:
    """What does not fit on a line goes on below it, and all of it is a comment."""
    found = cnncli("train lenet --dry-run epochs=3 limit=100", columns)
    told = found.out[found.out.index("# LeNet") :].splitlines()
    assert all(line.startswith("# ") for line in told)
    assert max(map(len, told)) <= columns
    assert sum(line.startswith("#" + " " * 10) for line in told) >= 1


def test_its_json_has_the_same_figures(cnncli: Cnncli) -> None:
    """Memory is that of the report for this batch, and what optimizer, mean and images take besides."""
    line = "train lenet --dry-run --format json epochs=3 limit=100 batch_size=16 accumulate=2 ema=0.9 frozen=[conv1]"
    found = json.loads(cnncli(line).out)
    assert found["schema"] == "cnncli/train/1"
    facts = found["dry_run"]
    assert facts["recipe"]["train"]["accumulate"] == 2
    assert (facts["params"], facts["trainable"], facts["steps_an_epoch"], facts["steps"]) == (61_706, 61_550, 4, 12)
    assert facts["images"] == {"train": 100, "test": 360}
    assert (facts["optimizer_bytes"], facts["average_bytes"]) == (4 * 61_550, 4 * 61_706)
    assert facts["image_bytes"] in {460 * 28 * 28, 460 * 8 * 8}
    parts = ("network_bytes", "optimizer_bytes", "average_bytes", "image_bytes")
    assert facts["memory_bytes"] == sum(facts[part] for part in parts)
    frozen = freeze(network("lenet", activation="relu", pool="max"), ["conv1"])
    assert facts["network_bytes"] == report(frozen, batch_size=16).totals.training_bytes
    assert min(facts["step_seconds"], facts["training_seconds"], facts["evaluation_seconds"]) > 0


def test_times_add_up() -> None:
    """Of the steps and images of the whole run, from at least three steps."""
    found = dry_run(prepare(load("lenet", small("epochs=5", "val=0.1")), "cpu"))
    assert FEWEST <= found.measured <= MOST
    assert found.steps == 5 * 4
    assert found.training_seconds == pytest.approx(20 * found.step_seconds)
    assert found.evaluation_seconds == pytest.approx(5 * (360 + 144) * found.image_seconds)


@pytest.mark.parametrize(
    ("line", "code", "part"),
    [
        ("train lenet --dry-run lr=-1", 2, "lr=-1"), ("train lenet --dry-run weights=no.pt", 3, "no such file"),
        ("train lenet --dry-run --data folder:nowhere", 3, "nowhere"), ("train lenet --dry-run --device cuda:99", 2, "cuda:99"),
    ],
)  # fmt: skip
def test_what_training_refuses_is_refused(line: str, code: int, part: str, cnncli: Cnncli, here: Path) -> None:
    """With the same words."""
    found = cnncli(line)
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1)
    assert part in found.err
    assert not list(here.iterdir())
