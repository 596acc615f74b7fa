"""What a command line asks of a trained run; refused here if it is wrong, before torch is imported."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from cnncli.data import Dataset, dataset
from cnncli.errors import RequestError
from cnncli.files import run_folder as folder
from cnncli.sources.run_folder import find_run, run_recipe
from cnncli.text import truncate
from cnncli.training.request import FOLDER, check_device, without_best, without_checkpoint


class Trained(NamedTuple):
    """path: the run folder · which: last or best, None for best where the run has a validation split · device: where to run it."""

    path: Path
    which: str | None
    device: str


class Asked(NamedTuple):
    """run: whose network · source: the images · own: whether they are those of the run's recipe · split: train, val or test."""

    run: Trained
    source: Dataset
    own: bool
    split: str


def trained(name: str, which: str | None = None, device: str = "auto") -> Trained:
    """The run called `name`, by its path or its name in `runs/`; raises `RequestError`, `DataError`."""
    check_device(device)
    path = find_run(name)
    checkpoints = path / folder.CHECKPOINTS
    if which == "best" and not (checkpoints / folder.BEST).exists():
        raise without_best(path)
    if not any((checkpoints / file).exists() for file in (folder.LAST, folder.PREVIOUS, folder.BEST)):
        raise without_checkpoint(path)
    return Trained(path, which, device)


def asked(run: Trained, data: str | None, split: str) -> Asked:
    """The images to judge `run` by: the data set `data`, or the recipe's own; raises `RequestError`, `DataError`."""
    if data is not None and not _moved_to(run, data):
        source = dataset(data)
        if split == "val" and source.val is None:
            raise RequestError(
                f"{truncate(data)} brings no validation split; leave --data out for the run's own, or write --split test"
            )
        return Asked(run, source, own=False, split=split)
    recipe = run_recipe(run.path, [f"data.name={data}"] if data is not None else [])
    source = dataset(recipe.data.name)
    if split == "val" and not recipe.data.val and source.val is None:
        raise RequestError(
            f"{run.path.as_posix()} has no validation split (data.val is 0); write --split test or train"
        )
    return Asked(run, source, own=True, split=split)


def _moved_to(run: Trained, data: str) -> bool:
    """Whether `data` stands for the run's own images, a folder that is no longer where it was."""
    from cnncli.sources.recipes import as_written

    own = as_written(run.path / folder.RECIPE).data.name
    gone = own.startswith(FOLDER) and not Path(own.removeprefix(FOLDER)).is_dir()
    return gone and data.startswith(FOLDER)


def printed(path: Path, epoch: int, split: str) -> float | None:
    """The accuracy that training wrote into metrics.csv after an epoch; None where it wrote none that can be read."""
    try:
        with (path / folder.METRICS).open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("epoch") == str(epoch)]
        return float(rows[-1][f"{split}_acc"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
