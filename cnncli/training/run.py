"""A run: the loop, and the folder that keeps what comes of it."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from cnncli import __version__
from cnncli.data.progress import Progress
from cnncli.diagnostics.epoch import Epoch, exit_code, reason_to_stop, speed
from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.rules import EXPLODING
from cnncli.errors import DataError, NonFiniteError
from cnncli.files import run_folder as folder
from cnncli.sources.networks import in_short, is_file
from cnncli.sources.recipes import Recipe, resolved
from cnncli.training.auto_precision import begin_run
from cnncli.training.checkpoint import Checkpointer, preprocessing, resumable
from cnncli.training.device import cpu_name, machine
from cnncli.training.loop import train
from cnncli.training.precision import Precision
from cnncli.training.process import Interruption, Lock, exit_on_sigterm
from cnncli.training.setup import Setup, prepare
from cnncli.training.state import State, health_text
from cnncli.training.tensorboard import event_file, make_event_folder


def start(
    recipe: Recipe, path: Path, device: str = "auto", progress: Progress | None = None, *, tensorboard: bool = False
) -> Run:
    """Load what a recipe needs, and return the run; raises what `prepare` raises.

    Args:
        recipe: what to train.
        path: the run folder, which `folder.new_folder` made.
        device: to train on.
        progress: of loading.
        tensorboard: whether to write event files too; `tensorboard.required` says whether that is possible.
    """
    lock = Lock(path)
    try:
        with exit_on_sigterm():
            setup = prepare(recipe, device, progress)
            state = begin_run(setup)
            if tensorboard:
                make_event_folder(path)
            run = Run(lock, setup, state)
            write_environment(path, environment(setup, state.precision))
    except BaseException:
        lock.release()
        folder.discard(path)
        raise
    return run


class Run:
    """A recipe that is trained, and its folder.

    Attributes:
        interruption: whether Ctrl-C or SIGTERM ended it.
        notes: what a user should know about how it continues.
    """

    def __init__(
        self, lock: Lock, setup: Setup, state: State, *, from_last: bool = False, notes: Sequence[str] = ()
    ) -> None:
        """Start with the `lock` on the run folder; from_last: whether `state` is what last.pt holds."""
        self.path, self.setup, self.state, self.notes = lock.folder, setup, state, (*notes, *state.notes)
        self._lock = lock
        self._events = event_file(self.path)
        self._checkpoints = Checkpointer(self.path, setup, state, from_last=from_last)
        self.interruption = Interruption()

    def epochs(self) -> Iterator[Epoch]:
        """Train to the end, or to the first Ctrl-C or SIGTERM; yields each epoch when checkpoint and metrics hold it.

        Raises:
            NonFiniteError: training diverged.
            DataError: the folder cannot be written.
        """
        try:
            with self.interruption:
                yield from self._epochs()
        except NonFiniteError as error:
            # No checkpoint holds what was observed up to here; the error matters more than a full disk.
            self.state.findings.append(
                divergence(self.state, str(error).partition(";")[0], self.setup.recipe.optimizer.lr)
            )
            with suppress(DataError):
                write_health(self.path, health_text(self.state))
            done = len(self.state.epochs)
            kept = f"{str(self.last_checkpoint)!r} holds epoch {done}" if done else "no epoch was complete"
            raise NonFiniteError(f"{error}; {kept}") from error
        finally:
            self._lock.release()

    def _epochs(self) -> Iterator[Epoch]:
        if self._events:
            with resumable(self.path):
                self._events.begin(resolved(self.setup.recipe, self.path), self.state.epochs, self.state.total_seconds)
        for epoch in train(self.setup, self.state, lambda: bool(self.interruption), self._checkpoints):
            self._checkpoints.save()
            with resumable(self.path):
                folder.add_metrics(self.path, [done.row for done in self.state.epochs])
                write_health(self.path, health_text(self.state))
                note_precision(self.path, self.state.precision)
                if self._events:
                    self._events.add(epoch)
            yield epoch
        if not self.complete:
            self._checkpoints.save()
            with resumable(self.path):
                write_health(self.path, health_text(self.state))
            return
        with resumable(self.path):
            folder.write(self.path / folder.MODEL, model_file(self.setup, self.state))

    @property
    def complete(self) -> bool:
        """Whether there is no more to train."""
        return len(self.state.epochs) == self.setup.recipe.train.epochs or self.stopped is not None

    @property
    def stopped(self) -> str | None:
        """Why it ended before its last epoch, if the recipe's `stop` made it."""
        if len(self.state.epochs) == self.setup.recipe.train.epochs:
            return None
        return reason_to_stop(self.state.epochs, self.setup.recipe.stop)

    @property
    def exit_code(self) -> int:
        """0, that of a check that does not hold where `stop.when_dead` is one, or that of the signal that ended it."""
        if not self.complete:
            return self.interruption.exit_code
        return exit_code(self.state.epochs, self.setup.recipe.stop)

    @property
    def examples_per_second(self) -> float:
        """Training images per second of training alone."""
        return speed(self.state.epochs, len(self.setup.train))

    @property
    def last_checkpoint(self) -> Path:
        """The path of the last checkpoint."""
        return self.path / folder.CHECKPOINTS / folder.LAST


def divergence(state: State, words: str, lr: float) -> Finding:
    """Return the finding for a run that ended because its numbers were no longer finite, as `words` say."""
    return Finding(EXPLODING, len(state.epochs) + 1, None, words, f"optimizer.lr={lr / 10:g}", {"lr": float(lr)})


def model_file(setup: Setup, state: State) -> bytes:
    """Return the weights as a safetensors file, with one metadata key that says what they are for; a function of the weights."""
    from safetensors.torch import save

    tensors = {name: tensor.cpu().contiguous() for name, tensor in state.eval_model.state_dict().items()}
    model = setup.recipe.model
    name = folder.NETWORK if is_file(model.name) else model.name  # the same wherever the run folder lies
    described = {**preprocessing(setup), "model": name, "arguments": model.arguments, "data": setup.recipe.data.name}
    return save(tensors, {"cnncli": _json(described).decode().strip()})


def write_health(path: Path, text: str | None) -> None:
    """Make health.json in the run folder `path` hold `text`; None: there is no such file."""
    if text is not None:
        folder.write(path / folder.HEALTH, text.encode())
        return
    with folder.written(path / folder.HEALTH):
        (path / folder.HEALTH).unlink(missing_ok=True)


def environment(setup: Setup, precision: Precision) -> dict[str, object]:
    """Return what env.json holds, as plain values: what a run ran on and with that its recipe does not say."""
    return {
        "network": in_short(setup.recipe.model.name, setup.network),
        "cnncli": __version__,
        "python": platform.python_version(),
        "torchvision": version("torchvision"),
        "command": sys.argv,
        **machine(setup.device),
        "threads": torch.get_num_threads(),
        **precision.memory,
        "memory_format": str(setup.memory_format).removeprefix("torch."),
        "cpu": cpu_name(),
        "platform": platform.platform(),
    }


def write_environment(path: Path, environment: Mapping[str, object]) -> None:
    """Write env.json into the run folder `path`."""
    folder.write(path / folder.ENVIRONMENT, _json(environment, indent=1))


def read_environment(path: Path) -> dict[str, Any]:
    """Return what env.json in the run folder `path` holds, nothing where it cannot be read."""
    try:
        content = json.loads((path / folder.ENVIRONMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def note_precision(path: Path, precision: Precision) -> None:
    """Write into env.json where bfloat16 was given up, if it was."""
    before = read_environment(path)
    after = {**before, **precision.memory}
    if precision.fallback and before and before != after:
        write_environment(path, after)


def _json(value: object, indent: int | None = None) -> bytes:
    return (json.dumps(value, indent=indent, sort_keys=True) + "\n").encode()
