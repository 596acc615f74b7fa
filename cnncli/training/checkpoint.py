"""Checkpoints: when they are written and what they hold; whole or not there at all, and verified before they are read.

A checkpoint is what `torch.save` writes, a zip archive, with an archive comment: the SHA-256 of everything before it.
`torch.load(path, weights_only=True)` reads it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from time import perf_counter
from typing import Any

import torch

from cnncli.diagnostics.epoch import best
from cnncli.errors import DataError
from cnncli.files import place_parts, reason
from cnncli.files import run_folder as folder
from cnncli.sources.networks import is_file
from cnncli.sources.recipes import Recipe, resolved
from cnncli.sources.run_folder import resume_command
from cnncli.training.device import machine
from cnncli.training.setup import Setup
from cnncli.training.state import State, snapshot

SCHEMA = "cnncli/checkpoint/1"
DRAFT = ".next-"  # begins the name of one that is being written

SHARE = 50  # a checkpoint within an epoch comes after so many times what the one before took: it costs 2 % at most

_MARK = b"sha256:"
_COMMENT = len(_MARK) + 64  # bytes: the mark, and the digest in hexadecimal


def parts(content: Mapping[str, Any]) -> tuple[bytes | memoryview, ...]:
    """Return `content` (tensors and plain values) as the bytes of a checkpoint, one part after the other."""
    buffer = BytesIO()
    torch.save(dict(content), buffer)
    # A zip archive ends with the length of its comment, in two bytes; torch writes none.
    archive, length = buffer.getbuffer()[:-2], _COMMENT.to_bytes(2, "little")
    digest = sha256(archive)
    digest.update(length)
    return archive, length, _MARK, digest.hexdigest().encode()


def save(
    content: Mapping[str, Any], directory: Path, name: str, *, keep: str | None = None, also: str | None = None
) -> None:
    """Write a checkpoint, flushed to the disk; the one that was there stays whole until then.

    Args:
        content: tensors and plain values.
        directory: where checkpoints are.
        name: of the file.
        keep: the name that the one before gets, None to drop it.
        also: another name for the same content, written first.

    Raises:
        OSError: it cannot be written; then what was there is there still, and nothing else.
    """
    whole = parts(content)
    if also is not None:
        place_parts(whole, directory / also)
    draft = directory / f"{DRAFT}{name}"
    try:
        place_parts(whole, draft)
        if keep and (directory / name).exists():
            _name_too(directory / name, directory / keep)
        draft.replace(directory / name)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _name_too(file: Path, other: Path) -> None:
    """Give `file` the name `other` too, and so leave it its own until the next one takes that.

    Where a file system has no second names, it has the other alone.
    """
    second = other.with_name(f"{DRAFT}{other.name}")
    second.unlink(missing_ok=True)
    try:
        second.hardlink_to(file)
    except (OSError, NotImplementedError):
        file.replace(other)
        return
    second.replace(other)
    second.unlink(missing_ok=True)  # it is still there if `other` was a name of this file already


def latest(directory: Path, names: Sequence[str]) -> tuple[dict[str, Any], str, str | None] | None:
    """Load the first of the checkpoints `names` that is whole.

    Returns:
        Its content, its name, and what is wrong with those before it; None where no checkpoint exists.

    Raises:
        DataError: none is whole.
    """
    wrong: list[str] = []
    for name in names:
        try:
            return load(directory / name), name, "; ".join(wrong) or None
        except DataError as error:
            wrong.append(str(error))
    if not any((directory / name).exists() for name in names):
        return None
    raise DataError("; ".join(wrong))


def load(path: Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU; raises `DataError` where it is missing or not what was written."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {reason(error)}") from error
    archive, comment = data[:-_COMMENT], data[-_COMMENT:]
    if comment != _MARK + sha256(archive).hexdigest().encode():
        raise DataError(f"{str(path)!r} is damaged: its checksum does not fit")
    try:
        content: dict[str, Any] = torch.load(BytesIO(archive + comment), map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError) as error:
        raise DataError(f"{str(path)!r} is no checkpoint of cnncli: {reason(error)}") from error
    if content.get("schema", SCHEMA) != SCHEMA:
        raise DataError(f"{str(path)!r} is of another version of cnncli: {content['schema']}, not {SCHEMA}")
    return content


class Checkpointer:
    """Writes a run's checkpoints: after every epoch, and within one as `train.checkpoint_steps` and `checkpoint_seconds` say."""

    def __init__(self, path: Path, setup: Setup, state: State, *, from_last: bool) -> None:
        """Start with nothing written to the run folder `path`; from_last: whether `state` is what its last.pt holds."""
        self.path, self._job, self._state = path, setup, state
        self._recipe = resolved(setup.recipe, path)  # now: a second Ctrl-C within pydantic comes out as its warning
        self._network = network_text(setup.recipe)
        self._steps, self._seconds = setup.recipe.train.checkpoint_steps, setup.recipe.train.checkpoint_seconds
        self._kept: tuple[int, int] | None = self._place if from_last else None
        self._written, self._cost = perf_counter(), 0.0  # seconds
        self._keep = folder.PREVIOUS if from_last else None  # a damaged last.pt is not worth being the previous one

    def due(self) -> bool:
        """Return whether it is time for a checkpoint within the epoch."""
        if self._steps is not None and self._state.batch % self._steps == 0:
            return True
        wait = max(self._seconds, SHARE * self._cost) if self._seconds is not None else float("inf")
        return perf_counter() - self._written >= wait

    def save(self) -> None:
        """Write last.pt, and best.pt after the best epoch so far; raises `DataError`, which says how to resume."""
        if self._kept == self._place:
            return
        began = perf_counter()
        content = self._content()
        done = len(self._state.epochs)
        # The best first: a run that is killed between the two trains the epoch once more, and comes to the same.
        also = folder.BEST if self._state.batch == 0 and done and best(self._state.epochs) == done else None
        checkpoints = self.path / folder.CHECKPOINTS
        with resumable(self.path), folder.written(checkpoints):
            save(content, checkpoints, folder.LAST, keep=self._keep, also=also)
        self._keep, self._kept, self._written = folder.PREVIOUS, self._place, perf_counter()
        self._cost = self._written - began

    def _content(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "recipe": self._recipe,
            "network": self._network,
            "threads": torch.get_num_threads(),
            **machine(self._job.device),
            **preprocessing(self._job),
            "counts": self._job.counts,
            **snapshot(self._state, self._job),
        }

    @property
    def _place(self) -> tuple[int, int]:
        return len(self._state.epochs), self._state.batch


@contextmanager
def resumable(path: Path) -> Iterator[None]:
    """Add to a `DataError`, which a user can mend, the command that resumes the run in the folder `path`."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error}, then {resume_command(path)}") from error


def preprocessing(setup: Setup) -> dict[str, Any]:
    """Return what stands between an image and the weights, and between the scores and a class."""
    return {
        "input": list(setup.train.finish.size),
        "mean": list(setup.scale.mean),
        "deviation": list(setup.scale.deviation),
        "classes": list(setup.classes),
    }


def network_text(recipe: Recipe) -> str | None:
    """Return the text of the file that the network is written in, None where it is in none."""
    name = recipe.model.name
    return Path(name).read_text(encoding="utf-8", errors="replace") if is_file(name) else None
