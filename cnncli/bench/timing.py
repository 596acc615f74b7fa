"""Repetitions against the clock: in rounds over everything that is measured, so that what else the machine does hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol

import torch

from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.text import guests
from cnncli.tracing.fault import one_line
from cnncli.training.device import wait

ROUNDS = 4
CEILING = 1.0  # seconds at least for a ceiling: of one that is disturbed every time, the fastest is none
TRIES, LONGEST = 6, 0.5  # times, and seconds, that each candidate for the ceiling is tried
AGAIN = 5  # times at most that a ceiling is measured for as long once more, where something was faster
MOST = 100_000  # repetitions of one thing in a round


class Task(Protocol):
    """Something to be timed again and again."""

    def settle(self) -> None:
        """Get ready; not timed."""

    def __call__(self) -> None:
        """Do it once; the device may still be at it."""

    def clear(self) -> None:
        """Tidy up after it; not timed."""


class Yardstick:
    """The most that a machine does: the product of two large square matrices, or on a CPU a large convolution if that is faster.

    The two go through different libraries there, and the one that multiplies matrices may not know the processor's widest
    instructions (MKL on an AMD EPYC with AVX-512, float32: 225 GFLOP/s, oneDNN's convolutions 560).
    """

    def __init__(self, precision: str, device: torch.device) -> None:
        """Float32 on a GPU multiplies as convolutions do there: with TF32 where cuDNN may use it."""
        self.side, self.channels, self.size = 8192 if device.type == "cuda" else 1024, 256, 32
        self._tf32 = precision == "float32" and device.type == "cuda" and torch.backends.cudnn.allow_tf32
        kind: torch.dtype = getattr(torch, precision)
        self._a, self._b = (torch.randn(self.side, self.side, device=device).to(kind) for _ in range(2))
        self.convolves = device.type == "cpu" and self._convolves(kind)

    def _convolves(self, kind: torch.dtype) -> bool:
        """Whether the convolution is the faster of the two, each at its best of a few."""
        last = torch.channels_last
        self._x = torch.randn(8, self.channels, self.size, self.size).to(kind).to(memory_format=last)
        self._w = torch.randn(self.channels, self.channels, 3, 3).to(kind).to(memory_format=last)
        speeds = []
        for self.convolves in (False, True):
            taken: list[float] = []
            while len(taken) < TRIES and sum(taken) < LONGEST:
                began = perf_counter()
                self()
                taken.append(perf_counter() - began)
            speeds.append(self.flops / min(taken))
        return speeds[1] > speeds[0]

    @property
    def flops(self) -> int:
        """Operations of one, two for each multiply-accumulate; those on padding count."""
        return 2 * self._x.numel() * self.channels * 9 if self.convolves else 2 * self.side**3

    @property
    def words(self) -> str:
        """What it is."""
        if self.convolves:
            return f"a 3×3 convolution of {self.channels} channels"
        return f"a {self.side}×{self.side} matrix product"

    def settle(self) -> None:
        """Nothing to get ready."""

    def __call__(self) -> None:
        """Multiply."""
        if self.convolves:
            torch.nn.functional.conv2d(self._x, self._w, padding=1)
            return
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = self._tf32
        try:
            torch.mm(self._a, self._b)
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before

    def clear(self) -> None:
        """Nothing is left."""


class Stopwatch:
    """Times tasks in rounds. seconds: of each repetition of each task so far · failed: why some could not be run, by their place"""

    def __init__(self, tasks: Sequence[Task], device: torch.device, seconds: Sequence[float]) -> None:
        """seconds: for each task, over all rounds."""
        self._tasks, self._device, self._wanted = tasks, device, seconds
        self.seconds: list[list[float]] = [[] for _ in tasks]
        self.failed: dict[int, str] = {}

    def run(self, halted: Callable[[], bool], progress: Progress, turns: Sequence[int] | None = None) -> None:
        """All rounds; `halted` is asked after each repetition, and ends them.

        turns: the places of tasks in the order of a round, as they stand unless told; a task's time is shared out over its turns.
        """
        turns = range(len(self._tasks)) if turns is None else turns
        progress.begin("measuring", ROUNDS * len(turns))
        for _ in range(ROUNDS):
            for place in turns:
                if halted():
                    return
                self.measure(place, self._wanted[place] / (ROUNDS * turns.count(place)), halted)
                progress.done += 1

    def measure(self, place: int, left: float, halted: Callable[[], bool]) -> None:
        """`left` seconds of one task, unless it failed before.

        The first repetition warms up, and is not counted where that takes no longer than `left`.
        """
        if place in self.failed:
            return
        task, own = self._tasks[place], self.seconds[place]
        try:
            with guests():
                task.settle()
                if not own or own[-1] < left:
                    self._once(task)
                for _ in range(MOST):
                    if halted() or left <= 0:
                        return
                    own.append(self._once(task))
                    left -= own[-1]
        except Exception as error:  # noqa: BLE001  (whatever somebody else's module raises)
            self.failed[place] = reason(error)

    def _once(self, task: Task) -> float:
        began = perf_counter()
        task()
        wait(self._device)
        took = perf_counter() - began
        task.clear()
        return took


def reason(error: Exception) -> str:
    """Why something could not be run, in a line."""
    if isinstance(error, torch.OutOfMemoryError):
        return "out of memory"
    return str(error) if isinstance(error, RequestError) else one_line(error)
