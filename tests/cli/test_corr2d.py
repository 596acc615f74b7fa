"""`cnncli corr2d`: figures, scripts, pictures, and what it does without torch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused, python

Cnncli = Callable[..., Result]


def test_without_arguments_the_textbook_s_example(cnncli: Cnncli) -> None:
    """Input, kernel, output, arithmetic, and that torch agrees."""
    found = cnncli("corr2d")
    assert found.code == 0
    assert "[[19, 25], [37, 43]]" in found.out
    assert "0·0 + 1·1 + 3·2 + 4·3" in found.out
    assert found.out.endswith("agree: the largest difference is 0\n")


def test_the_arithmetic_has_no_empty_step(cnncli: Cnncli) -> None:
    """One product is no sum; what is negative stands in brackets."""
    assert "y[0, 0] = 2·3\n= 6\n" in cnncli("corr2d --x 2 --kernel 3 --no-check").out
    found = cnncli("corr2d --x '1 2' --kernel '3 4' --bias ' -5' --no-check").out
    assert "= 3 + 8 = 11\ny[0, 0] = 11 + (-5) = 6\n" in found


def test_json_for_scripts(cnncli: Cnncli) -> None:
    """The output has two axes for one map; the comparison with torch comes with `--check`."""
    found = json.loads(cnncli("corr2d --format json").out)
    assert (found["schema"], found["output"]) == ("cnncli/corr2d/1", [[19, 25], [37, 43]])
    assert "largest_difference" not in found
    found = json.loads(cnncli("corr2d --x '1 2|3 4' --kernel '1|1||2|2' --bias '0 1' --check --format json").out)
    assert found["output"] == [[[4, 6]], [[9, 13]]]
    assert found["largest_difference"] == 0


@pytest.mark.usefixtures("elsewhere")
def test_csv_is_read_again(cnncli: Cnncli) -> None:
    """What it writes is an input of the next; `.npy` and images are inputs too."""
    Path("y.csv").write_text(cnncli("corr2d --x '1 2 3|3 4 5' --format csv --kernel 2").out)
    found = cnncli("corr2d --x y.csv --kernel identity --pad 1 --format csv")
    assert found.out == "2.0,4.0,6.0\n\n6.0,8.0,10.0\n"
    np.save("x.npy", np.arange(9).reshape(3, 3))
    assert "[[19, 25], [37, 43]]" in cnncli("corr2d --x x.npy --no-check").out
    assert cnncli("corr2d --x x.npy --format markdown").out.splitlines()[2:] == ["| 19 | 25 |", "| 37 | 43 |"]


@pytest.mark.parametrize(
    "line",
    ["corr2d --no-check", "corr2d --format json", "corr2d --format csv", "corr2d --help", "corr2d --kernel nosuch"],
)
def test_torch_is_not_imported(line: str) -> None:
    """Where nothing is compared with it."""
    assert "torch" not in heavy_imports(line)


def test_the_result_stands_there_before_torch_is_imported() -> None:
    """It is printed and flushed first."""
    program = """
import sys
from cnncli.cli import run
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "torch":
            sys.stdout.write("torch is wanted\\n")
sys.meta_path.insert(0, Finder())
run(["corr2d"])
"""
    out = python("-c", program).stdout
    assert out.index("[[19, 25], [37, 43]]") < out.index("torch is wanted") < out.index("agree")


TWO = "--x '0 1 2; 3 4 5; 6 7 8 | 1 2 3; 4 5 6; 7 8 9'"
FOUR = "--kernel '0 1; 2 3 | 1 2; 3 4 || 1 1; 1 1 | 2 -2; 1/3 2e-9'"


@pytest.mark.parametrize("columns", [60, 200])
@pytest.mark.parametrize(
    "options",
    [
        "",
        "--flip",
        "--pad 1 --stride 3x2",
        "--pad same --flip --bias=-0.5",
        "--dilation 2x1",
        f"{TWO} --kernel '0 1; 2 3 | 1 2; 3 4' --bias 1/3",
        f"{TWO} --kernel sobel --pad 1x2 --bias '1 2'",
        f"{TWO} {FOUR} --flip --pad 1 --stride 1x2 --dilation 2x1 --bias '1 2.5'",
        "--kernel '0 1; 2 3 || 1 0; 0 1'",
        "--x '3e9 4e9' --kernel '5e9 6e9'",
    ],
)
def test_the_program_that_is_printed_runs_and_gives_what_stands_above_it(
    cnncli: Cnncli, options: str, columns: int
) -> None:
    """As it stands, import and call included; it is what is said to agree with torch."""
    shown = cnncli(f"corr2d {options}", columns).out
    program = shown[shown.index("import numpy") : shown.index("print(y)") + len("print(y)")]
    ran = python("-c", program)
    assert ran.returncode == 0, ran.stderr
    wanted = json.loads(cnncli(f"corr2d {options} --format json").out)["output"]
    numbers = [float(each) for each in re.findall(r"-?[0-9.]+(?:e[-+]?[0-9]+)?", ran.stdout)]
    assert numbers == pytest.approx(np.ravel(wanted), rel=1e-5)
    output = json.loads(shown[shown.index("output  ") + len("output") :].partition("\n\n")[0])
    assert np.ravel(output) == pytest.approx(np.ravel(wanted), rel=1e-4, abs=1e-4)
    assert "the loop and torch.nn.functional.conv2d agree" in " ".join(shown.split())


@pytest.mark.usefixtures("elsewhere")
def test_several_channels_are_all_shown_and_their_sum(cnncli: Cnncli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As numbers, as shades, and on the picture."""
    from cnncli.render import panels

    drawn: list[str] = []
    sheet = panels.sheet
    monkeypatch.setattr(
        panels, "sheet", lambda given, *rest: drawn.extend(each.title for each in given) or sheet(given, *rest)
    )
    found = cnncli(f"corr2d {TWO} {FOUR} --bias '1 2' --out y.png")
    assert all(words in found.out for words in ("channel 0: ", "channel 1: ", "y[0, 0] = 19 + 37 + 1 = 57"))
    assert drawn == [
        "input, channel 0", "kernel, map 0, channel 0", "what channel 0 adds",
        "input, channel 1", "kernel, map 0, channel 1", "what channel 1 adds",
        "output, map 0: the sum of 2 channels and the bias 1", "output, map 1",
    ]  # fmt: skip
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)).save("x.png")
    out = cnncli("corr2d --x x.png --kernel '1 1|2 2|3 3'").out
    assert all(words in out for words in ("channel 0 adds", "channel 1 adds", "channel 2 adds", "output, the sum"))


@pytest.mark.usefixtures("elsewhere")
def test_the_frame_around_a_photograph_is_explained(cnncli: Cnncli) -> None:
    """Zeros beside it are black; without padding there is none."""
    Image.fromarray(np.full((40, 40), 200, np.uint8)).save("x.png")
    assert "the frame is the padding's" in cnncli("corr2d --x x.png --kernel sobel --pad same").out
    assert "the frame" not in cnncli("corr2d --x x.png --kernel sobel").out
    assert "the frame" not in cnncli("corr2d --pad 1").out


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("colour", [False, True])
def test_an_image_becomes_shades_and_a_picture(cnncli: Cnncli, *, colour: bool) -> None:
    """Large results are shown in shades no wider than the terminal, and drawn with `--out`."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3) if colour else (60, 90), np.uint8)
    Image.fromarray(pixels).save("x.png")
    for kernel in ("sobel", "gaussian"):
        found = cnncli(f"corr2d --x x.png --kernel {kernel} --pad same --out y.png", 60)
        assert found.code == 0, found.err
        assert max(map(len, found.out.splitlines())) <= 60
        assert ("depthwise" in found.out) == colour
        assert "torch.nn.functional.conv2d agrees" in found.out
        with Image.open("y.png") as picture:
            assert picture.width > 300
    assert "1×9×9" in cnncli("corr2d --x x.png --channels 1 --size 10 --no-check").out


def test_every_step_is_printed_where_there_is_no_terminal(cnncli: Cnncli) -> None:
    """Frame after frame, then the result."""
    found = cnncli("corr2d --step --no-check")
    assert [line for line in found.out.splitlines() if line.startswith("window")] == [
        f"window {place} of 4: row {row}, column {column} of the output, counted from 0"
        for place, (row, column) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1)), 1)
    ]
    assert "  3 │ 4   5 │" in found.out
    assert "= 0 + 5 + 14 + 24 = 43" in found.out


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("--x '1 2; 3'", 2, "--input: row 1: 1 number, row 0 has 2"),
        ("--kernel '1 x'", 2, "--k: row 0, column 1: 'x' is not a number"),
        ("--kernel sobell", 2, "did you mean 'sobel'"),
        ("--x ''", 2, "--input: row 0: no number stands in it"),
        ("--kernel ''", 2, "--k: row 0: no number stands in it"),
        ("--size 8x8", 2, "--channels and --size are for images"),
        ("--x nowhere.csv", 3, "cannot read 'nowhere.csv'"),
        ("--x nowhere.png", 3, "cannot read the image 'nowhere.png'"),
        ("--out y.jpg", 2, "--out 'y.jpg' must end in .png"),
        ("--out nowhere.csv/y.png --no-check --format json", 3, "cannot write"),
        ("--stride 0", 2, "stride"),
        ("--pad same --stride 2", 2, "padding same needs stride 1"),
        ("--kernel '1 2 3 4'", 2, "smaller than the 1×4 window"),
        ("--step --format json", 2, "leave --format json out"),
        ("--size 0", 2, "--size '0'"),
        ("--bias '1 2'", 2, "--bias has 2 numbers"),
    ],
)
def test_what_is_wrong_is_one_line(line: str, code: int, words: str, cnncli: Cnncli) -> None:
    """Place, value and cure."""
    Path("nowhere.csv" if "nowhere.csv/" in line else "file").touch()
    found = cnncli(f"corr2d {line}")
    if code == 3 and "--out" in line:
        assert (found.code, len(found.err.splitlines())) == (3, 1)
    else:
        assert_refused(found, code, words)
