"""`cnncli diff` as people and scripts see it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.quick import heavy_imports
from tests.conftest import Result

Cnncli = Callable[..., Result]
PAIRS = [
    "lenet lenet@classic",
    "lenet lenet@paper",
    "alexnet alexnet@paper",
    "resnet18 resnet34",
    "resnet50 densenet121",
    "googlenet@paper googlenet@paper aux=true",
    "lenet --input-b 3x32x32",
]


def test_what_changed_and_what_it_costs(cnncli: Cnncli) -> None:
    """Both titles with their marks, the changed row in words, the totals."""
    found = cnncli("diff lenet lenet@classic")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0] == "- LeNet · d2l edition · input 1×28×28 · float32"
    assert lines[1] == "+ LeNet · classic edition · input 1×32×32 · float32"
    assert "~ conv1  padding 2 → 0" in lines
    assert "  pool1  avg 2×2/2" in lines
    assert "act1" not in found.out
    assert "parameters           61,706         61,706       0  1.00   0.0" in lines


def test_all_shows_every_row(cnncli: Cnncli) -> None:
    """Activations have their rows and long runs are not counted."""
    assert "  act1     sigmoid" in cnncli("diff lenet lenet@classic --all").out.splitlines()
    short, long = cnncli("diff resnet18 resnet34").out, cnncli("diff resnet18 resnet34 --all").out
    assert "  … 18 equal rows" in short
    assert "equal rows" not in long
    assert len(long.splitlines()) > 100


def test_a_block_that_only_one_has_is_one_line(cnncli: Cnncli) -> None:
    """With the sum of its rows."""
    line = "+ layer1.2  BasicBlock, 7 rows                                +73,984    +231.21"
    assert line in cnncli("diff resnet18 resnet34").out.splitlines()
    assert line.replace("+", "−").replace("− ", "- ") in cnncli("diff resnet34 resnet18").out.splitlines()


def test_arguments_belong_to_the_network_before_them(cnncli: Cnncli) -> None:
    """`ratio=8` is the first's, `hidden=512` the second's."""
    found = json.loads(cnncli("diff vgg11 ratio=8 vgg11 ratio=8 hidden=512 --format json").out)
    assert found["totals"]["params"] == {
        "a": 29_815_850,
        "b": 2_018_346,
        "change": -27_797_504,
        "ratio": 2_018_346 / 29_815_850,
    }


def test_equal_networks_say_so(cnncli: Cnncli) -> None:
    """In one line behind their title, and as a fact in JSON."""
    found = cnncli("diff lenet lenet activation=sigmoid --exit-code")
    assert found.code == 0
    assert found.out.splitlines() == [
        "LeNet · d2l edition · input 1×28×28 · float32",
        "equal: 12 rows, 61,706 parameters, 416,520 MACs",
    ]
    assert json.loads(cnncli("diff lenet lenet --format json").out)["equal"] is True


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
def test_exit_code_tells_whether_they_differ(format: str, cnncli: Cnncli) -> None:
    """1 with --exit-code where they differ, after the comparison; 0 without, and where they are equal."""
    found = cnncli(f"diff lenet lenet@classic --exit-code --format {format}")
    assert (found.code, found.err) == (1, "")
    assert "padding" in found.out
    assert cnncli(f"diff lenet lenet@classic --format {format}").code == 0
    assert cnncli(f"diff lenet lenet --exit-code --format {format}").code == 0


def test_two_inputs_of_one_network(cnncli: Cnncli) -> None:
    """One network and --input-b; the totals' columns are called by the inputs."""
    found = cnncli("diff lenet --input-b 3x32x32")
    assert "~ fc1    in_features 400 → 576" in found.out
    assert "total               1×28×28    3×32×32" in found.out
    both = json.loads(cnncli("diff lenet lenet@classic --input 1x32x32 --format json").out)
    assert both["a"]["input"] == both["b"]["input"] == [1, 32, 32]


def test_json_has_every_row_and_change(cnncli: Cnncli) -> None:
    """The schema, the marks in words, the changes as values."""
    found = json.loads(cnncli("diff lenet lenet@paper --format json").out)
    assert found["schema"] == "cnncli/diff/1"
    assert found["b"] == {"model": "lenet", "edition": "paper", "input": [1, 32, 32]}
    assert {row["mark"] for row in found["rows"]} == {"added", "removed", "changed"}
    c1 = found["rows"][0]
    assert (c1["a"], c1["b"], c1["params"]) == ("conv1", "C1", {"a": 156, "b": 156})
    assert {"what": "padding", "from": [2, 2], "to": [0, 0]} in c1["changes"]


def test_csv_and_markdown(cnncli: Cnncli) -> None:
    """Bare values of both sides, and the words; a pipe table with all rows."""
    rows = list(csv.DictReader(cnncli("diff vgg11 ratio=8 vgg13 ratio=8 --format csv").out.splitlines()))
    added = next(row for row in rows if row["mark"] == "added")
    assert (added["a"], added["b"], added["params_a"], added["params_b"]) == ("", "block1.conv2", "", "584")
    lines = cnncli("diff lenet lenet activation=relu --format markdown").out.splitlines()
    assert lines[3] == "| ~ | act1 | Sigmoid → ReLU |  |  |"
    assert len(lines) == 2 + 12


@pytest.mark.parametrize("pair", PAIRS)
def test_it_fits_a_terminal(pair: str, cnncli: Cnncli) -> None:
    """No line is wider than 80 columns."""
    assert max(map(len, cnncli(f"diff {pair}").out.splitlines())) <= 80
    assert max(map(len, cnncli(f"diff {pair} --all").out.splitlines())) <= 80


def test_a_run_folder_is_a_network(cnncli: Cnncli, tmp_path: Path) -> None:
    """The recipe's model, with the recipe's arguments."""
    (tmp_path / "recipe.yaml").write_text(
        "kind: recipe\nmodel: {name: lenet, activation: relu}\ndata: {name: digits}\n", encoding="utf-8"
    )
    found = cnncli(f"diff lenet {tmp_path}")
    assert found.code == 0, found.err
    assert "~ act1   Sigmoid → ReLU" in found.out


NET = """\
kind: network
name: mine
input: 1x28x28
layers:
  - conv1: {Conv2d: {out_channels: 6, kernel_size: 5, padding: 2}}
  - act1: ReLU
  - flatten: Flatten
  - fc: {Linear: {in_features: 4704, out_features: 10}}
"""


def test_a_network_file_is_a_network(cnncli: Cnncli, tmp_path: Path) -> None:
    """Against itself it is equal; against LeNet its rows are; where it fails, its line is named."""
    file = tmp_path / "net.yaml"
    file.write_text(NET, encoding="utf-8")
    assert "equal: 4 rows, 47,206 parameters" in cnncli(f"diff {file} {file} --exit-code").out
    found = cnncli(f"diff lenet {file}")
    assert "+ mine · input 1×28×28 · float32" in found.out
    assert "~ act1   Sigmoid → ReLU" in found.out
    refused = cnncli(f"diff lenet {file} --input 1x32x32")
    assert (refused.code, refused.out) == (2, "")
    assert f"{file}:8: fc: in_features is 4,704, the input has 6,144" in refused.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("diff", "diff needs A [key=value] B [key=value]"),
        ("diff lenet", "diff takes two networks, as in cnncli diff lenet lenet@classic"),
        ("diff lenet lenet lenet", "diff takes two networks"),
        ("diff pool=max lenet lenet", "'pool=max' stands before any network"),
        ("diff lenet lennet", "unknown network 'lennet'; did you mean 'lenet'?"),
        ("diff lenet lenet pol=max", "lenet: unknown argument 'pol'; did you mean 'pool'?"),
        ("diff lenet lenet --input-b 1x4x4", "lenet: conv2: a 2×2 input is smaller than the 5×5 window; the smallest"),
    ],
)
def test_wrong_requests_are_one_line(line: str, message: str, cnncli: Cnncli) -> None:
    """Exit 2, nothing on stdout, the place and the cure on stderr."""
    found = cnncli(line)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
    assert len(found.err.splitlines()) == 1


def test_colour_on_a_terminal_alone(cnncli: Cnncli) -> None:
    """The marked lines are coloured on a terminal, nowhere under NO_COLOR, and never in a pipe."""
    pexpect = pytest.importorskip("pexpect")
    assert "\x1b" not in cnncli("diff lenet lenet@classic").out

    def on_a_terminal(**environment: str) -> str:
        arguments = ["-m", "cnncli", "diff", "lenet", "lenet@classic"]
        clean = {"TERM": "xterm-256color", "PYTHONUTF8": "1", "PATH": "", **environment}
        return str(pexpect.run(" ".join([sys.executable, *arguments]), env=clean, encoding="utf-8", timeout=60))

    assert "\x1b[33m~ conv1  padding 2 → 0" in on_a_terminal()
    assert "\x1b[33m" not in on_a_terminal(NO_COLOR="1")


@pytest.mark.parametrize("line", ["diff lenet lenet@paper", "diff vgg11 vgg13 --format json", "diff --help"])
def test_no_heavy_import(line: str) -> None:
    """Comparing needs no torch."""
    assert heavy_imports(line) == []
