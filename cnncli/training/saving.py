"""When a run's checkpoints are written, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from cnncli.diagnostics.epoch import best
from cnncli.errors import DataError
from cnncli.files import run_folder as folder
from cnncli.sources.networks import is_file
from cnncli.sources.recipes import Recipe, resolved
from cnncli.sources.run_folder import resume_command
from cnncli.training import checkpoint
from cnncli.training.device import machine
from cnncli.training.job import Job
from cnncli.training.state import State, snapshot

SHARE = 50  # a checkpoint within an epoch comes after so many times what the one before took: it costs 2 % at most


class Saving:
    """Writes a run's checkpoints: after every epoch, and within one as `train.checkpoint_steps` and `checkpoint_seconds` say."""

    def __init__(self, path: Path, job: Job, state: State, *, from_last: bool) -> None:
        """path: the run folder · from_last: whether `state` is what its last.pt holds."""
        self.path, self._job, self._state = path, job, state
        self._recipe = resolved(job.recipe, path)  # now: a second Ctrl-C within pydantic comes out as its warning
        self._network = network_text(job.recipe)
        self._steps, self._seconds = job.recipe.train.checkpoint_steps, job.recipe.train.checkpoint_seconds
        self._kept: tuple[int, int] | None = self._place if from_last else None
        self._written, self._cost = perf_counter(), 0.0  # seconds
        self._keep = folder.PREVIOUS if from_last else None  # a damaged last.pt is not worth being the previous one

    def due(self) -> bool:
        """Whether it is time for a checkpoint within the epoch."""
        if self._steps is not None and self._state.batch % self._steps == 0:
            return True
        wait = max(self._seconds, SHARE * self._cost) if self._seconds is not None else float("inf")
        return perf_counter() - self._written >= wait

    def save(self) -> None:
        """Write last.pt, and best.pt after an epoch that is the best so far; raises `DataError`, and says how to go on then."""
        if self._kept == self._place:
            return
        began = perf_counter()
        content = self._content()
        done = len(self._state.epochs)
        # The best first: a run that is killed between the two trains the epoch once more, and comes to the same.
        also = folder.BEST if self._state.batch == 0 and done and best(self._state.epochs) == done else None
        checkpoints = self.path / folder.CHECKPOINTS
        with resumable(self.path), folder.written(checkpoints):
            checkpoint.save(content, checkpoints, folder.LAST, keep=self._keep, also=also)
        self._keep, self._kept, self._written = folder.PREVIOUS, self._place, perf_counter()
        self._cost = self._written - began

    def _content(self) -> dict[str, Any]:
        return {
            "schema": checkpoint.SCHEMA,
            "recipe": self._recipe,
            "network": self._network,
            "threads": torch.get_num_threads(),
            **machine(self._job.device),
            **facts(self._job),
            "counts": self._job.counts,
            **snapshot(self._state, self._job),
        }

    @property
    def _place(self) -> tuple[int, int]:
        return len(self._state.epochs), self._state.batch


@contextmanager
def resumable(path: Path) -> Iterator[None]:
    """What a user can mend gets the command to go on with the run in the folder `path`."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error}, then {resume_command(path)}") from error


def facts(job: Job) -> dict[str, Any]:
    """What stands between an image and the weights, and between the scores and a class."""
    return {
        "input": list(job.train.finish.size),
        "mean": list(job.scale.mean),
        "deviation": list(job.scale.deviation),
        "classes": list(job.classes),
    }


def network_text(recipe: Recipe) -> str | None:
    """The text of the file that the network is written in, if it is."""
    name = recipe.model.name
    return Path(name).read_text(encoding="utf-8", errors="replace") if is_file(name) else None
