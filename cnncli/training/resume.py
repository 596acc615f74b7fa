"""Resume a run: from its last whole checkpoint, on the same data, by the same recipe, or not at all.

On the CPU of the same machine, with the same torch, a run that was stopped anywhere ends with the bytes of one that was not:
everything drawn at random depends on seed and epoch, there are as many threads as in the beginning, the rest is in the checkpoint.
"""

from __future__ import annotations

from math import isclose
from pathlib import Path
from typing import Any

import torch

from cnncli.data.progress import Progress
from cnncli.diagnostics.epoch import Epoch, epoch_of, exit_code, reason_to_stop
from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.record import parsed
from cnncli.errors import DataError, RequestError
from cnncli.files import run_folder as folder
from cnncli.formats.strict_yaml import parse
from cnncli.sources.recipes import Recipe, network_path, renamed, resolved
from cnncli.sources.run_folder import resume_command
from cnncli.training import checkpoint
from cnncli.training.auto_precision import begin_run
from cnncli.training.checkpoint import network_text, preprocessing
from cnncli.training.device import machine
from cnncli.training.precision import Precision
from cnncli.training.process import Lock, exit_on_sigterm
from cnncli.training.request import ResumeRequest, again, changes
from cnncli.training.run import Run, environment, note_precision, read_environment, write_environment, write_health
from cnncli.training.schedule import lr_schedule
from cnncli.training.setup import Setup, prepare
from cnncli.training.state import restore
from cnncli.training.tensorboard import event_files_left_behind, make_event_folder

NAMES = (folder.LAST, folder.PREVIOUS)
EXACT = "the weights may differ in their last bits from those of a run that never stopped"


class StoppedRun:
    """A locked run folder, and where its run stands.

    Attributes:
        saved: what its last whole checkpoint holds, None where it has none and starts anew.
        notes: what a user should know.
    """

    def __init__(self, request: ResumeRequest) -> None:
        """Lock the folder and read its checkpoint.

        Raises:
            DataError: another process has locked the folder, or its checkpoints are damaged.
            RequestError: the recipe is another.
        """
        self.path, self.recipe, self._device = request.path, request.recipe, request.device
        self.notes: list[str] = []
        self._lock = Lock(self.path)
        try:
            folder.sweep(self.path)
            self.saved, self._from_last = self._checkpoint()
            self._check()
        except BaseException:
            self._lock.release()
            raise

    @property
    def epochs(self) -> list[Epoch]:
        """The epochs that are complete."""
        return [epoch_of(row) for row in self.saved["epochs"]] if self.saved else []

    @property
    def over(self) -> str | None:
        """Why there is no more to train, in words and with the cure; None where there is."""
        epochs, path = self.epochs, self.path.as_posix()
        if self.recipe.train.epochs == len(epochs):
            longer = f"{resume_command(self.path)} epochs={2 * len(epochs)}"
            return f"{path} is finished, with {len(epochs)} epochs; to train it further: {longer}"
        why = reason_to_stop(epochs, self.recipe.stop)
        if why is None:
            return None
        return f"{path} ended after epoch {len(epochs)}: {why}; to train on{self._how_to_continue}"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the health rules."""
        text = self.saved.get("health") if self.saved else None
        return parsed(text, "the checkpoint's health").findings if text else ()

    @property
    def exit_code(self) -> int:
        """The exit code of a run with nothing left to train."""
        return exit_code(self.epochs, self.recipe.stop)

    @property
    def _how_to_continue(self) -> str:
        """How to continue a run that its recipe has stopped."""
        if self.exit_code:
            return f": {resume_command(self.path)} stop.when_dead=false"
        return f", change stop in {again(self.path)}"

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do, not even a file to write."""
        return self.over is not None and all((self.path / name).exists() for name in folder.FINAL)

    def release(self) -> None:
        """Let others lock the folder."""
        self._lock.release()

    def run(self, progress: Progress | None = None, *, tensorboard: bool = False) -> Run:
        """Load what the recipe needs, as `start` does, on as many threads as before, and return the run as it stands.

        Args:
            progress: of loading.
            tensorboard: whether to write event files even where it has none so far.

        Raises:
            DataError: the data or the network are not those that the run began with; also what `prepare` raises.
        """
        try:
            with exit_on_sigterm():
                return self._run(progress, tensorboard=tensorboard)
        except BaseException:
            self._lock.release()
            raise

    def _run(self, progress: Progress | None, *, tensorboard: bool) -> Run:
        before = {**read_environment(self.path), **(self.saved or {})}
        torch.set_num_threads(before.get("threads", torch.get_num_threads()))
        setup = prepare(self.recipe, self._device or before.get("device", "auto"), progress)
        if self.saved:
            self._check_data(setup, self.saved)
        state = restore(setup, before) if self.saved else begin_run(setup, before)
        if state.precision.fallback_note:
            self.notes.append(state.precision.fallback_note)
        self._compare_machines(setup, before)
        self._note_learning_rate(setup)
        self._update_folder(setup, state.precision)
        if tensorboard:
            make_event_folder(self.path)
        if note := event_files_left_behind(self.path):
            self.notes.append(note)
        return Run(self._lock, setup, state, from_last=self._from_last, notes=self.notes)

    def _checkpoint(self) -> tuple[dict[str, Any] | None, bool]:
        """Return what the last whole checkpoint holds, and whether that is last.pt."""
        checkpoints = self.path / folder.CHECKPOINTS
        try:
            latest = checkpoint.latest(checkpoints, NAMES)
        except DataError as error:
            raise DataError(f"{error}; begin anew: {again(self.path)}") from error
        if latest is None:
            self.notes.append(f"{self.path.as_posix()} holds no checkpoint yet; it begins anew")
            return None, True
        content, name, wrong = latest
        if wrong:
            done, batch = len(content["epochs"]), content["batch"]
            self.notes.append(f"{wrong}; going on from {name}, epoch {done + 1} after {batch} steps")
        return content, not wrong

    def _check(self) -> None:
        """Refuse another recipe than the checkpoint's, and an end that is behind it."""
        if self.saved is None:
            return
        old = recipe_of(self.saved, self.path)
        changed = changes(old, self.recipe)
        if changed:
            file = (self.path / folder.RECIPE).as_posix()
            wrong = f"{file} is not what the run was trained by, but {changed}"
            raise RequestError(f"{wrong}; put it back, or begin anew: {again(self.path)}")
        if network_text(self.recipe) != self.saved["network"]:
            name = self.recipe.model.name
            raise RequestError(
                f"{name} was changed since the run began; put it back, or begin anew: {again(self.path)}"
            )
        why = reason_to_stop(self.epochs, self.recipe.stop)
        if why and self.recipe.train.epochs > old.train.epochs:
            wrong = f"epochs={self.recipe.train.epochs}: the run ended after epoch {len(self.epochs)} because {why}"
            raise RequestError(f"{wrong}; to train on{self._how_to_continue}")
        begun = len(self.saved["epochs"]) + (self.saved["batch"] > 0)
        if self.recipe.train.epochs < begun:
            wrong = f"epochs={self.recipe.train.epochs}: the run is in epoch {begun} already"
            raise RequestError(f"{wrong}; write {begun} or more")

    def _check_data(self, setup: Setup, saved: dict[str, Any]) -> None:
        """Refuse other images than those of the beginning, as far as their number, size, classes and brightness tell."""
        now = {**preprocessing(setup), "counts": setup.counts}
        for key in ("counts", "input", "classes"):
            if now[key] != saved[key]:
                self._refuse_data(f"{key} {saved[key]} → {now[key]}")
        for key in ("mean", "deviation"):
            if not all(
                isclose(old, new, rel_tol=1e-3, abs_tol=1e-4) for old, new in zip(saved[key], now[key], strict=True)
            ):
                self._refuse_data(f"{key} {saved[key]} → {now[key]}")

    def _refuse_data(self, what: str) -> None:
        name = self.recipe.data.name
        raise DataError(
            f"the images of {name} are not those the run began with: {what[:200]}; put them back, or begin anew: {again(self.path)}"
        )

    def _compare_machines(self, setup: Setup, before: dict[str, Any]) -> None:
        """Note what may change the last bits."""
        now = machine(setup.device)
        changed = [f"{key} {before[key]} → {value}" for key, value in now.items() if before.get(key, value) != value]
        if changed:
            self.notes.append(f"{', '.join(changed)}: {EXACT}")
        elif setup.device.type != "cpu":
            self.notes.append(f"on {setup.device}, where sums are not always taken in the same order, {EXACT}")

    def _note_learning_rate(self, setup: Setup) -> None:
        """Note what a new length does to the learning rate, where that depends on it."""
        if self.saved is None:
            return
        old, steps = recipe_of(self.saved, self.path), setup.steps_per_epoch
        done = len(self.saved["epochs"]) * steps + self.saved["batch"]
        before = lr_schedule(old.schedule, old.optimizer.lr, steps=old.train.epochs * steps, epoch=steps)
        if done and before(done - 1) != setup.lr(done - 1) and done < self.recipe.train.epochs * steps:
            self.notes.append(
                f"schedule {self.recipe.schedule.name} is now that of {self.recipe.train.epochs} epochs, not {old.train.epochs}: "
                f"the learning rate goes from {before(done - 1):.3g} to {setup.lr(done):.3g}"
            )

    def _update_folder(self, setup: Setup, precision: Precision) -> None:
        """Bring the folder to where the run stands: recipe and metrics, no weights or pictures of an earlier end."""
        text = resolved(self.recipe, self.path)
        if (self.path / folder.RECIPE).read_text(encoding="utf-8") != text:
            folder.write(self.path / folder.RECIPE, text.encode())
        if not (self.path / folder.ENVIRONMENT).exists():
            write_environment(self.path, environment(setup, precision))
        note_precision(self.path, precision)
        folder.outdated(self.path)
        folder.rewrite_metrics(self.path, [epoch.row for epoch in self.epochs])
        write_health(self.path, self.saved.get("health") if self.saved else None)


def recipe_of(saved: dict[str, Any], home: Path) -> Recipe:
    """Return the recipe that a checkpoint in the run folder `home` was trained by, whether or not its data still exist."""
    recipe = Recipe.model_validate(parse(saved["recipe"], "the checkpoint's recipe").value)
    return renamed(recipe, network_path(recipe.model.name, home))
