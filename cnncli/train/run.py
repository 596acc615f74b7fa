"""A run: the loop, and the folder that keeps what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from cnncli.datasets.progress import Progress
from cnncli.errors import NonFiniteError
from cnncli.recipe import Recipe, resolved
from cnncli.train import checkpoint, folder
from cnncli.train.environment import environment
from cnncli.train.epoch import Epoch, best, reason_to_stop
from cnncli.train.job import Job, prepare
from cnncli.train.loop import train
from cnncli.train.signals import Interruption
from cnncli.train.state import State, begin, snapshot


def start(recipe: Recipe, path: Path, device: str = "auto", progress: Progress | None = None) -> Run:
    """Load what `recipe` needs, for the run folder `path` that `folder.new_folder` made; raises what `prepare` raises."""
    try:
        job = prepare(recipe, device, progress)
        run = Run(path, job, begin(job))
        folder.write(path / folder.ENVIRONMENT, _json(environment(job), indent=1))
    except BaseException:
        folder.discard(path)
        raise
    return run


class Run:
    """A recipe on its way, and its folder. interruption: whether Ctrl-C or SIGTERM ended it."""

    def __init__(self, path: Path, job: Job, state: State) -> None:
        """path: the run folder."""
        self.path, self.job, self.state = path, job, state
        self._recipe = resolved(job.recipe)  # now: a second Ctrl-C within pydantic comes out as its warning
        self.interruption = Interruption()

    def epochs(self) -> Iterator[Epoch]:
        """Train to the end, or to the first Ctrl-C or SIGTERM; each epoch comes when checkpoint and metrics hold it.

        Raises `NonFiniteError`, and `DataError` where the folder cannot be written.
        """
        with self.interruption:
            try:
                for epoch in train(self.job, self.state, lambda: bool(self.interruption)):
                    self._keep(epoch)
                    yield epoch
            except NonFiniteError as error:
                raise NonFiniteError(f"{error}; {self._kept}") from error
            if self.complete:
                folder.write(self.path / folder.MODEL, model_file(self.job, self.state))
            else:
                self._checkpoint(is_best=False)

    @property
    def complete(self) -> bool:
        """Whether there is no more to train."""
        return len(self.state.epochs) == self.job.recipe.train.epochs or self.stopped is not None

    @property
    def stopped(self) -> str | None:
        """Why it ended before its last epoch, if the recipe's `stop` made it."""
        if len(self.state.epochs) == self.job.recipe.train.epochs:
            return None
        return reason_to_stop(self.state.epochs, self.job.recipe.stop)

    @property
    def exit_code(self) -> int:
        """0, or that of the signal that ended it."""
        return 0 if self.complete else self.interruption.exit_code

    @property
    def examples_per_second(self) -> float:
        """Training images per second of training alone."""
        seconds = sum(epoch.seconds for epoch in self.state.epochs)
        return len(self.state.epochs) * len(self.job.train) / seconds if seconds else 0.0

    @property
    def last_checkpoint(self) -> Path:
        """Where it stood last."""
        return self.path / folder.CHECKPOINTS / folder.LAST

    @property
    def _kept(self) -> str:
        done = len(self.state.epochs)
        return f"{str(self.last_checkpoint)!r} holds epoch {done}" if done else "no epoch was complete"

    def _keep(self, epoch: Epoch) -> None:
        self._checkpoint(is_best=best(self.state.epochs) == epoch.epoch)
        folder.add_metrics(self.path, [each.row for each in self.state.epochs])

    def _checkpoint(self, *, is_best: bool) -> None:
        content = checkpoint_content(self._recipe, self.job, self.state)
        checkpoints = self.path / folder.CHECKPOINTS
        with folder.written(checkpoints):
            checkpoint.save(content, checkpoints, folder.LAST, keep=folder.PREVIOUS)
            if is_best:
                checkpoint.save(content, checkpoints, folder.BEST)


def checkpoint_content(recipe: str, job: Job, state: State) -> dict[str, Any]:
    """Everything that a checkpoint holds. recipe: resolved, as YAML."""
    return {
        "schema": "cnncli/checkpoint/1",
        "recipe": recipe,
        "device": str(job.device),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        **facts(job),
        **snapshot(state, job),
    }


def model_file(job: Job, state: State) -> bytes:
    """The weights as a safetensors file, with one metadata key that says what they are for; the same for the same weights."""
    from safetensors.torch import save

    tensors = {name: tensor.cpu().contiguous() for name, tensor in state.module.state_dict().items()}
    model = job.recipe.model
    described = {**facts(job), "model": model.name, "arguments": model.arguments, "data": job.recipe.data.name}
    return save(tensors, {"cnncli": _json(described).decode().strip()})


def facts(job: Job) -> dict[str, Any]:
    """What stands between an image and the weights, and between the scores and a class."""
    return {
        "input": list(job.train.finish.size),
        "mean": list(job.scale.mean),
        "deviation": list(job.scale.deviation),
        "classes": list(job.classes),
    }


def _json(value: object, indent: int | None = None) -> bytes:
    return (json.dumps(value, indent=indent, sort_keys=True) + "\n").encode()
