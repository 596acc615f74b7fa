"""What a command line asks to see of a run's health."""

from __future__ import annotations

from pathlib import Path

from cnncli.diagnostics.record import Log, read
from cnncli.errors import DataError
from cnncli.files import run_folder as folder
from cnncli.text import truncate
from cnncli.training.request import again, without_checkpoint


def log_of(path: Path) -> Log:
    """What was seen and said of the run in a folder; raises `DataError` where nothing was."""
    if (path / folder.HEALTH).exists():
        return read(path / folder.HEALTH)
    if not (path / folder.METRICS).exists():
        raise without_checkpoint(path)
    raise DataError(
        f"{truncate(path.as_posix())} holds no {folder.HEALTH}: nothing was watched while it was trained; "
        f"train it again to see: {again(path)}"
    )
