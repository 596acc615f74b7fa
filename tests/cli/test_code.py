"""`cnncli code` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.formats.python import to_python
from cnncli.models import network
from tests.cli.quick import heavy_imports
from tests.conftest import Result, python

Cnncli = Callable[..., Result]
EXAMPLES = Path(__file__).parent.parent / "formats" / "net_yaml" / "examples"


def test_it_prints_the_file(cnncli: Cnncli) -> None:
    """Nothing else stands on stdout."""
    assert cnncli("code lenet") == Result(0, to_python(network("lenet")), "")


def test_arguments_input_and_classes(cnncli: Cnncli) -> None:
    """The network is the one that was asked for."""
    found = cnncli("code lenet activation=relu --input 1x32x32 --classes 26")
    assert "        self.act1 = nn.ReLU()\n" in found.out
    assert "        self.fc3 = nn.Linear(84, 26)\n" in found.out
    assert "        self.fc1 = nn.Linear(576, 120)\n" in found.out


def test_json_holds_the_source(cnncli: Cnncli) -> None:
    """One object, with its schema."""
    assert json.loads(cnncli("code lenet --format json").out) == {
        "schema": "cnncli/code/1",
        "source": to_python(network("lenet")),
    }


def test_out_writes_a_file_that_runs_by_itself(cnncli: Cnncli, tmp_path: Path) -> None:
    """In UTF-8, whatever the terminal's encoding; with torch alone."""
    file = tmp_path / "lenet.py"
    assert cnncli(f"code lenet@paper --out {file}") == Result(0, "", "")
    program = "import torch, lenet; print(tuple(lenet.LeNet()(torch.zeros(2, 1, 32, 32)).shape))"
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (found.stdout, found.stderr) == ("(2, 10)\n", "")


def test_a_file_that_cannot_be_written(cnncli: Cnncli, tmp_path: Path) -> None:
    """Exit code 3, one line."""
    found = cnncli(f"code lenet --out {tmp_path / 'none' / 'lenet.py'}")
    assert found.code == 3
    assert found.err.endswith("first, or write another path\n")


def test_check_compares_with_the_network(cnncli: Cnncli) -> None:
    """The file on stdout, what was found on stderr."""
    found = cnncli(f"code {EXAMPLES / 'residual.yaml'} --check")
    assert found.code == 0
    assert found.err == "check: the same names in the state dict, the same outputs to the bit\n"
    assert found.out.startswith('"""Written by cnncli code')


def test_check_fails_where_they_differ(cnncli: Cnncli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, and in what."""
    monkeypatch.setattr(
        "cnncli.formats.python.to_python", lambda given: to_python(given).replace("nn.Sigmoid", "nn.Tanh")
    )
    found = cnncli("code lenet --check")
    assert found.code == 1
    assert "the code is not the network: output 0 differs while evaluating" in found.err


def test_it_survives_a_terminal_without_signs() -> None:
    """Comments lose their ×, the code stays Python."""
    found = python("-m", "cnncli", "code", "lenet", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert found.returncode == 0, found.stderr
    assert "# bx1x28x28 => bx6x28x28" in found.stdout
    compile(found.stdout, "lenet.py", "exec")


@pytest.mark.parametrize(
    "line", ["code lenet", "code resnet50 --format json", f"code {EXAMPLES / 'inception.yaml'}", "code lennet"]
)
def test_no_heavy_import(line: str) -> None:
    """Without --check, torch is not needed."""
    assert heavy_imports(line) == []


MODULES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x):
        print("forward")
        x = self.fc(x) * self.scale
        return (x, x.exp()) if self.training else x

class Asks(nn.Module):
    def forward(self, x):
        return x.sin() if x.sum().item() > 0 else x.cos()

class Late(nn.Module):
    def forward(self, x):
        if not x.is_meta:
            raise ValueError("no numbers, please")
        return x.exp()
"""


@pytest.fixture
def modules(tmp_path: Path) -> str:
    """A file of somebody's modules."""
    file = tmp_path / "net.py"
    file.write_text(MODULES, encoding="utf-8")
    return str(file)


def test_a_module_of_ones_own(cnncli: Cnncli, modules: str) -> None:
    """The code is compared with the module; what that prints is not in the code; what it does besides is told."""
    found = cnncli(f"code {modules}:Net --input 6 --check")
    assert found.code == 0
    assert "self.scale = nn.Parameter(torch.zeros(4))" in found.out
    assert "\nforward" not in found.out
    compile(found.out, "net.py", "exec")
    assert [line for line in found.err.splitlines() if line != "forward"] == [
        "check: the same names in the state dict, the same outputs to the bit",
        "check: in eval mode, in which it was recorded; there are 1 outputs while training, not 2",
    ]


TABLES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)
        self.register_buffer("table", torch.linspace(0, 1, 36).view(6, 6), persistent=False)

    def forward(self, x):
        return self.fc(x) @ self.table
"""


def test_numbers_in_a_file_beside(cnncli: Cnncli, tmp_path: Path) -> None:
    """Asked for where the code goes to stdout; the two files run with torch alone."""
    source, file = tmp_path / "own.py", tmp_path / "out" / "net.py"
    file.parent.mkdir()
    source.write_text(TABLES, encoding="utf-8")
    found = cnncli(f"code {source}:Net --input 6")
    assert (found.code, found.out) == (2, "")
    assert "the numbers of table go into a file beside the code" in found.err
    assert "--out net.py" in found.err
    found = cnncli(f"code {source}:Net --input 6 --out {file} --check")
    assert (found.code, found.out) == (0, ""), found.err
    assert sorted(each.name for each in file.parent.iterdir()) == ["net.constants.pt", "net.py"]
    program = "import torch, net; m = net.Net(); print(m.table.sum().item(), sorted(m.state_dict()))"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=file.parent, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("18.0 ['fc.bias', 'fc.weight']\n", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "Asks --input 6",
            "Asks: sin (sin) was recorded from a module and cannot be written as code (sin: its arguments",
        ),
        (
            "Asks --input 6 --check",
            "Asks: sin (sin) was recorded from a module and cannot be written as code (sin: its",
        ),
        (
            "Late --input 6 --check",
            "--check runs the module on the CPU, where it fails: ValueError: no numbers, please",
        ),
    ],
)
def test_what_cannot_be_written_or_checked(line: str, words: str, cnncli: Cnncli, modules: str) -> None:
    """Exit code 2 and one line."""
    found = cnncli(f"code {modules}:{line}")
    assert found.code == 2
    (said,) = found.err.splitlines()
    assert words in said
