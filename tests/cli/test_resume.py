"""`cnncli resume`, as a program: refusals before torch, one process at a time, signals at any moment, words."""

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

from tests.cli.test_train import QUICK, long_run, program
from tests.conftest import Result, python

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals to another process need POSIX")


pytestmark = pytest.mark.usefixtures("elsewhere", "one_thread")


def weights(name: str) -> bytes:
    """model.safetensors of a run."""
    return Path("runs", name, "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("resume", 3, "there is no run in 'runs'; begin one: cnncli train lenet"),
        ("resume runs/lenet-3", 3, "'runs/lenet-3': there is no such run folder; train one: cnncli train lenet"),
        ("resume lenet-3 --device gpu", 2, "--device 'gpu' is no device"),
        ("resume a b", 2, "b is not key=value"),
    ],
)
def test_what_is_wrong_is_refused_before_torch_is_imported(line: str, code: int, words: str) -> None:
    """One line and the contract's exit code."""
    found = python("-c", program(line))
    message, heavy = found.stderr.splitlines()
    assert (found.returncode, heavy.split()) == (code, ["heavy:"])
    assert words in message


def test_a_key_that_a_run_keeps_is_refused_before_torch_is_imported(cnncli: Callable[..., Result]) -> None:
    """With what differs; a wrong key is named as `train` names it."""
    assert cnncli(f"train lenet {QUICK} --quiet").code == 0
    found = python("-c", program("resume seed=3"))
    message, heavy = found.stderr.splitlines()
    assert (found.returncode, heavy.split()) == (2, ["heavy:"])
    assert message == (
        "cnncli: a run that goes on keeps its recipe, here seed 0 → 3; "
        "for another run: cnncli train runs/lenet-1/recipe.yaml seed=3"
    )
    assert "did you mean 'train.epochs'" in cnncli("resume epohs=3").err


def test_a_finished_run_says_so_and_can_be_longer(cnncli: Callable[..., Result]) -> None:
    """Exit 0 with the command to type; typed, it trains on and prints what follows."""
    line = f"train lenet {QUICK} schedule.name=constant"
    assert cnncli(line).code == 0
    found = cnncli("resume")
    assert (found.code, found.out) == (0, "")
    assert found.err == (
        "cnncli: runs/lenet-1 is finished, with 2 epochs; to train it further: cnncli resume runs/lenet-1 epochs=4\n"
    )
    told = json.loads(cnncli("resume --format json").out)
    assert (told["schema"], told["run"], told["epochs"], told["exit"]) == ("cnncli/train/1", "runs/lenet-1", 2, 0)
    longer = cnncli("resume runs/lenet-1 epochs=4")
    assert (longer.code, longer.err) == (0, "")
    lines = longer.out.splitlines()
    assert lines[2:4] == ["epoch    loss  train   test  time", "  … goes on in epoch 3"]
    assert [text.split()[0] for text in lines[4:6]] == ["3", "4"]
    assert lines[-1] == "runs/lenet-1 · next: cnncli predict runs/lenet-1 IMAGE"
    assert cnncli(f"{line.replace('epochs=2', 'epochs=4')} --quiet").code == 0
    assert weights("lenet-1") == weights("lenet-2")
    assert {entry.name for entry in Path("runs/lenet-1").iterdir()} == {
        entry.name for entry in Path("runs/lenet-2").iterdir()
    }


def test_a_damaged_checkpoint_is_said_on_stderr(cnncli: Callable[..., Result]) -> None:
    """By its name, and the run goes on."""
    assert cnncli(f"train lenet {QUICK} --quiet").code == 0
    whole = weights("lenet-1")
    Path("runs/lenet-1/model.safetensors").unlink()
    Path("runs/lenet-1/checkpoints/last.pt").write_bytes(b"junk")
    found = cnncli("resume --quiet")
    assert found.code == 0
    assert found.err == (
        "cnncli: 'runs/lenet-1/checkpoints/last.pt' is damaged: its checksum does not fit; "
        "going on from previous.pt, epoch 2 after 0 steps\n"
    )
    assert weights("lenet-1") == whole


@POSIX
def test_two_processes_do_not_train_in_one_folder(cnncli: Callable[..., Result]) -> None:
    """The second is refused with one line while the first, of `train`, is at work."""
    running = long_run()
    found = cnncli("resume runs/lenet-1")
    assert (found.code, found.out) == (3, "")
    assert found.err == (f"cnncli: 'runs/lenet-1' is being trained by process {running.pid}; wait for it, or end it\n")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert not Path("runs/lenet-1/.lock").exists()


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_signal_while_data_are_loaded_leaves_no_folder(number: signal.Signals) -> None:
    """Nothing was trained yet: the exit code of the signal, no words, no traceback."""
    stuck = f"""
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may ignore it
from cnncli.cli import run
import cnncli.training.setup
def load(*_):
    print("loading", flush=True)
    time.sleep(60)
cnncli.training.setup.load = load
sys.exit(run("train lenet {QUICK}".split()))
"""
    with subprocess.Popen(
        [sys.executable, "-c", stuck], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "loading\n"
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (128 + number, "", "")
    assert list(Path("runs").iterdir()) == []


@POSIX
@pytest.mark.parametrize("moment", ["evaluate", "save"])
def test_a_signal_while_it_evaluates_or_saves_is_obeyed_then(moment: str) -> None:
    """Evaluation stops at its next batch, a checkpoint is written first; the run goes on to the bytes of one left in peace."""
    where = {"evaluate": "cnncli.training.loop._confusion", "save": "cnncli.training.checkpoint.snapshot"}[moment]
    module, name = where.rsplit(".", 1)
    signalled = f"""
import os, signal, sys
from cnncli.cli import run
import {module} as module
real, calls = module.{name}, [0]
def once(*given):
    calls[0] += 1
    if calls[0] == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    return real(*given)
module.{name} = once
sys.exit(run("train lenet {QUICK} --quiet".split()))
"""
    found = python("-c", signalled)
    assert (found.returncode, found.stdout) == (143, "")
    where_it_stopped = "epoch 1 after 4 of 4 steps" if moment == "evaluate" else "epoch 2 after "
    assert where_it_stopped in found.stderr
    assert found.stderr.endswith("; resume with: cnncli resume runs/lenet-1\n")
    assert len(found.stderr.splitlines()) == 1
    assert python("-m", "cnncli", "resume", "--quiet").returncode == 0
    assert python("-m", "cnncli", "train", "lenet", *QUICK.split(), "--quiet").returncode == 0
    assert weights("lenet-1") == weights("lenet-2")


@POSIX
def test_a_run_that_was_resumed_can_be_stopped_and_resumed(cnncli: Callable[..., Result]) -> None:
    """The words are the same as the first time."""
    running = long_run()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    resumed = subprocess.Popen(
        [sys.executable, "-m", "cnncli", "resume"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert resumed.stdout is not None
    while "goes on in epoch" not in resumed.stdout.readline():
        pass
    time.sleep(0.3)
    resumed.send_signal(signal.SIGTERM)
    _, err = resumed.communicate(timeout=60)
    assert resumed.returncode == 143
    assert err.startswith("cnncli: stopped by SIGTERM in epoch ")
    assert err.endswith("; resume with: cnncli resume runs/lenet-1\n")
    assert cnncli("resume epochs=1").code == 2
