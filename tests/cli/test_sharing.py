"""`cnncli sharing`: the lesson and an image moved through a run, in every format, the pictures, and what is refused."""

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

QUICK = "train lenet epochs=2 limit=200 batch_size=32 --quiet --device cpu"

pytestmark = pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")


def test_the_lesson(cnncli: Cnncli) -> None:
    """The answer moves as the pattern does; a dense layer costs 23,670 times as much."""
    out = cnncli("sharing --shift 3,5").out
    assert "largest answer 1 at row 1, column 2 (counted from 0)\n" in out
    assert "largest answer 1 at row 4, column 7: so did the answer" in out
    assert "= (1·5·5 + 1)·6 = 156\n" in out
    assert "= (1·28·28 + 1)·6·28·28 = 3,692,640\n" in out


def test_the_lesson_needs_no_torch() -> None:
    """Only numpy; with --out matplotlib too."""
    assert heavy_imports("sharing") == ["numpy"]
    assert "torch" not in heavy_imports("sharing --out x.png")


def test_json_of_the_lesson(cnncli: Cnncli) -> None:
    """Places, answers and costs."""
    found = json.loads(cnncli("sharing --cin 3 --cout 4 --k 3x5 --input 6x7 --out x.png --format json").out)
    assert found["schema"] == "cnncli/sharing/1"
    assert found["shift"] == found["moved"] == [4, 6]
    assert found["follows"] is True
    assert len(found["before"]["response"]) == 8
    assert (found["params"], found["dense"]) == ((3 * 15 + 1) * 4, (3 * 42 + 1) * 4 * 42)
    with Image.open(found["picture"]) as picture:
        assert picture.size == (1152, picture.size[1])
    rows = list(csv.DictReader(cnncli("sharing --format csv").out.splitlines()))
    assert [(row["layer"], row["params"]) for row in rows] == [("convolution", "156"), ("fully connected", "3692640")]


def test_an_image_of_one_s_own(cnncli: Cnncli) -> None:
    """The part with the most contrast is looked for, or the one that is named."""
    image = Image.effect_noise((64, 48), 20)
    image.paste(Image.effect_noise((12, 12), 120), (30, 20))
    image.save("noise.png")
    found = json.loads(cnncli("sharing --image noise.png --format json").out)
    assert found["moved"] == [4, 6]
    named = json.loads(cnncli("sharing --image noise.png --pattern 20,30,12,12 --shift -5,3 --format json").out)
    assert named["before"]["place"] == [20, 30]
    assert named["after"]["place"] == [15, 33]


def test_an_image_moved_through_a_run(cnncli: Cnncli) -> None:
    """Maps move with it to the bit; the answers and the accuracy by shift; the one of no shift is what evaluate says."""
    cnncli(QUICK)
    found = cnncli("sharing lenet-1 --reach 6 --images 360 --out moved.png")
    out = " ".join(found.out.split())
    assert found.code == 0
    assert "conv1 moves with it: 3 pixels are 3 units, the same" in out
    assert "conv2 moves with it: 2 pixels are 1 unit, the same" in out
    values = json.loads(cnncli("sharing lenet-1 --reach 6 --images 360 --format json").out)
    accuracy = json.loads(cnncli("evaluate lenet-1 --format json").out)["accuracy"]
    assert values["test_images"] == 360
    places = 13 * 13
    assert 0 < values["kept"] < places
    assert (
        '"the result is the same wherever the object stands": true of the maps, which move with it; '
        f"not true of the answer, which changes at {places - values['kept']} of {places} places"
    ) in out
    assert values["accuracy_right"][6] == values["accuracy_down"][6] == pytest.approx(accuracy)
    assert min(values["accuracy_right"]) < accuracy
    assert all(each["largest_difference"] < 1e-5 for each in values["follows"])
    with Image.open("moved.png") as picture:
        assert picture.size[0] == 1320
    rows = list(csv.DictReader(cnncli("sharing lenet-1 --reach 2 --images 0 --format csv").out.splitlines()))
    assert [row["shift"] for row in rows] == ["-2", "-1", "0", "1", "2"]
    assert "right_accuracy" not in rows[0]


def test_one_image_in_a_file_is_what_predict_says(cnncli: Cnncli) -> None:
    """Where it is not moved."""
    cnncli(QUICK)
    Image.linear_gradient("L").resize((40, 30)).save("grey.png")
    predicted = json.loads(cnncli("predict lenet-1 grey.png --format json").out)["predictions"][0]["top"][0]
    found = json.loads(cnncli("sharing lenet-1 --image grey.png --reach 1 --images 0 --format json").out)
    assert found["answers"][1][1]["class"] == predicted["class"]
    assert found["answers"][1][1]["probability"] == pytest.approx(predicted["probability"], abs=1e-5)


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_it_fits_the_terminal(cnncli: Cnncli, columns: int) -> None:
    """Pictures in characters stand below each other where there is no room."""
    out = cnncli("sharing", columns).out
    assert max(map(len, out.splitlines())) <= max(columns, 52)  # a formula is not broken further


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("sharing nowhere", 2, "nowhere"),
        ("sharing lenet", 2, "is no trained run"),
        ("sharing lenet --shift 1,1", 2, "--shift is about the lesson without a run"),
        ("sharing --which last", 2, "--which is about a trained run"),
        ("sharing --invert", 2, "--invert is about a trained run"),
        ("sharing --shift 9,0", 2, "take -1 to 6 rows"),
        ("sharing --shift 9", 2, "write 2 whole numbers, as in --shift 4,6"),
        ("sharing --pattern 1,2,3", 2, "write 4 whole numbers"),
        ("sharing --k 3x3x3", 2, "has 3 numbers"),
        ("sharing --input 1x1 --k 1", 2, "is a fully connected layer already"),
        ("sharing --image none.png", 3, "none.png"),
        ("sharing --out x.jpg", 2, "must end in .png"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    assert_refused(cnncli(line), code, words)
    assert not Path("x.jpg").exists()
