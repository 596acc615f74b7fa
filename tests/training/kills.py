"""Runs that are killed again and again, and how their end compares with that of a run that was left in peace."""

from __future__ import annotations

import csv
import os
import random
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context, set_start_method
from pathlib import Path
from typing import NamedTuple, Protocol

from cnncli.cli import run
from cnncli.training.loop import SAMPLE_LOG as VARIABLE


class Process(Protocol):
    """One that may be killed."""

    def kill(self) -> None:
        """SIGKILL."""

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""


LOADING = 3.0  # seconds from the start of a program to its first step, about
OVERSHOT = 3  # steps that are taken between the moment that was meant and the kill, about

Launch = Callable[[str, Path], Process]
"""Starts a command line of cnncli whose steps are logged to a file."""


class Place(NamedTuple):
    """A step of a run, counted from 1; epoch 0 is before the first."""

    epoch: int
    step: int


class Kill(NamedTuple):
    """after: the last step before it · loading: whether the process had taken none yet"""

    after: Place
    loading: bool


@dataclass
class Record:
    """What a run left. log: a set for each step, of what each time it was taken trained on."""

    weights: bytes
    metrics: list[list[str]]
    log: dict[Place, set[str]]
    kills: list[Kill] = field(default_factory=list)


def launched(line: str, log: Path) -> Process:
    """As a user starts it: a Python of its own."""
    environment = {**os.environ, VARIABLE: str(log), "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "cnncli", *shlex.split(line)]
    with log.with_suffix(".err").open("ab") as said:
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said, env=environment)


class Forked:
    """The same from a process that has imported torch already: ready within milliseconds."""

    def __init__(self, line: str, log: Path) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(["cnncli.training.resume", "cnncli.render.training"])
        self._process = context.Process(target=_forked, args=(line, log, Path.cwd(), dict(os.environ)))
        self._process.start()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.exitcode


def _forked(line: str, log: Path, folder: Path, environment: dict[str, str]) -> None:
    import torch

    os.environ.update({**environment, VARIABLE: str(log)})
    os.chdir(folder)
    set_start_method("fork", force=True)  # for those that read images; here they would come from the fork server
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(log.with_suffix(".err"), os.O_WRONLY | os.O_APPEND | os.O_CREAT), 2)
    torch.set_num_threads(1)
    sys.exit(run(shlex.split(line)))


def undisturbed(line: str, name: str, launch: Launch = launched) -> Record:
    """A run from its beginning to its end; name: of its folder in `runs/`."""
    log = Path(f"{name}.log")
    _finish(launch(line, log), log)
    return record(name, log)


def disturbed(
    line: str,
    name: str,
    kills: int,
    steps: int,
    launch: Launch = launched,
    *,
    between: Callable[[str], None] | None = None,
) -> Record:
    """The same, killed `kills` times at random moments and resumed each time, then left to its end.

    A moment is drawn as a number of steps and up to 10 ms after them, or where that is none as a time while the program loads; the
    moments spread over the `steps` of the run. Most of the kills come in steps, checkpoints and evaluations.

    between: is called with `name` after each kill of a run that has begun
    """
    log, chance, done = Path(f"{name}.log"), random.Random(steps), list[Kill]()  # noqa: S311  (which moments does not matter)
    running = launch(line, log)
    while len(done) < kills:
        before, left = _lines(log), kills - len(done)
        most = 2 * (steps - _steps(log) - OVERSHOT * left) // (left + 1)
        wait = chance.randint(0, max(most, 0))
        if wait:
            _wait(running, log, before + wait)
            time.sleep(chance.uniform(0, 0.01))
        else:
            _wait(running, log, before + 1, seconds=chance.uniform(0, LOADING))
        if running.poll() is not None:
            break  # before it could be killed so often
        running.kill()
        _end(running)
        done.append(Kill(_last(log), loading=_lines(log) == before))
        begun = (Path("runs") / name / "recipe.yaml").exists()
        if begun and between:
            between(name)
        running = launch(f"resume runs/{name}" if begun else line, log)
    _finish(running, log)
    found = record(name, log)
    found.kills.extend(done)
    return found


def record(name: str, log: Path) -> Record:
    """What the run `name` left in its folder and in its log."""
    folder = Path("runs") / name
    steps: dict[Place, set[str]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        epoch, step, trained = line.split(",", 2)
        steps.setdefault(Place(int(epoch), int(step)), set()).add(trained)
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    figures = [[*row[:2], *row[4:]] for row in rows]  # without the seconds
    return Record((folder / "model.safetensors").read_bytes(), figures, steps)


def told(record: Record) -> str:
    """Where the kills came, in words."""
    loading = sum(kill.loading for kill in record.kills)
    training = Counter(kill.after.epoch for kill in record.kills if not kill.loading)
    steps = {kill.after for kill in record.kills if not kill.loading}
    by_epoch = ", ".join(f"{epoch}: {count}" for epoch, count in sorted(training.items()))
    return (
        f"{len(record.kills)} kills, {loading} while loading, {training.total()} while training, after {len(steps)} different "
        f"steps of {len(record.log)} (by epoch {by_epoch})"
    )


def _wait(running: Process, log: Path, lines: int, seconds: float | None = None) -> None:
    """Until the log has so many lines, the run has ended, or so many seconds have passed."""
    until = time.monotonic() + (120 if seconds is None else seconds)
    while _lines(log) < lines and running.poll() is None:
        if time.monotonic() >= until:
            assert seconds is not None, "a run takes no steps"
            return
        time.sleep(0.001)


def _finish(running: Process, log: Path) -> None:
    assert _end(running) == 0, log.with_suffix(".err").read_text(encoding="utf-8")


def _end(running: Process) -> int:
    until = time.monotonic() + 120
    while (code := running.poll()) is None:
        assert time.monotonic() < until, "a run does not end"
        time.sleep(0.005)
    return code


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _steps(log: Path) -> int:
    """How many different steps it tells of."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return len({tuple(line.split(",", 2)[:2]) for line in lines})


def _last(log: Path) -> Place:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    if not lines:
        return Place(0, 0)
    epoch, step, _ = lines[-1].split(",", 2)
    return Place(int(epoch), int(step))
