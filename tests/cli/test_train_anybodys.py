"""Networks of libraries and of somebody's own code are trained, resumed, judged and exported as built-in ones are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result

CODE = """
from torch import nn

print("executed")

class Net(nn.Module):
    def __init__(self, width=4, classes=10):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.fc = nn.Linear(width * 36, classes)

    def forward(self, x):
        return self.fc(self.conv(x).relu().flatten(1))
"""
SMALL = "torchvision:mobilenet_v3_small --data digits resize=32 lr=0.02 limit=96 batch_size=32 --quiet"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_librarys_network_resumes_to_the_same_bytes(cnncli: Callable[..., Result]) -> None:
    """One epoch and one more are two; dropout and batch normalisation among them. It is judged and exported as it is."""
    line = f"train {SMALL} frozen=[features.0] schedule.name=constant"
    assert cnncli(f"{line} --epochs 2").code == 0
    assert cnncli(f"{line} --epochs 1").code == 0
    assert cnncli("resume runs/mobilenet_v3_small-2 epochs=2 --quiet").code == 0
    whole, halved = (Path(f"runs/mobilenet_v3_small-{number}/model.safetensors").read_bytes() for number in (1, 2))
    assert whole == halved
    judged = cnncli("evaluate runs/mobilenet_v3_small-1 --format json")
    assert judged.code == 0, judged.err
    assert '"count": 360' in judged.out
    exported = cnncli("export runs/mobilenet_v3_small-1 --to safetensors --out m.safetensors")
    assert "the same first class on 360 of 360" in exported.out, exported.err


def test_frozen_layers_of_a_library_stay(cnncli: Callable[..., Result]) -> None:
    """What is frozen is as it was drawn, bit for bit; what is not has moved."""
    from safetensors.torch import load_file

    for epochs in (1, 2):
        assert cnncli(f"train {SMALL} --epochs {epochs} frozen=[features.0]").code == 0
    one, two = (load_file(f"runs/mobilenet_v3_small-{number}/model.safetensors") for number in (1, 2))
    moved = {name.rpartition(".")[0] for name in one if not one[name].equal(two[name])}
    assert "features.0.0" not in moved
    assert {"features.1.block.0.0", "classifier.3"} <= moved


def test_timm_too(cnncli: Callable[..., Result]) -> None:
    """A model of timm, with its own arguments."""
    pytest.importorskip("timm")
    found = cnncli(
        "train timm:test_byobnet --data digits resize=32 lr=0.02 limit=64 batch_size=32 --epochs 1 model.drop_rate=0.1"
    )
    assert found.code == 0, found.err
    assert (
        "test_byobnet · relu, sigmoid, average pooling · 202,426 parameters\non digits (64 train, 360 test)"
        in found.out
    )


def test_own_code_runs_once_and_is_data_from_then_on(cnncli: Callable[..., Result]) -> None:
    """The run goes on, is judged and begins anew without the file that it came from."""
    Path("mine.py").write_text(CODE)
    found = cnncli("train mine.py:Net --data digits width=8 lr=0.1 batch_size=32 --epochs 3")
    assert found.code == 0, found.err
    assert "trained as network.yaml in the run folder has it" in found.err
    assert "executed" not in found.out
    Path("mine.py").unlink()
    assert cnncli("resume runs/Net-1 epochs=4 --quiet").code == 0
    assert '"accuracy": 0.' in cnncli("evaluate runs/Net-1 --format json").out
    assert "8×6×6" in cnncli("summary runs/Net-1").out
    assert cnncli("train runs/Net-1/recipe.yaml --epochs 1 --quiet").code == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("torchvision:resnet18", "is a network, not a recipe; say what to train it on, as in --data digits"),
        ("torchvision:resnet19 --data digits", "unknown torchvision model 'resnet19'; did you mean 'resnet18'"),
        ("torchvision:googlenet --data digits resize=32", "has 3 outputs, one can be trained"),
        ("torchvision:squeezenet1_1 --data digits resize=32 model.dropot=1", "dropot"),
        ("torchvision:squeezenet1_1 --data digits resize=32 frozen=[feature]", "'feature' is no layer with weights"),
        ("mine.py:Net --data mnist", "at 1×28×28: in_features is 144, the input has 2,704; resize="),
        ("mine.py:Net --data digits classes=7", "its output is 7, the data have 10 classes"),
        ("mine.py:Net", "say what to train it on, as in --data digits"),
        ("mine.py:Nett --data digits", "did you mean 'Net'"),
        ("mine.py:Net --data digits wdth=3", "unknown key 'wdth'"),
    ],
)
def test_refusals_are_one_line_and_begin_nothing(line: str, says: str, cnncli: Callable[..., Result]) -> None:
    """What cannot be trained is refused before a run folder is made."""
    Path("mine.py").write_text(CODE)
    found = cnncli(f"train {line}")
    assert found.code == 2
    assert says in found.err
    assert found.err.removeprefix("executed\n").count("\n") == 1
    assert not Path("runs").exists()


def test_what_a_recipe_says_of_every_model_is_no_argument_of_own_code(cnncli: Callable[..., Result]) -> None:
    """By its dotted name, as by its bare one."""
    Path("mine.py").write_text(CODE)
    for key in ("frozen", "model.frozen"):
        found = cnncli(f"train mine.py:Net --data digits {key}=[conv] --dry-run")
        assert "1,450 of 1,490 parameters trained" in found.out, found.err


def test_a_rate_is_found_and_a_run_rehearsed_for_own_code(cnncli: Callable[..., Result]) -> None:
    """Nothing is kept of either."""
    Path("mine.py").write_text(CODE)
    found = cnncli("lr-find mine.py:Net --data digits --format json")
    assert found.code == 0, found.err
    assert '"schema": "cnncli/lr-find/1"' in found.out
    rehearsed = cnncli("train mine.py:Net --data digits --dry-run")
    assert "# network  input 1×8×8, 10 classes" in rehearsed.out, rehearsed.err
    assert not Path("runs").exists()
