"""The run folder: one for each run, and nothing in it half written. Free of torch, so that a wrong place is known at once."""

from __future__ import annotations

import csv
import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

from cnncli.errors import DataError
from cnncli.files import place, reason

RUNS = Path("runs")
RECIPE, METRICS, ENVIRONMENT, MODEL = "recipe.yaml", "metrics.csv", "env.json", "model.safetensors"
NETWORK = "network.yaml"  # of a network that was written down for the run
CHECKPOINTS, LAST, PREVIOUS, BEST = "checkpoints", "last.pt", "previous.pt", "best.pt"
CURVES, CONFUSION = "curves.png", "confusion.png"
HEALTH, HEALTH_PICTURE = "health.json", "health.png"
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # no room, on the disk or for this user
ELSEWHERE = "go to a folder that can be written"
NO_RUN = f"there is no run in {str(RUNS)!r}; begin one: cnncli train lenet, or go to the folder that holds it"
FINAL = (MODEL, CURVES, CONFUSION)

# What `place` and `checkpoint.save` call a file that they are writing.
_DRAFT = re.compile(r"\..+\.[0-9a-f]{16}|\.next-.+")


def new_folder(name: str, recipe: str, network: str = "") -> Path:
    """Make `runs/<name>-<n>` in the current folder, n one above the highest there is; write its recipe, and its net.yaml if any.

    No two runs get the same, however many begin at once. Raises `DataError` where it cannot be written.
    """
    with written(RUNS, cure=ELSEWHERE):
        RUNS.mkdir(exist_ok=True)
        folder = _numbered(name)
    try:
        if network:
            write(folder / NETWORK, network.encode("utf-8", "surrogateescape"))
        write(folder / RECIPE, recipe.encode())
    except DataError:
        discard(folder)
        raise
    return folder


def newest() -> Path:
    """The run folder below the current folder that was written to last; raises `DataError` where there is none."""
    found = runs()
    if not found:
        raise DataError(NO_RUN)
    return max(found, key=written_at)


def runs() -> list[Path]:
    """The run folders below the current folder."""
    return [entry for entry in RUNS.glob("*") if (entry / RECIPE).is_file()]


def sweep(folder: Path) -> None:
    """Remove what a process that was killed left half written."""
    for draft in (*folder.glob(".*"), *(folder / CHECKPOINTS).glob(".*")):
        if _DRAFT.fullmatch(draft.name):
            draft.unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    """Write a file of the run folder, whole or not at all; raises `DataError`."""
    with written(path):
        place(data, path)


def discard(folder: Path) -> None:
    """Remove the folder of a run that did not begin: one that holds nothing but its recipe and its network."""
    sweep(folder)
    with suppress(OSError):
        if {entry.name for entry in folder.iterdir()} <= {RECIPE, NETWORK}:
            for name in (NETWORK, RECIPE):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()


def rewrite_metrics(folder: Path, rows: Sequence[Mapping[str, float | str]]) -> None:
    """Make `metrics.csv` hold these rows under the names of their columns; without a row there is no such file."""
    if not rows:
        with written(folder / METRICS):
            (folder / METRICS).unlink(missing_ok=True)
        return
    lines: list[Sequence[object]] = [list(rows[0]), *(list(row.values()) for row in rows)]
    write(folder / METRICS, b"".join(_line(values) for values in lines))


def add_metrics(folder: Path, rows: Sequence[Mapping[str, float | str]]) -> None:
    """Add the last of `rows` to `metrics.csv`, which holds the others; where that fails, it holds what it held."""
    if len(rows) == 1:
        rewrite_metrics(folder, rows)
        return
    append(folder / METRICS, _line(list(rows[-1].values())))


def append(path: Path, data: bytes) -> None:
    """Add `data` at the end of a file of the run folder; where that fails, it holds what it held. Raises `DataError`."""
    with written(path), path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            while data:  # a disk that is filling up takes a part and complains at the rest
                data = data[file.write(data) :]
        except OSError:
            file.truncate(size)
            raise


def outdated(folder: Path) -> None:
    """Remove what tells of the end of a run that is going on."""
    for name in FINAL:
        with written(folder / name):
            (folder / name).unlink(missing_ok=True)


@contextmanager
def written(path: Path, cure: str = "make it writable") -> Iterator[None]:
    """What keeps `path` from being written becomes a `DataError`; cure: what helps unless the disk is full."""
    try:
        yield
    except OSError as error:
        helps = "free some space" if error.errno in FULL else cure
        raise DataError(f"cannot write {str(path)!r}: {reason(error)}; {helps}") from error


def _numbered(name: str) -> Path:
    number = 1 + max((_number(entry.name, name) for entry in RUNS.iterdir()), default=0)
    while True:
        folder = RUNS / f"{name}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def written_at(folder: Path) -> float:
    """When a run last wrote what it had come to, in seconds since 1970."""
    files = (folder / CHECKPOINTS / LAST, folder / METRICS, folder / RECIPE)
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)


def _number(entry: str, name: str) -> int:
    stem, _, number = entry.rpartition("-")
    return int(number) if stem == name and number.isascii() and number.isdigit() else 0


def _line(values: Sequence[object]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()
