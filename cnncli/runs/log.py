"""What run folders tell of their runs: recipes, metrics, environments, and in which state they are. Free of torch."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cnncli.diagnostics.epoch import Epoch, best, epoch_of, reason_to_stop
from cnncli.errors import CnncliError, DataError
from cnncli.files import reason
from cnncli.files import run_folder as folder
from cnncli.formats.strict_yaml import Value
from cnncli.text import truncate
from cnncli.training.process import is_locked

if TYPE_CHECKING:
    from cnncli.sources.recipes import Recipe

FINISHED, STOPPED, RUNNING, BROKEN = "finished", "stopped", "running", "broken"
Found = TypeVar("Found")
Sides = Mapping[str, tuple[Value, ...]]
"""For each key that differs its value in every run."""


@dataclass(frozen=True, kw_only=True)
class Logged:
    """A run folder as it lies there.

    recipe: None where it cannot be read · network: with its edition, activations and pools, None where no file tells · epochs:
    those that are complete · environment: what it ran on and with · state: finished, stopped, running or broken · problems: what
    is damaged, in words
    """

    path: Path
    recipe: Recipe | None
    network: str | None
    epochs: tuple[Epoch, ...]
    environment: Mapping[str, str]
    state: str
    problems: tuple[str, ...]

    @property
    def last(self) -> Epoch | None:
        """The last epoch, if there is one."""
        return self.epochs[-1] if self.epochs else None

    @property
    def highest_test(self) -> Epoch | None:
        """The epoch with the highest test accuracy, the earliest of equals."""
        return max(self.epochs, key=lambda epoch: epoch.test.acc, default=None)

    @property
    def lowest_val(self) -> Epoch | None:
        """The epoch with the lowest validation loss, the earliest of equals, None without validation: best.pt is of that one."""
        number = best(self.epochs)
        return next((epoch for epoch in self.epochs if epoch.epoch == number), None)


def logged() -> list[Logged]:
    """Every run below the current folder, the newest first; also what is a run folder but for its recipe."""
    marks = (folder.RECIPE, folder.METRICS, folder.CHECKPOINTS)
    found = [entry for entry in folder.RUNS.glob("*") if any((entry / mark).exists() for mark in marks)]
    return [log(path) for path in sorted(found, key=lambda path: (-folder.written_at(path), path.name))]


def log(path: Path) -> Logged:
    """The run in the folder `path`; what is damaged in it is told, never raised."""
    problems: list[str] = []
    recipe = _read(path / folder.RECIPE, _recipe, problems)
    epochs = _read(path / folder.METRICS, _epochs, problems) if (path / folder.METRICS).exists() else None
    environment = (
        _read(path / folder.ENVIRONMENT, _environment, problems) if (path / folder.ENVIRONMENT).exists() else None
    )
    return Logged(
        path=path,
        recipe=recipe,
        network=(environment or {}).get("network"),
        epochs=epochs or (),
        environment={key: value for key, value in (environment or {}).items() if key != "network"},
        state=_state(path, recipe, epochs or (), broken=bool(problems)),
        problems=tuple(problems),
    )


def recipe_differences(runs: Sequence[Logged]) -> Sides:
    """The keys, dotted, in which the recipes differ; a value is None where there is no such key, or no recipe to read."""
    from cnncli.training.request import differences

    first = next((run.recipe for run in runs if run.recipe), None)
    if first is None:
        return {}
    found = [differences(first, run.recipe) if run.recipe else None for run in runs]
    olds = {key: old for each in found if each for key, (old, _) in each.items()}
    return {
        key: tuple(None if each is None else each.get(key, (old, old))[1] for each in found)
        for key, old in olds.items()
    }


def environment_differences(runs: Sequence[Logged]) -> Sides:
    """What differs in what the runs ran on and with, the command line apart; None where a run does not tell."""
    keys = dict.fromkeys(key for run in runs for key in run.environment)
    sides = {key: tuple(run.environment.get(key) for run in runs) for key in keys}
    return {key: values for key, values in sides.items() if len(set(values)) > 1}


def _read(path: Path, how: Callable[[Path], Found], problems: list[str]) -> Found | None:
    """What `how` makes of a file; what is wrong with it, as one line, goes to `problems`."""
    try:
        return how(path)
    except OSError as error:
        problems.append(f"{truncate(repr(path.as_posix()))}: {reason(error)}")
    except CnncliError as error:
        problems.append(truncate(str(error), 300))
    return None


def _recipe(path: Path) -> Recipe:
    from cnncli.sources.recipes import as_written

    if not path.is_file():
        raise DataError(f"{truncate(path.parent.as_posix())} holds no {folder.RECIPE}")
    return as_written(path)


def _epochs(path: Path) -> tuple[Epoch, ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
        return tuple(_epoch(row, path, line) for line, row in enumerate(rows, 2))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{truncate(path.as_posix())}: {reason(error)}") from error


def _epoch(row: Mapping[str | None, object], path: Path, line: int) -> Epoch:
    """line: counted from 1, the heading's."""
    try:
        return epoch_of({str(key): _value(str(key), value) for key, value in row.items() if value != ""})
    except (ValueError, KeyError, OverflowError) as error:
        raise DataError(f"{truncate(path.as_posix())}, line {line}: is no epoch: {reason(error)}") from error


def _value(column: str, value: object) -> float | str:
    return str(value) if column == "health" else float(str(value))


def _environment(path: Path) -> Mapping[str, str]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{truncate(path.as_posix())} is no JSON: {reason(error)}") from error
    if not isinstance(told, dict):
        raise DataError(f"{truncate(path.as_posix())} is no JSON object")
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in told.items() if key != "command"
    }


def _state(path: Path, recipe: Recipe | None, epochs: Sequence[Epoch], *, broken: bool) -> str:
    if is_locked(path):
        return RUNNING
    if broken or recipe is None:
        return BROKEN
    over = len(epochs) >= recipe.train.epochs or reason_to_stop(epochs, recipe.stop)
    return FINISHED if over else STOPPED


def number(value: float | None) -> float | None:
    """For JSON, which knows no infinity."""
    return value if value is not None and isfinite(value) else None


def seconds(epochs: Iterable[Epoch]) -> float:
    """Of training alone, an epoch on average; 0 for none."""
    taken = [epoch.seconds for epoch in epochs]
    return sum(taken) / len(taken) if taken else 0.0
