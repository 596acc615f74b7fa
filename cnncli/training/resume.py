"""What a command line asks to be gone on with; refused here if it is wrong, before torch is imported."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cnncli.errors import DataError, RequestError
from cnncli.files import run_folder as folder
from cnncli.formats.strict_yaml import Value
from cnncli.sources.recipes import Recipe, as_written
from cnncli.sources.run_folder import find_run, resume_command, run_recipe
from cnncli.text import truncate
from cnncli.training.request import check_device

# What may change when a run goes on: how long it is, and what changes no number.
FREE = (
    "train.epochs",
    "train.checkpoint_steps",
    "train.checkpoint_seconds",
    "data.cache",
    "data.workers",
    "stop.when_dead",
)


FOLDER = "folder:"  # begins the name of images that may be moved


class Resumption(NamedTuple):
    """path: the run folder · recipe: to go on by · device: where, None for where it was"""

    path: Path
    recipe: Recipe
    device: str | None


def resumption(arguments: Sequence[str], device: str | None = None) -> Resumption:
    """The run that `arguments` name, a folder or none for the newest, and `key=value` that its recipe is to have from now on.

    Raises `DataError` where there is no such run, `RequestError` for a key that a run cannot change on its way.
    """
    check_device(device or "auto")
    names = [text for text in arguments if "=" not in text or Path(text).is_dir()]
    pairs = [text for text in arguments if text not in names]
    if len(names) > 1:
        raise RequestError(f"{truncate(names[1])} is not key=value; name one run, and what to change as in epochs=20")
    path = find_run(names[0]) if names else folder.newest()
    recipe, wanted = as_written(path / folder.RECIPE), run_recipe(path, pairs)
    changed = changes(recipe, wanted)
    if changed:
        instead = f"{again(path)} {' '.join(map(shlex.quote, pairs))}"
        raise RequestError(f"a run that goes on keeps its recipe, here {changed}; for another run: {instead}")
    return Resumption(path, wanted, device)


def without_best(path: Path) -> RequestError:
    """What is said of a run whose best checkpoint is asked for and is not there."""
    return RequestError(f"{path.as_posix()} has no best.pt: it has no validation split (data.val); write --which last")


def without_checkpoint(path: Path) -> DataError:
    """What is said of a run that has come to nothing yet."""
    return DataError(f"{path.as_posix()} has no checkpoint yet; train it first: {resume_command(path)}")


def again(path: Path) -> str:
    """The command that trains a run's recipe from the beginning."""
    return f"cnncli train {shlex.quote((path / folder.RECIPE).as_posix())}"


def changes(old: Recipe, new: Recipe) -> str:
    """The keys that differ, those in `FREE` apart, as `key old → new`; empty where there are none."""
    return ", ".join(
        f"{truncate(key)} {_shown(before)} → {_shown(after)}"
        for key, (before, after) in differences(old, new).items()
        if key not in FREE and not (key == "data.name" and _moved(before, after))
    )


def _moved(before: Value, after: Value) -> bool:
    """Whether both are folders: whether they hold the same images is asked when they are read."""
    return str(before).startswith(FOLDER) and str(after).startswith(FOLDER)


def differences(old: Recipe, new: Recipe) -> dict[str, tuple[Value, Value]]:
    """The keys, dotted, that have another value in `new`: the old and the new, None where there is no such key."""
    before, after = (dict(_flat(recipe.model_dump(mode="json"))) for recipe in (old, new))
    return {
        key: (before.get(key), after.get(key))
        for key in {**before, **after}
        if before.get(key) != after.get(key) or (key in before) != (key in after)
    }


def _flat(values: Mapping[str, Value], prefix: str = "") -> Iterable[tuple[str, Value]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Value) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else truncate(str(value), 40)
