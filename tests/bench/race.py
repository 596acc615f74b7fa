"""Processes raced against each other: interleaved, the best of several, so that a noisy machine hits all alike."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Finish(NamedTuple):
    """The best of a command's runs. seconds: wall clock · mebibytes: peak resident memory (0 where the system cannot tell)."""

    seconds: float
    mebibytes: float


def race(commands: Mapping[str, Sequence[str]], rounds: int = 15) -> dict[str, Finish]:
    """Run every command once a round and keep each one's best time and memory."""
    best: dict[str, Finish] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            finish = _run(command)
            old = best.get(name, finish)
            best[name] = Finish(min(old.seconds, finish.seconds), min(old.mebibytes, finish.mebibytes))
    return best


def python(*arguments: str) -> list[str]:
    """A command line for this Python."""
    return [sys.executable, *arguments]


def cnncli(line: str) -> list[str]:
    """A command line for cnncli."""
    return python("-m", "cnncli", *line.split())


def _run(command: Sequence[str]) -> Finish:
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        memory = _wait(program)
        seconds = time.perf_counter() - started
    return Finish(seconds, memory)


def _wait(program: subprocess.Popen[bytes]) -> float:
    import os

    if not hasattr(os, "wait4"):
        program.wait()
        return 0.0
    _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
