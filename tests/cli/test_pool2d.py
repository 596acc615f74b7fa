"""`cnncli pool2d`: the notes' figures, scripts, images, and never torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]


def test_without_arguments_the_notes_example(cnncli: Cnncli) -> None:
    """Both kinds, the arithmetic, and what pooling saves later."""
    found = cnncli("pool2d").out
    assert "y[0] = [[5, 6, 7, 7], [13, 14, 15, 15]]" in found
    assert "y[0] = [[1.1111, 2, 2.6667, 2], [5.6667, 9, 10, 7]]" in found
    assert "48,120" in found
    assert "1,106,040" in found


def test_json_for_scripts(cnncli: Cnncli) -> None:
    """Two axes for one channel, three for several; the gradient with `--grad`."""
    found = json.loads(cnncli("pool2d --format json").out)
    assert found["schema"] == "cnncli/pool2d/1"
    assert found["output"][0] == [[5, 6, 7, 7], [13, 14, 15, 15]]
    assert found["params"] == 0
    found = json.loads(cnncli("pool2d --x '1 2; 3 4' --mode avg --grad --format json").out)
    assert (found["output"], found["gradient"]) == ([[2.5]], [[0.25, 0.25], [0.25, 0.25]])
    assert cnncli("pool2d --x '1 2; 3 4' --format csv").out == "4.0\n"


def test_padding_may_be_left_out_of_the_mean(cnncli: Cnncli) -> None:
    """`--exclude-pad` divides by the elements of the input alone."""
    line = "pool2d --x '1 1; 1 1' --k 3 --stride 1 --pad 1 --mode avg"
    assert "y[0] = [[0.4444, 0.4444], [0.4444, 0.4444]]" in cnncli(line).out
    found = cnncli(f"{line} --exclude-pad").out
    assert "y[0] = [[1, 1], [1, 1]]" in found
    assert "(5 in padding, not counted)" in found


@pytest.mark.parametrize("line", ["pool2d", "pool2d --step", "pool2d --grad --format json"])
def test_torch_is_never_imported(line: str) -> None:
    """Nor are Pillow and matplotlib, without an image and a picture."""
    assert heavy_imports(line) == ["numpy"]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("shape", [(60, 90), (60, 90, 3)])
def test_an_image_becomes_shades_figures_and_a_picture(cnncli: Cnncli, shape: tuple[int, ...]) -> None:
    """No wider than the terminal; max keeps the greatest, the mean does not."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8)).save("x.png")
    found = cnncli("pool2d --x x.png --k 8 --grad --out y.png", 60)
    assert found.code == 0, found.err
    assert max(map(len, found.out.splitlines())) <= 60
    out = " ".join(found.out.split())
    assert "the last 4 rows and the last 2 columns are never read" in out
    assert "the mean keeps the average brightness" in out
    with Image.open("y.png") as picture:
        assert picture.width > 300


def test_every_step_is_printed_where_there_is_no_terminal(cnncli: Cnncli) -> None:
    """Frame after frame; `.` is padding that never wins, 0 padding that counts."""
    found = cnncli("pool2d --step").out
    assert found.count("window ") == found.count(" of 16: ") == 16
    assert "│  .    .    . │" in found
    assert "│  0    0    0 │" in cnncli("pool2d --step --mode avg").out
    assert "(4 zeros of padding counted)" not in cnncli("pool2d --step --mode avg --exclude-pad").out


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("--x '1 2; 3'", 2, "--input: row 1: 1 number, row 0 has 2"),
        ("--k 9", 2, "smaller than the 9×9 window"),
        ("--k 2 --pad 2", 2, "more than half of the kernel"),
        ("--mode avg --dilation 2", 2, "--dilation is for --mode max"),
        ("--exclude-pad", 2, "--exclude-pad is for --mode avg"),
        ("--x file.npy", 3, "cannot read 'file.npy'"),
        ("--channels 3", 2, "--channels and --size are for images"),
        ("--x '1 2' --size 8x8", 2, "--channels and --size are for images"),
        ("--step --format csv", 2, "leave --format csv out"),
        ("--out y.gif", 2, "must end in .png"),
    ],
)
def test_what_is_wrong_is_one_line(line: str, code: int, words: str, cnncli: Cnncli) -> None:
    """Place, value and cure."""
    Path("file.npy").write_bytes(b"PK")
    assert_refused(cnncli(f"pool2d {line}"), code, words)
