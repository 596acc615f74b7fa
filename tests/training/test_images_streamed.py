"""Training on image files: the same bits prepared or streamed, by however many processes, stopped or not."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from cnncli.errors import DataError
from cnncli.training.default_recipe import default_recipe
from cnncli.training.images import Images, Streamed
from cnncli.training.loop import train
from cnncli.training.setup import Setup, prepare
from cnncli.training.state import State, initial_state, restore, snapshot
from tests.conftest import Result

AUGMENT = "augment=[{crop: 2}, flip, {rotate: 5}, {jitter: 0.2}, {cutout: 4}, {randaugment: {n: 1, m: 9}}]"
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals to another process need POSIX")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty noisy images to train on and twelve to test on, of three classes and several sizes."""
    monkeypatch.setenv("CNNCLI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for number in range(72):
        path = tmp_path / "set" / ("test" if number >= 60 else "train") / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((20 + number % 5, 24), 40 + 30 * (number % 3)).convert("RGB").save(path)
    return tmp_path / "set"


def made(*overrides: str) -> Setup:
    """A small setup on the folder, on the CPU."""
    asked = ["epochs=2", "batch_size=16", "lr=0.05", "activation=relu", AUGMENT]
    names = {text.partition("=")[0] for text in overrides}
    return prepare(
        default_recipe(
            "lenet", "folder:set", [*(text for text in asked if text.partition("=")[0] not in names), *overrides]
        ),
        "cpu",
    )


def trained(setup: Setup) -> State:
    """Where it stands at the end."""
    state = initial_state(setup)
    list(train(setup, state))
    return state


def weights(state: State) -> dict[str, torch.Tensor]:
    """What was trained."""
    return state.module.state_dict()


def same(one: State, other: State) -> bool:
    """Whether two runs came to the same bits: weights, losses, confusion."""
    figures = [[each._replace(seconds=0, total_seconds=0) for each in state.epochs] for state in (one, other)]
    assert one.confusion is not None
    assert other.confusion is not None
    return (
        figures[0] == figures[1]
        and torch.equal(one.confusion, other.confusion)
        and all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())
    )


def test_a_run_comes_to_the_same_bits_however_its_images_come() -> None:
    """Prepared, just prepared, and streamed by no, one and two processes; with every kind of change and a validation split."""
    jobs = [made("cache=always", "val=0.2"), made("cache=always", "val=0.2")]
    jobs += [made("cache=never", f"workers={workers}", "val=0.2") for workers in (0, 1, 2)]
    assert [type(setup.train) for setup in jobs] == [Images, Images, Streamed, Streamed, Streamed]
    assert len({setup.scale for setup in jobs}) == 1
    first, *others = [trained(setup) for setup in jobs]
    assert all(same(first, other) for other in others)


def test_the_sets_own_validation_split_changes_no_training(folder: Path) -> None:
    """In memory, streamed, and stopped in between: to the same bits, and to the weights that come out without it."""
    without = trained(made("cache=always"))
    for number in range(7):
        path = folder / "val" / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((21, 22), 90).convert("RGB").save(path)
    whole = trained(made("cache=always", "val=0.5"))
    setup = made("cache=never", "workers=1", "limit=null", "val=0.5")
    assert setup.counts == {"train": 60, "val": 7, "test": 12}
    assert [len(labels) for _, labels in setup.val.in_order(5)] == [5, 2]
    state, steps = initial_state(setup), iter(range(99))
    list(train(setup, state, lambda: next(steps) >= 5))
    again = restore(setup, snapshot(state, setup))
    list(train(setup, again))
    assert whole.epochs[-1].val
    assert same(whole, again)
    assert all(torch.equal(value, weights(without)[name]) for name, value in weights(whole).items())


def test_a_run_on_a_folder_with_bad_images_comes_to_the_same_bits_too(folder: Path) -> None:
    """Left out before anything is drawn, whether prepared or streamed."""
    for name in ("train/a/3.png", "test/b/70.png"):
        (folder / name).write_bytes(b"")
    jobs = [made("on_bad_image=skip", *rest) for rest in (["cache=always"], ["cache=never", "workers=1"])]
    assert [setup.skipped for setup in jobs] == [(f"{folder}/train/a/3.png", f"{folder}/test/b/70.png")] * 2
    assert [(len(setup.train), len(setup.test)) for setup in jobs] == [(59, 11)] * 2
    first, other = [trained(setup) for setup in jobs]
    assert same(first, other)


@pytest.mark.parametrize("stop", [1, 3, 4, 6])
def test_a_streamed_run_that_was_stopped_goes_on_to_the_same_bits(stop: int) -> None:
    """After any step, by another number of processes, with dropout drawn as if nothing had happened."""
    whole = trained(made("cache=never", "workers=0"))
    setup, steps = made("cache=never", "workers=2"), 0

    def halted() -> bool:
        nonlocal steps
        steps += 1
        return steps >= stop

    state = initial_state(setup)
    list(train(setup, state, halted))
    assert (state.batch, len(state.epochs)) != (0, 2)
    later = made("cache=never", "workers=1")
    again = restore(later, snapshot(state, setup))
    list(train(later, again))
    assert same(whole, again)
    assert multiprocessing.active_children() == []


def test_no_process_is_left_when_a_run_ends() -> None:
    """After the last epoch, and after a step that failed."""
    trained(made("cache=never", "workers=2"))
    assert multiprocessing.active_children() == []


def test_batches_are_those_of_images_in_memory() -> None:
    """Chosen, in steps, and in order, with the last one shorter; labels with them."""
    ready, streamed = made("cache=always"), made("cache=never", "workers=1")
    for one, other in zip(ready.train.batches(ready.steps(1)), streamed.train.batches(streamed.steps(1)), strict=True):
        assert all(map(torch.equal, one, other))
    for one, other in zip(ready.test.in_order(5), streamed.test.in_order(5), strict=True):
        assert all(map(torch.equal, one, other))
    indices = torch.tensor([5, 2, 59])
    assert all(map(torch.equal, ready.train.chosen(indices), streamed.train.chosen(indices)))
    assert [len(labels) for _, labels in streamed.test.in_order(5)] == [5, 5, 2]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_that_goes_bad_while_training_is_named(folder: Path, workers: int) -> None:
    """With its path and the cure; what was trained so far stays in the checkpoint."""
    setup = made("cache=never", f"workers={workers}")
    state = initial_state(setup)
    running = train(setup, state)
    next(running)
    (folder / "train/c/17.png").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"c/17\.png': it is empty; mend or remove it, or write data\.on_bad_image: skip"
    ):
        next(running)
    assert len(state.epochs) == 1
    assert multiprocessing.active_children() == []


def test_images_with_colours_keep_them() -> None:
    """LeNet takes three channels then, though the textbook's takes one."""
    assert made().train.finish.size == (3, 28, 28)
    assert weights(initial_state(made()))["conv1.weight"].shape[1] == 3


def test_grey_images_stay_grey(folder: Path) -> None:
    """And become RGB for a network that takes nothing else."""
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    assert made().train.finish.size == (1, 28, 28)


def test_what_was_left_out_is_said_once(cnncli: Callable[..., Result], folder: Path) -> None:
    """On stderr, in every format; without the key the run stops with exit 3 and leaves no folder."""
    for name in ("train/a/3.png", "train/a/6.png"):
        (folder / name).write_bytes(b"junk")
    line = "train lenet --data folder:set epochs=1 batch_size=32"
    found = cnncli(line)
    assert (found.code, found.out, Path("runs").exists() and list(Path("runs").iterdir())) == (3, "", [])
    assert "3.png': it is no whole JPEG" in found.err
    assert "(2 of 72 images cannot be read)" in found.err
    for rest in ("", "--format json", "--quiet cache=never"):
        found = cnncli(f"{line} on_bad_image=skip {rest}")
        assert found.code == 0
        (said,) = found.err.splitlines()
        assert said.startswith(f"cnncli: left out '{folder}/train/a/3.png' and 1 more: cannot be read; ")
        assert said.endswith(f"cnncli data fetch folder:{folder} says why")
    assert "(58 train, 12 test)" in cnncli(f"{line} on_bad_image=skip").out


@POSIX
@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")], ids=["int", "term"]
)
def test_a_signal_while_streaming_saves_where_it_stands(number: signal.Signals, word: str) -> None:
    """It goes to the reading processes too, as a terminal or a service sends it; one line, no traceback, nobody left behind."""
    running = subprocess.Popen(
        [sys.executable, "-m", "cnncli", "train", "lenet", "--data", "folder:set", "epochs=5000", "batch_size=4",
         "cache=never", "workers=2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("    1"):
            break
    time.sleep(0.1)
    os.killpg(running.pid, number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number, err
    assert len(err.splitlines()) == 1
    assert f"stopped by {word}" in err
    assert Path("runs/lenet-1/checkpoints/last.pt").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
