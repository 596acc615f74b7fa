"""A run: the loop, and the folder that keeps what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cnncli.datasets.progress import Progress
from cnncli.errors import NonFiniteError
from cnncli.recipe import Recipe, resolved
from cnncli.train import event_files, folder
from cnncli.train.environment import environment
from cnncli.train.epoch import Epoch, reason_to_stop, speed
from cnncli.train.job import Job, prepare
from cnncli.train.lock import Lock
from cnncli.train.loop import train
from cnncli.train.saving import Saving, facts, resumable
from cnncli.train.signals import Interruption, obeyed
from cnncli.train.state import State, begin


def start(
    recipe: Recipe, path: Path, device: str = "auto", progress: Progress | None = None, *, tensorboard: bool = False
) -> Run:
    """Load what `recipe` needs, for the run folder `path` that `folder.new_folder` made; raises what `prepare` raises.

    tensorboard: whether to write event files too; `event_files.required` says whether that is possible.
    """
    lock = Lock(path)
    try:
        with obeyed():
            job = prepare(recipe, device, progress)
            state = begin(job)
            if tensorboard:
                event_files.announce(path)
            run = Run(lock, job, state)
            write_environment(path, environment(job))
    except BaseException:
        lock.release()
        folder.discard(path)
        raise
    return run


class Run:
    """A recipe on its way, and its folder.

    interruption: whether Ctrl-C or SIGTERM ended it · notes: what a user should know about how it goes on
    """

    def __init__(
        self, lock: Lock, job: Job, state: State, *, from_last: bool = False, notes: Sequence[str] = ()
    ) -> None:
        """lock: on the run folder · from_last: whether `state` is what last.pt holds."""
        self.path, self.job, self.state, self.notes = lock.folder, job, state, (*notes, *state.notes)
        self._lock = lock
        self._events = event_files.announced(self.path)
        self._saving = Saving(self.path, job, state, from_last=from_last)
        self.interruption = Interruption()

    def epochs(self) -> Iterator[Epoch]:
        """Train to the end, or to the first Ctrl-C or SIGTERM; each epoch comes when checkpoint and metrics hold it.

        Raises `NonFiniteError`, and `DataError` where the folder cannot be written.
        """
        try:
            with self.interruption:
                yield from self._epochs()
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}; {self._kept}") from error
        finally:
            self._lock.release()

    def _epochs(self) -> Iterator[Epoch]:
        if self._events:
            with resumable(self.path):
                self._events.begin(resolved(self.job.recipe), self.state.epochs, self.state.total_seconds)
        for epoch in train(self.job, self.state, lambda: bool(self.interruption), self._saving):
            self._saving.save()
            with resumable(self.path):
                folder.add_metrics(self.path, [each.row for each in self.state.epochs])
                if self._events:
                    self._events.add(epoch)
            yield epoch
        if not self.complete:
            self._saving.save()
            return
        with resumable(self.path):
            folder.write(self.path / folder.MODEL, model_file(self.job, self.state))

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
        return speed(self.state.epochs, len(self.job.train))

    @property
    def last_checkpoint(self) -> Path:
        """Where it stood last."""
        return self.path / folder.CHECKPOINTS / folder.LAST

    @property
    def _kept(self) -> str:
        done = len(self.state.epochs)
        return f"{str(self.last_checkpoint)!r} holds epoch {done}" if done else "no epoch was complete"


def model_file(job: Job, state: State) -> bytes:
    """The weights as a safetensors file, with one metadata key that says what they are for; the same for the same weights."""
    from safetensors.torch import save

    tensors = {name: tensor.cpu().contiguous() for name, tensor in state.judged.state_dict().items()}
    model = job.recipe.model
    described = {**facts(job), "model": model.name, "arguments": model.arguments, "data": job.recipe.data.name}
    return save(tensors, {"cnncli": _json(described).decode().strip()})


def write_environment(path: Path, told: Mapping[str, object]) -> None:
    """Write env.json into the run folder `path`."""
    folder.write(path / folder.ENVIRONMENT, _json(told, indent=1))


def _json(value: object, indent: int | None = None) -> bytes:
    return (json.dumps(value, indent=indent, sort_keys=True) + "\n").encode()
