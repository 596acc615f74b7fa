"""`cnncli padding`: sizes, the map of counts, scripts, pictures, and neither torch nor numpy."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]


def test_the_map_says_how_often_each_pixel_is_read(cnncli: Cnncli) -> None:
    """Corners once, the middle nine times."""
    found = cnncli("padding").out
    assert "1  2  3  2  1\n2  4  6  4  2\n3  6  9  6  3\n" in found
    assert "the corner is read once" in found


def test_json_for_scripts(cnncli: Cnncli) -> None:
    """The choices with their sizes, and the counts of the first."""
    found = json.loads(cnncli("padding --input 6 --stride 2 --format json").out)
    assert found["schema"] == "cnncli/padding/1"
    assert found["choices"][0] == {
        "name": "valid", "padding": [[0, 0], [0, 0]], "output": [2, 2], "corner": 1, "middle": 1, "unread": 11, "in_padding": 0,
    }  # fmt: skip
    assert found["counts"][2] == [2, 2, 4, 2, 2, 0]
    assert cnncli("padding --format csv").out.splitlines()[1] == "valid,0,3x3,1,9,0,0"


def test_nothing_heavy_is_imported() -> None:
    """Only `--out` needs numpy and matplotlib."""
    for line in ("padding", "padding --input 224 --k 7 --stride 2 --pad 3 --format json"):
        assert heavy_imports(line) == []


@pytest.mark.usefixtures("elsewhere")
def test_a_picture_shows_all_choices(cnncli: Cnncli) -> None:
    """A panel each."""
    assert cnncli("padding --input 7x9 --stride 2 --out y.png").code == 0
    with Image.open("y.png") as picture:
        assert picture.width > 3 * 300


@pytest.mark.parametrize("line", ["--input 40x64 --k 5", "--input 7x90 --stride 4", "--k 2x3 --pad 1x2 --dilation 2"])
def test_nothing_is_wider_than_its_terminal(line: str, cnncli: Cnncli) -> None:
    """Large maps become shades; 60 columns hold everything."""
    found = cnncli(f"padding {line}", 60)
    assert found.code == 0, found.err
    assert max(map(len, found.out.splitlines())) <= 60


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--input 5x5x5", "no height and width"),
        ("--input abc", "is not a shape"),
        ("--k 9", "smaller than the 9×9 window"),
        ("--pad same --stride 2", "needs stride 1"),
        ("--pad half", "padding"),
        ("--out y.jpg", "must end in .png"),
    ],
)
def test_what_is_wrong_is_one_line(line: str, words: str, cnncli: Cnncli) -> None:
    """Place, value and cure."""
    assert_refused(cnncli(f"padding {line}"), 2, words)
