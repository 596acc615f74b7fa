"""Many image files as batches of pixels, read by worker processes, in a fixed order whatever their number."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from cnncli.data.pictures import picture
from cnncli.errors import DataError

if TYPE_CHECKING:
    import torch

FEW = 200  # images up to which no process is worth its start, 30 ms
DEAF_TO = (signal.SIGINT, signal.SIGTERM)
MOST = 8  # workers unless told; more have not been measured to help


class Read(NamedTuple):
    """A batch as it comes from a worker.

    pixels: H×W×C bytes of each image that could be read, one after the other (as bytes they need no shared memory, of which a
    container may have little) · bad: of each that could not, its place in the batch and why
    """

    pixels: bytes
    bad: tuple[tuple[int, str], ...]


class Reader:
    """What a worker process holds: it turns indices into pixels."""

    def __init__(self, paths: Sequence[str], size: tuple[int, int, int]) -> None:
        """size: C×H×W."""
        self._paths, self._size = paths, size

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Read:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Read:
        """A whole batch; torch calls this where it is there."""
        channels, height, width = self._size
        good, bad = [], []
        for place, index in enumerate(indices):
            try:
                good.append(picture(self._paths[index], channels, (height, width)).tobytes())
            except DataError as error:
                bad.append((place, str(error)))
        return Read(b"".join(good), tuple(bad))


def read(
    paths: Sequence[str], size: tuple[int, int, int], batches: Iterable[Sequence[int]], workers: int | None = None
) -> Iterator[Read]:
    """The images at `paths` as C×H×W `size`, one batch of indices after the other.

    workers: processes that read ahead, 0 for none, None for as many as suit. What is read does not depend on it. Raises `DataError`
    where a process ends before its time.
    """
    from torch import Generator
    from torch.utils.data import DataLoader

    plan = list(batches)
    if workers is None:
        workers = min(cores(), MOST) if sum(map(len, plan)) > FEW else 0
    loader: Iterable[Read] = DataLoader(
        Reader(paths, size),  # type: ignore[arg-type]  # it has all that torch asks of a map-style data set
        batch_sampler=plan,  # type: ignore[arg-type]  # any sequence of indices will do
        num_workers=workers,
        collate_fn=_as_it_is,  # type: ignore[arg-type]  # gets what __getitems__ gives
        worker_init_fn=_deaf,
        prefetch_factor=2 if workers else None,
        generator=Generator(),  # else it would draw a seed from the one that dropout draws from
    )
    try:
        yield from _started(loader)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            f"a process that reads images ended before its time ({str(error).splitlines()[0]}); write data.workers: 0"
        ) from error


def tensor(pixels: bytes, size: tuple[int, int, int]) -> torch.Tensor:
    """The pixels of `Read` as uint8 N×C×H×W, channels last in memory."""
    import torch

    channels, height, width = size
    if not pixels:
        return torch.empty((0, *size), dtype=torch.uint8)
    values = torch.frombuffer(bytearray(pixels), dtype=torch.uint8)
    return values.view(-1, height, width, channels).permute(0, 3, 1, 2)


def cores() -> int:
    """Processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _started(loader: Iterable[Read]) -> Iterator[Read]:
    with (
        _held_back(),
        warnings.catch_warnings(),
    ):  # Python 3.12 warns of forking beside threads; the workers use none of theirs
        warnings.simplefilter("ignore", DeprecationWarning)
        return iter(loader)


@contextmanager
def _held_back() -> Iterator[None]:
    """Signals wait while it is entered, and for good in a process that is forked then: `_deaf` would come a moment too late."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _as_it_is(batch: Read) -> Read:
    return batch


def _deaf(_: int) -> None:
    """Leave signals to the process that trains: they often go to all processes at once, and a batch may still be wanted.

    Ctrl-C goes to all of a terminal's, SIGTERM to all of a service's. A reader ends when it is told, or when its trainer is gone.
    """
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
