"""A network from a net.yaml is trained as a built-in one is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.quick import heavy_imports
from tests.conftest import Result

NET = """kind: network
name: my-net
input: 1x16x16
layers:
  - conv1: {Conv2d: {out_channels: 8, kernel_size: 5}}
  - relu1: ReLU
  - pool1: {MaxPool2d: {kernel_size: 2}}
  - flatten: Flatten
  - fc: {Linear: {out_features: WIDTH}}
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net.yaml for ten classes, in the current folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "my.yaml"
    file.write_text(NET.replace("WIDTH", "10"))
    return file


@pytest.mark.usefixtures("net")
def test_it_learns_and_its_run_is_a_source(cnncli: Callable[..., Result]) -> None:
    """Two epochs on the digits leave guessing behind; the run folder summarises and reruns."""
    found = cnncli("train my.yaml --data digits epochs=4 lr=0.1 batch_size=32 --format json")
    assert found.code == 0, found.err
    assert '"run": "runs/my-1"' in found.out
    assert float(found.out.rpartition('"test_acc": ')[2].split(",")[0].rstrip("}\n ")) > 0.5
    assert "my-net" in cnncli("summary runs/my-1").out
    assert cnncli("train runs/my-1/recipe.yaml epochs=1 --quiet").code == 0


def test_other_classes_are_refused_before_torch(net: Path, cnncli: Callable[..., Result]) -> None:
    """Seven outputs for ten classes: one line, and nothing begun."""
    net.write_text(NET.replace("WIDTH", "7"))
    found = cnncli("train my.yaml --data digits")
    assert found.code == 2
    assert "its output is 7, the data have 10 classes; make the last layer 10 wide" in found.err
    assert found.err.count("\n") == 1
    assert not Path("runs").exists()
    assert heavy_imports(f"train {net} --data digits") == []


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("train my.yaml --data digits activation=relu", 2, "activation"),
        ("train nosuch.yaml --data digits", 3, "nosuch.yaml"),
        ("train my.yaml", 2, "describes a network"),
    ],
)
@pytest.mark.usefixtures("net")
def test_wrong_requests(line: str, code: int, says: str, cnncli: Callable[..., Result]) -> None:
    """An argument that a file has not, a file that is not there, no data."""
    found = cnncli(line)
    assert found.code == code
    assert says in found.err
    assert found.err.count("\n") == 1
