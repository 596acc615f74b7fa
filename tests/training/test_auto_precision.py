"""`train.precision: auto` on a CPU with bfloat16: measured, without a trace in the run, kept, and given up where it has become slow."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from shutil import rmtree

import pytest
import torch

from cnncli.files import run_folder as folder
from cnncli.sources.recipes import Recipe, resolved
from cnncli.training import auto_precision, checkpoint, loop
from cnncli.training import device as devices
from cnncli.training.auto_precision import begin_run
from cnncli.training.default_recipe import default_recipe
from cnncli.training.loop import train
from cnncli.training.precision import STEPS, Precision, Race
from cnncli.training.request import ResumeRequest
from cnncli.training.resume import StoppedRun
from cnncli.training.run import Run, start
from cnncli.training.setup import Setup, prepare
from cnncli.training.state import State, snapshot
from tests.conftest import Result
from tests.training.conftest import small

CPU = torch.device("cpu")
NETWORK = """\
kind: network
name: tiny
input: 1x8x8
layers:
  - conv1: {Conv2d: {out_channels: 4, kernel_size: 3, stride: 4, padding: 1}}
  - norm1: BatchNorm2d
  - relu1: ReLU
  - flatten: Flatten
  - dropout: {Dropout: {p: 0.5}}
  - fc: {Linear: {out_features: 10}}
"""
Made = Callable[..., Recipe]
Winner = Callable[[str], None]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A recipe with all that changes while it trains, on a CPU that says it has instructions for bfloat16."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "has_bfloat16", lambda _where: True)
    Path("net.yaml").write_text(NETWORK, encoding="utf-8")
    always = ("optimizer.name=adam", "lr=0.01", "ema=0.9", "mixup=0.2", "accumulate=2", "batch_size=8", "val=0.1")
    augment = "augment=[{shift: 2}]"
    return lambda *more: default_recipe("net.yaml", "digits", small("resize=8", *always, augment, *more))


@pytest.fixture
def winner(monkeypatch: pytest.MonkeyPatch) -> Winner:
    """Runs races as they are, and lets one of the two win: `winner("bfloat16")`."""
    real = auto_precision.timed

    def win(name: str) -> None:
        def seconds(setup: Setup, racer: State, batch: auto_precision.Batch) -> float:
            real(setup, racer, batch)
            return 0.001 if racer.precision.dtype == getattr(torch, name) else 0.003

        monkeypatch.setattr(auto_precision, "timed", seconds)

    return win


def started(recipe: Recipe) -> Run:
    """A run in a new folder."""
    return start(recipe, folder.new_folder("net", resolved(recipe)), "cpu")


def weights(run: Run) -> bytes:
    """What it ends with."""
    return (run.path / folder.MODEL).read_bytes()


@pytest.mark.parametrize("name", ["bfloat16", "float32"])
def test_a_race_leaves_no_trace(made: Made, winner: Winner, name: str) -> None:
    """Weights, moments, statistics, mean, random numbers, metrics and what was seen: all as where it was written down."""
    winner(name)
    ends = []
    for more in ([], [f"precision={name}"]):
        setup = prepare(made(*more), "cpu")
        state = begin_run(setup)
        assert state.precision.dtype == getattr(torch, name)
        assert len(state.notes) == (not more)
        list(train(setup, state))
        held = snapshot(state, setup)
        ends.append({key: held[key] for key in ("model", "ema", "optimizer", "random", "confusion", "health")})
        ends[-1]["epochs"] = [(epoch.train, epoch.val, epoch.test) for epoch in state.epochs]
    assert same(*ends)


def same(left: object, right: object) -> bool:
    """Equal to the bit, whatever holds the tensors."""
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def test_the_choice_is_kept(made: Made, winner: Winner, monkeypatch: pytest.MonkeyPatch) -> None:
    """In env.json and the checkpoint: a run goes on without another race, also where it had no checkpoint yet, to the same bytes."""
    winner("bfloat16")
    whole, stopped, bare = started(made()), started(made()), started(made())
    list(whole.epochs())
    for _ in stopped.epochs():
        stopped.interruption.number = 15
    bare.interruption.number = 15
    list(bare.epochs())
    rmtree(bare.path / folder.CHECKPOINTS)
    told = json.loads((bare.path / folder.ENVIRONMENT).read_text(encoding="utf-8"))
    assert told["precision"] == "bfloat16"
    assert set(told["precision_race"]) == {"float32", "bfloat16"}
    winner("float32")
    monkeypatch.setattr(auto_precision, "run_race", None)
    for run in (stopped, bare):
        again = StoppedRun(ResumeRequest(run.path, run.setup.recipe, None)).run()
        list(again.epochs())
        assert again.state.precision.dtype == torch.bfloat16
        assert weights(again) == weights(whole)


def test_a_checkpoint_that_tells_no_precision_goes_on(made: Made, winner: Winner) -> None:
    """In what env.json says, as it was before checkpoints did."""
    winner("bfloat16")
    whole, stopped = started(made()), started(made())
    list(whole.epochs())
    for _ in stopped.epochs():
        stopped.interruption.number = 15
    home = stopped.path / folder.CHECKPOINTS
    held = checkpoint.load(home / folder.LAST)
    older = {key: value for key, value in held.items() if not key.startswith("precision")}
    checkpoint.save(older, home, folder.LAST)
    again = StoppedRun(ResumeRequest(stopped.path, stopped.setup.recipe, None)).run()
    list(again.epochs())
    assert weights(again) == weights(whole)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets what a clock that ticks with every look shows a step to take."""

    def ticking(seconds: float) -> None:
        clock = (seconds * tick for tick in count())
        monkeypatch.setattr(loop, "perf_counter", lambda: next(clock))

    return ticking


def test_bfloat16_is_left_where_it_has_become_slow(made: Made, winner: Winner, slow: Callable[[float], None]) -> None:
    """At a step, which is written down: a run that is stopped after it goes on, in float32, to the bytes of one that was not."""
    winner("bfloat16")
    whole, stopped = started(made("limit=400")), started(made("limit=400"))
    winner("float32")
    slow(1.0)
    for run in (whole, stopped):
        for _ in run.epochs():
            if run is stopped:
                run.interruption.number = 15
        assert run.state.precision.fallback == (1, STEPS + 1)
        assert run.state.precision.dtype == torch.float32
    told = json.loads((whole.path / folder.ENVIRONMENT).read_text(encoding="utf-8"))
    assert (told["precision"], told["precision_left"]) == ("float32", {"epoch": 1, "step": STEPS + 1})
    slow(0.0)
    again = StoppedRun(ResumeRequest(stopped.path, stopped.setup.recipe, None)).run()
    assert any("epoch 1, step 11: steps in bfloat16 had become far slower" in note for note in again.notes)
    list(again.epochs())
    assert weights(again) == weights(whole)


def test_bfloat16_stays_where_it_still_wins_or_was_asked_for(
    made: Made, winner: Winner, slow: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything may have become slower; and what a recipe says is done."""
    winner("bfloat16")
    races: list[Race] = []
    real = auto_precision.run_race
    monkeypatch.setattr(auto_precision, "run_race", lambda *asked: races.append(real(*asked)) or races[-1])
    for more, expected in (([], 2), (["precision=bfloat16"], 0)):
        races.clear()
        setup = prepare(made("limit=400", *more), "cpu")
        state = begin_run(setup)
        slow(1.0)
        list(train(setup, state))
        assert len(races) == expected
        assert (state.precision.dtype, state.precision.fallback) == (torch.bfloat16, None)


def test_a_hiccup_is_no_reason() -> None:
    """Nor are steps that are four times as slow, or a second of slow ones."""
    race = Race(0.003, 0.001)
    slower = [[1000.0] + [0.1] * 100, [0.39] * 100, [0.1] * 20 + [5.0]]
    for steps in slower:
        precision = Precision(torch.bfloat16, race)
        assert not any(precision.far_slower(seconds, 100) for seconds in steps)
    precision = Precision(torch.bfloat16, race)
    assert [precision.far_slower(0.5, 100) for _ in range(20)].index(True) == STEPS - 1


@pytest.mark.parametrize(
    "line", ["train net.yaml --data digits --dry-run", "lr-find net.yaml --data digits --steps 20"]
)
def test_what_tries_a_recipe_out_races_too(
    made: Made, winner: Winner, cnncli: Callable[..., Result], line: str
) -> None:
    """And says so in one line."""
    made()
    winner("bfloat16")
    found = cnncli(f"{line} resize=8 limit=100 --device cpu")
    assert found.code == 0
    assert found.err.count("train.precision: auto is bfloat16") == 1
    assert "3 times as fast as in float32" in found.err


def test_where_there_is_nothing_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without instructions it is float32, on a GPU with them bfloat16."""
    where = torch.device("cuda:0")
    monkeypatch.setattr(devices, "has_bfloat16", lambda _where: True)
    assert (devices.precision("auto", CPU), devices.precision("auto", where)) == (None, torch.bfloat16)
    monkeypatch.setattr(devices, "has_bfloat16", lambda _where: False)
    assert (devices.precision("auto", CPU), devices.precision("auto", where)) == (torch.float32,) * 2
