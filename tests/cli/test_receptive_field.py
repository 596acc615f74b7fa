"""`cnncli receptive-field`: what is printed in every format, the picture, and what is refused."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused, python

Cnncli = Callable[..., Result]

QUICK = "train lenet epochs=1 limit=100 batch_size=32 --quiet --device cpu"

pytestmark = pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")


def test_all_rows_need_no_torch() -> None:
    """Nor does one row without gradients."""
    assert heavy_imports("receptive-field lenet") == []
    assert heavy_imports("receptive-field vgg16 --row block5.pool --no-gradients") == []


def test_the_arithmetic_comes_before_torch() -> None:
    """It is on stdout when torch cannot even be imported."""
    program = """
import sys
sys.modules["torch"] = None
from cnncli.cli import run
sys.exit(run(["receptive-field", "lenet", "--row", "conv2"]))
"""
    found = python("-c", program)
    assert "unit 5, 5 sees rows 8…21, columns 8…21" in found.stdout
    assert "gradients" not in found.stdout
    assert found.returncode == 70


def test_gradients_of_every_row(cnncli: Cnncli) -> None:
    """A column that says so, and a line that counts."""
    found = cnncli("receptive-field lenet --gradients --input 1x31x42")
    assert found.out.count("agree\n") == 12
    assert "gradients agree with 12 of 12 rows" in found.out
    rows = list(csv.DictReader(cnncli("receptive-field lenet --gradients --format csv").out.splitlines()))
    assert {row["gradients"] for row in rows} == {"True"}


def test_json_of_one_row(cnncli: Cnncli) -> None:
    """Region, gradients and effective field in one object."""
    found = json.loads(cnncli("receptive-field lenet --row conv2 --unit 0,9 --effective --images 3 --format json").out)
    assert found["schema"] == "cnncli/receptive-field/1"
    (row,) = found["rows"]
    assert row["receptive_field"] == {"size": [14, 14], "stride": [2, 2], "padding": [2, 2], "whole_input": False}
    assert row["unit"] == [0, 9]
    assert row["region"] == [[0, 11], [16, 27]]
    assert row["with_padding"] == [[-2, 11], [16, 29]]
    assert row["gradients"] == {"region": [[0, 11], [16, 27]], "agree": True}
    effective = row["effective"]
    assert effective["count"] == 3
    assert effective["weights"] == "random weights, seed 0"
    shares = effective["shares"]
    assert sum(map(sum, shares)) == pytest.approx(1)
    assert sum(map(sum, [line[16:] for line in shares[:12]])) == pytest.approx(
        1
    )  # nothing comes from outside the region


def test_a_trained_run_is_asked_on_its_test_images(cnncli: Cnncli) -> None:
    """By its name in runs/; the weights are named."""
    cnncli(QUICK)
    out = cnncli("receptive-field lenet-1 --row conv1 --images 5 --out field.png").out
    assert "effective receptive field: mean |gradient| over 5 test images of digits" in out
    assert "weights: runs/lenet-1, last checkpoint, 1 epoch" in out
    assert out.endswith("picture in field.png\n")
    with Image.open("field.png") as picture:
        assert picture.size[0] == 1152
    assert "effective" not in cnncli("receptive-field lenet-1 --row conv1 --no-effective").out


def test_a_library_s_module_that_is_recorded(cnncli: Cnncli) -> None:
    """Rows of functional calls too."""
    found = cnncli("receptive-field torchvision:shufflenet_v2_x0_5 --input 3x64x64 --row stage2.0.branch2.5")
    assert "gradients agree: rows" in found.out
    assert found.code == 0


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
@pytest.mark.parametrize(
    "line", ["receptive-field lenet", "receptive-field alexnet --row conv3 --effective --images 1"]
)
def test_it_fits_the_terminal(cnncli: Cnncli, line: str, columns: int) -> None:
    """Drawings are scaled to the width; the table of all rows keeps its numbers."""
    out = cnncli(line, columns).out
    assert max(map(len, out.splitlines())) <= max(columns, 50 if "--row" not in line else 0)


def test_plain_characters_where_there_are_no_others() -> None:
    """Under ASCII nothing fails, and the drawing is still one."""
    found = python(
        "-m",
        "cnncli",
        "receptive-field",
        "lenet",
        "--row",
        "conv1",
        "--no-gradients",
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )
    assert found.returncode == 0
    assert "#" in found.stdout


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("receptive-field lennet", 2, "did you mean 'lenet'"),
        ("receptive-field lenet --row conv3", 2, "did you mean 'conv2'"),
        ("receptive-field lenet --row conv2 --unit 10,0", 2, "write up to --unit 9,9"),
        ("receptive-field lenet --row conv2 --unit here", 2, "write row and column from 0, as in --unit 3,4"),
        ("receptive-field lenet --unit 1,1", 2, "name it, as in --row flatten"),
        ("receptive-field lenet --effective", 2, "name it, as in --row flatten"),
        ("receptive-field lenet --out x.png", 2, "--out is about one layer"),
        ("receptive-field lenet --row conv2 --out x.jpg", 2, "must end in .png"),
        ("receptive-field lenet --row conv2 --image x.png", 2, "write --out FILE.png too"),
        ("receptive-field lenet --input 1x8x8", 2, "conv2"),
        ("receptive-field lenet --which last", 2, "is no trained run"),
        ("receptive-field lenet weights=DEFAULT", 2, "weights= are torchvision's"),
        ("receptive-field ./nowhere", 3, "there is no such run folder"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    assert_refused(cnncli(line), code, words)
    assert not Path("x.png").exists()


def test_a_picture_that_cannot_be_read(cnncli: Cnncli) -> None:
    """Exit code 3, after the arithmetic."""
    found = cnncli("receptive-field lenet --row conv1 --no-gradients --image none.png --out x.png")
    assert found.code == 3
    assert "none.png" in found.err
    assert sys.modules.get("cnncli.render.looking") is None or not Path("x.png").exists()
