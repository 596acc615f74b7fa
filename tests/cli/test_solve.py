"""`cnncli solve` as people and scripts see it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.quick import heavy_imports
from tests.conftest import Result

Cnncli = Callable[..., Result]


def test_windows_are_listed_with_those_left_out_counted(cnncli: Cnncli) -> None:
    """A heading, twelve rows, and how many more there are."""
    found = cnncli("solve --input 224 --output 55")
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0] == "conv 224 → 55: 47 windows, 15 reading every pixel"
    assert lines[1].split() == ["kernel", "stride", "padding", "dilation", "reads", "every", "pixel"]
    assert lines[-1] == "and 35 more; --limit 47 shows all"
    assert len(lines) == 15
    assert len(cnncli("solve --input 224 --output 55 --limit 47").out.splitlines()) == 49


def test_json_has_all_of_them(cnncli: Cnncli) -> None:
    """The contract's object, whatever the limit."""
    found = json.loads(cnncli("solve --input 224 --output 55 --limit 1 --format json").out)
    assert found["schema"] == "cnncli/solve/1"
    assert len(found["solutions"]) == 47
    assert found["solutions"][5] == {"kernel_size": 11, "stride": 4, "padding": 2, "dilation": 1, "reads_all": True}


def test_transposed_convolutions_say_their_output_padding(cnncli: Cnncli) -> None:
    """A column and a key more."""
    line = "solve --input 7 --output 14 --kind conv-transpose --k 3"
    assert json.loads(cnncli(f"{line} --format json").out)["solutions"][0] == {
        "kernel_size": 3,
        "stride": 2,
        "padding": 1,
        "dilation": 1,
        "output_padding": 1,
        "reads_all": True,
    }
    assert "output padding" in cnncli(line).out


def test_values_per_axis(cnncli: Cnncli) -> None:
    """Two sizes and a flat kernel: lists in JSON, 3×5 in the table."""
    line = "solve --input 20x30 --output 18x26 --k 3x5"
    found = json.loads(cnncli(f"{line} --format json").out)
    assert (found["input"], found["output"]) == ([20, 30], [18, 26])
    assert found["solutions"][0]["kernel_size"] == [3, 5]
    assert "   3×5       1        0         1  yes" in cnncli(line).out


def test_none_is_an_answer(cnncli: Cnncli) -> None:
    """Exit 0, the nearest outputs named, an empty list in JSON and a bare heading in CSV."""
    line = "solve --input 224 --output 113 --k 11 --stride 4"
    found = cnncli(line)
    assert found == (0, "conv 224 → 113: no window within the search; the nearest outputs are 57 and 56\n", "")
    as_json = json.loads(cnncli(f"{line} --format json").out)
    assert (as_json["solutions"], as_json["nearest"]) == ([], [57, 56])
    assert cnncli(f"{line} --format csv").out == "kernel_size,stride,padding,dilation,reads_all\n"


def test_rounding_up_reads_more(cnncli: Cnncli) -> None:
    """A ceil-mode pool turns 112 into 56 with 3×3/2 and no padding; rounding down needs padding."""
    line = "solve --input 112 --output 56 --kind max-pool --k 3 --dilation 1 --format csv"
    assert list(csv.reader(cnncli(f"{line} --ceil").out.splitlines()))[1:] == [["3", "2", "0", "1", "true"]]
    assert list(csv.reader(cnncli(line).out.splitlines()))[1:] == [["3", "2", "1", "1", "true"]]


def test_same_and_markdown(cnncli: Cnncli) -> None:
    """`--pad same` keeps its word in every format."""
    found = cnncli("solve --input 28 --output 28 --pad same --limit 1 --format markdown")
    assert found.out.splitlines()[-1] == "| 1 | 1 | same | 1 | yes |"
    as_json = json.loads(cnncli("solve --input 28 --output 28 --pad same --format json").out)
    assert as_json["solutions"][1]["padding"] == "same"


def test_a_network(cnncli: Cnncli) -> None:
    """The smallest input and why, the sizes that leave nothing unread, its own input."""
    found = cnncli("solve vgg16")
    assert found.code == 0
    assert "smallest input  1×32×32; at 31×31, block5.pool: a 1×1 input is smaller" in found.out
    assert "nothing unread  32×32, 64×64, 96×96, 128×128 … every 32 from 32" in found.out
    assert "at 1×224×224    every pixel is read" in found.out
    as_json = json.loads(cnncli("solve vgg16 --format json").out)
    assert as_json == {
        "schema": "cnncli/solve/1",
        "model": "vgg16",
        "edition": "d2l",
        "smallest_input": [1, 32, 32],
        "no_remainder": {"sides": [32], "every": 32},
        "unread": {},
    }


def test_a_networks_arguments_and_input(cnncli: Cnncli) -> None:
    """`key=value` and the input's channels reach the network."""
    assert json.loads(cnncli("solve lenet pool=max --input 3x28x28 --format json").out)["smallest_input"] == [3, 12, 12]
    refused = cnncli("solve lenet --input 1x4x4 --format json")
    assert json.loads(refused.out)["refused"] == "conv2: a 2×2 input is smaller than the 5×5 window"


def test_inputs_for_a_map(cnncli: Cnncli) -> None:
    """The range of inputs, as a line and as numbers."""
    assert "block5.pool 512×7×7  for inputs from 224×224 to 255×255" in cnncli("solve vgg16 --output 7x7").out
    found = json.loads(cnncli("solve alexnet --output 5x7 --format json").out)
    assert found["output"] == [256, 5, 7]
    assert found["sides"][1] == list(range(257, 289))


def test_a_network_file(cnncli: Cnncli, tmp_path: Path) -> None:
    """A dense layer of a fixed width takes few inputs: they are found, and others explained."""
    file = tmp_path / "net.yaml"
    file.write_text(NET, encoding="utf-8")
    found = cnncli(f"solve {file}").out
    assert "smallest input  1×14×14; at 13×13, fc: in_features is 98, the input has 72" in found
    assert "nothing unread  14×14\n" in found
    assert "pool 2×7×7  for inputs from 14×14 to 15×15" in cnncli(f"solve {file} --output 7").out
    refused = cnncli(f"solve {file} --output 8").out
    assert "pool 2×8×8  for inputs from 16×16 to 17×17" in refused
    assert "but         fc: in_features is 98, the input has 128" in refused
    assert "pool 2×6×6  for no input; the nearest size is 7" in cnncli(f"solve {file} --output 6").out


NET = """\
kind: network
name: mine
input: 1x14x14
layers:
  - conv: {Conv2d: {out_channels: 2, kernel_size: 3, padding: 1}}
  - pool: {MaxPool2d: {kernel_size: 2}}
  - flatten: Flatten
  - fc: {Linear: {in_features: 98, out_features: 10}}
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("solve", "solve takes --input and --output (--input 224 --output 55), or a network (solve vgg16)"),
        ("solve --input 224", "solve takes --input and --output"),
        ("solve lennet", "unknown network 'lennet'; did you mean 'lenet'?"),
        ("solve lenet --k 3", "--k is about one window, 'lenet' is a network"),
        ("solve --input 8 --output 4 --kind covn", "unknown layer kind 'covn'; did you mean 'conv'?"),
        ("solve --input 8 --output 4 --kind relu", "relu has no window to solve for"),
        ("solve --input 8 --output 4 --kind avg-pool --dilation 2", "--dilation means nothing to avg-pool"),
        ("solve --input 8 --output 4 --ceil", "--ceil means nothing to conv"),
        ("solve --input 1x8x8 --output 4", "input 1×8×8 has 3 values; write one, or 2"),
        ("solve --input 8 --output 4 --k x", "kernel_size takes a number or one an axis (3x5), not 'x'"),
        ("solve --input 8 --output 4 --max-k 99999", "windows to try, more than 500,000"),
        ("solve lenet --output 16x5x5", "--output has 3 sizes; lenet's maps have 2, as in 7x7"),
    ],
)
def test_wrong_requests_are_one_line(line: str, message: str, cnncli: Cnncli) -> None:
    """Exit 2, nothing on stdout, the place and the cure on stderr."""
    found = cnncli(line)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
    assert len(found.err.splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["solve --input 224 --output 55", "solve lenet", "solve lenet --output 5", "solve --help"]
)
def test_no_heavy_import(line: str) -> None:
    """Solving needs no torch."""
    assert heavy_imports(line) == []
