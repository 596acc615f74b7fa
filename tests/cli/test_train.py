"""`cnncli train`, as a program: refusals before torch, signals, folders that cannot be written, reruns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cnncli.training.checkpoint import load
from tests.conftest import Result, python

QUICK = "epochs=2 limit=100 batch_size=32"
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals to another process need POSIX")


pytestmark = pytest.mark.usefixtures("elsewhere", "one_thread")


def program(line: str) -> str:
    """A Python program that runs one command line and tells, last of all on stderr, which heavy modules it imported."""
    return f"""
import sys
from cnncli.cli import run
code = run({line.split()!r})
heavy = ("torch", "torchvision", "torch._dynamo", "matplotlib")
print("heavy:", *(name for name in heavy if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("train lennet", 2, "did you mean 'lenet'"),
        ("train lenet lrr=0.1", 2, "did you mean"),
        ("train lenet epochs=3 --epochs 4", 2, "contradict each other"),
        ("train lenet --device gpu", 2, "--device 'gpu' is no device"),
        ("train lenet data.name=nmist", 2, "unknown data set 'nmist'"),
        ("train resnet18", 2, "is a network, not a recipe"),
        ("train nowhere/net.yaml", 3, "nowhere/net.yaml"),
    ],
)
def test_what_is_wrong_is_refused_before_torch_is_imported(line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, no run folder."""
    found = python("-c", program(line))
    assert found.returncode == code
    message, heavy = found.stderr.splitlines()
    assert words in message
    assert heavy.split() == ["heavy:"]
    assert not Path("runs").exists()


def test_a_place_that_cannot_be_written_is_refused_before_torch_is_imported() -> None:
    """Here `runs` is a file (a folder without the right to write stops nobody who is root)."""
    Path("runs").touch()
    found = python("-c", program("train lenet"))
    message, heavy = found.stderr.splitlines()
    assert (found.returncode, heavy.split()) == (3, ["heavy:"])
    assert message.startswith("cnncli: cannot write 'runs'")


def test_a_run_imports_neither_torchvision_nor_the_compiler() -> None:
    """The digits need the first not at all, and nobody needs the second (1.3 s)."""
    found = python("-c", program(f"train lenet {QUICK}"))
    assert found.returncode == 0
    assert found.stderr.split() == ["heavy:", "torch", "matplotlib"]


def test_a_run_folder_reruns_to_the_same_bytes(cnncli: Callable[..., Result]) -> None:
    """By the recipe that it keeps; the new folder is called after the file."""
    assert cnncli(f"train lenet {QUICK}").code == 0
    found = cnncli("train runs/lenet-1/recipe.yaml --quiet")
    assert found.code == 0
    assert found.out.splitlines()[-1] == "runs/recipe-1 · next: cnncli predict runs/recipe-1 IMAGE"
    first, second = (Path("runs", name, "model.safetensors").read_bytes() for name in ("lenet-1", "recipe-1"))
    assert first == second


def test_a_run_folder_can_be_summarised(cnncli: Callable[..., Result]) -> None:
    """A run is a source of networks."""
    cnncli(f"train lenet {QUICK} --quiet")
    assert cnncli("summary runs/lenet-1").out.startswith("LeNet")


def test_what_the_closing_line_offers_works(cnncli: Callable[..., Result]) -> None:
    """As it stands there, for a file of that name."""
    closing = cnncli(f"train lenet {QUICK} --quiet").out.splitlines()[-1]
    Image.new("L", (28, 28)).save("IMAGE", "PNG")
    assert cnncli(closing.partition("next: cnncli ")[2]).out.splitlines()[1].startswith("IMAGE")


def test_options_are_keys_of_the_recipe(cnncli: Callable[..., Result]) -> None:
    """Each flag ends up in recipe.yaml."""
    line = "train lenet --data digits --epochs 1 -b 50 --lr 0.25 --seed 3 --limit 90 --device cpu --quiet"
    assert cnncli(line).code == 0
    text = Path("runs/lenet-1/recipe.yaml").read_text(encoding="utf-8")
    for part in ("name: digits", "epochs: 1\n", "batch_size: 50", "lr: 0.25", "seed: 3", "limit: 90"):
        assert part in text


def test_json_lines_on_the_command_line(cnncli: Callable[..., Result]) -> None:
    """Two epochs and the last object; stderr stays empty."""
    found = cnncli(f"train lenet {QUICK} --format json")
    lines = [json.loads(line) for line in found.out.splitlines()]
    assert [line.get("epoch") for line in lines] == [1, 2, None]
    assert (lines[-1]["schema"], lines[-1]["run"], lines[-1]["exit"]) == ("cnncli/train/1", "runs/lenet-1", 0)
    assert found.err == ""


def test_numbers_that_are_not_finite_exit_with_4(cnncli: Callable[..., Result]) -> None:
    """One line with epoch, step and cure."""
    found = cnncli(f"train lenet {QUICK} lr=1e30 schedule.name=constant")
    assert found.code == 4
    assert len(found.err.splitlines()) == 1
    assert "epoch 1, step" in found.err
    assert "lower optimizer.lr" in found.err


def long_run(*arguments: str) -> subprocess.Popen[str]:
    """A run that would take minutes, once its first epoch is over."""
    running = subprocess.Popen(
        [sys.executable, "-m", "cnncli", "train", "lenet", "epochs=5000", "limit=100", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith(("    1", '{"epoch": 1')):
            break
    return running


@POSIX
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")], ids=["int", "term"]
)
def test_a_signal_saves_where_it_stands(number: signal.Signals, code: int, word: str) -> None:
    """The step is finished, the checkpoint holds it, and one line says where."""
    running = long_run()
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == code
    assert err.startswith(f"cnncli: stopped by {word} in epoch ")
    assert err.endswith("; resume with: cnncli resume runs/lenet-1\n")
    assert len(err.splitlines()) == 1
    saved = load(Path("runs/lenet-1/checkpoints/last.pt"))
    rows = Path("runs/lenet-1/metrics.csv").read_text(encoding="utf-8").splitlines()
    assert len(saved["epochs"]) == len(rows) - 1 >= 1
    assert not Path("runs/lenet-1/model.safetensors").exists()


@POSIX
def test_json_tells_of_the_signal() -> None:
    """The last object has its exit code."""
    running = long_run("--format", "json")
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=60)
    assert json.loads(out.splitlines()[-1])["exit"] == running.returncode == 143


@POSIX
def test_a_second_signal_ends_at_once() -> None:
    """Signal upon signal: the exit code stays, no traceback is shown, and the last checkpoint is whole."""
    running = long_run()
    while running.poll() is None:
        running.send_signal(signal.SIGINT)
        time.sleep(0.001)
    _, err = running.communicate()
    assert running.returncode == 130
    assert len(err.splitlines()) <= 1
    assert load(Path("runs/lenet-1/checkpoints/last.pt"))["epochs"]


@POSIX
def test_a_reader_that_leaves_ends_a_run_quietly() -> None:
    """`cnncli train … | head`: 141, nothing on stderr, and a checkpoint."""
    running = long_run()
    assert running.stdout is not None
    running.stdout.close()
    assert running.wait(timeout=60) == 141
    assert running.stderr is not None
    assert running.stderr.read() == ""
    running.stderr.close()
    assert load(Path("runs/lenet-1/checkpoints/last.pt"))["epochs"]
