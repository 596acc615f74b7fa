"""`cnncli bottleneck` as people and scripts see it."""

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


def test_a_bottleneck_that_costs_more_is_told(cnncli: Cnncli) -> None:
    """Beyond the break-even width it says so in words."""
    assert "up to 154 channels, and more with these 500;" in " ".join(cnncli("bottleneck --mid 500").out.split())
    assert "and more with" not in " ".join(cnncli("bottleneck --mid 154").out.split())


def test_scripts_get_the_same_figures(cnncli: Cnncli) -> None:
    """JSON and CSV; the paths add up to their layers."""
    found = json.loads(cnncli("bottleneck --format json").out)
    assert found["schema"] == "cnncli/bottleneck/1"
    assert (found["direct"]["macs"], found["through"]["macs"]) == (120_422_400, 12_443_648)
    for path in ("direct", "through"):
        assert found[path]["macs"] == sum(layer["macs"] for layer in found[path]["layers"])
        assert found[path]["params"] == sum(layer["params"] for layer in found[path]["layers"])
    rows = list(csv.DictReader(cnncli("bottleneck --format csv").out.splitlines()))
    assert [(row["figure"], row["direct"]) for row in rows[:2]] == [("parameters", "153632"), ("MACs", "120422400")]


def test_the_input_may_say_the_channels(cnncli: Cnncli) -> None:
    """256x14x14 is 14x14 with --cin 256; a contradiction is refused."""
    whole, apart = cnncli("bottleneck --input 256x14x14"), cnncli("bottleneck --cin 256 --input 14x14")
    assert whole == apart
    assert_refused(cnncli("bottleneck --cin 255 --input 256x14x14"), 2, "contradict each other")


@pytest.mark.usefixtures("elsewhere")
def test_a_picture_of_every_width(cnncli: Cnncli) -> None:
    """Where --out says; a folder that is not there is an error of its own."""
    assert cnncli("bottleneck --out cost.png").out.endswith("picture in cost.png\n")
    with Image.open("cost.png") as picture:
        assert picture.size == (1200, 600)
    Path("file").touch()
    assert cnncli("bottleneck --out file/cost.png").code == 3


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("line", ["bottleneck", "bottleneck --cin 256 --mid 64 --cout 256 --k 3 --input 56x56"])
def test_it_fits_the_terminal(cnncli: Cnncli, line: str, columns: int) -> None:
    """Formulas and prose are broken."""
    assert max(map(len, cnncli(line, columns).out.splitlines())) <= columns


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bottleneck --mid 0", "--mid"),
        ("bottleneck --k 0", "--k '0' has a size outside"),
        ("bottleneck --k 3x3x3", "write it as in 5 or 3x5"),
        ("bottleneck --input 28", "write it as in 28x28"),
        ("bottleneck --out cost.jpg", "must end in .png"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, words: str) -> None:
    """One line, exit code 2."""
    assert_refused(cnncli(line), 2, words)


def test_no_torch_and_no_numpy() -> None:
    """The lesson is arithmetic on a few whole numbers."""
    assert heavy_imports("bottleneck") == []
