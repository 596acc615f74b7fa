"""The process that trains: its threads and memory, the signals that end it, and the lock on its run folder. Free of torch.

Figures of threads and memory: the sigmoid LeNet on two cores of an AMD EPYC (Zen 3), torch 2.14.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, BinaryIO, NoReturn, Self

from cnncli.errors import DataError
from cnncli.files.run_folder import written

SPINS = "2000"  # about 50 μs: longer than the threads of a balanced step wait, shorter than a time slice
KEPT = (128 << 20, 32 << 20)  # bytes up to which freed memory is used again; the second for glibc before 2.35
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def settle_in() -> None:
    """Prepare this process to train, before torch is imported. What the user set stays."""
    give_way()
    keep_memory()


def give_way() -> None:
    """Let a waiting thread give up its core soon, where torch uses GNU's OpenMP (Linux).

    By default it spins for milliseconds, which costs nothing on idle cores and much on busy ones. Batches of 32, with other
    programs that want both cores too: 35 instead of 450 ms a step; on idle cores 3.4 ms either way.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def keep_memory() -> None:
    """Let glibc use freed memory again instead of handing it back to the system, where malloc is glibc's.

    Every activation is allocated, filled and freed at every step; with the defaults the system maps and clears their pages
    each time. Batches of 256: 4,500 page faults a step, 10 of 37 ms; so, none.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt and any(mallopt(M_MMAP_THRESHOLD, most) for most in KEPT):
        mallopt(M_TRIM_THRESHOLD, -1)  # never


WATCHED = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """A context that only notes the first Ctrl-C or SIGTERM: `bool(interruption)` turns true. The second one exits.

    Outside the main thread, where Python delivers no signals, nothing is noted.

    Attributes:
        number: of the signal that came, else None.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """What a shell reports for a program that the signal ended; 0 where none came."""
        return 128 + self.number if self.number is not None else 0

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in WATCHED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            return
        self._before = {}  # they stay ignored
        ignore_signals()
        raise SystemExit(128 + number)


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """End the program on SIGTERM as on Ctrl-C, by an exception, so that it can tidy up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ignore_signals() -> None:
    """Ignore Ctrl-C and SIGTERM: for a program that is ending, and would end with a traceback instead."""
    for number in WATCHED:
        signal.signal(number, signal.SIG_IGN)


NAME = ".lock"

if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> None:
        file.seek(1 << 20)  # past what is read: Windows keeps others from reading the byte, too
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: BinaryIO) -> None:
        # Not flock: processes that read images would inherit that, and outlive a killed trainer by some seconds.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(folder: Path) -> bool:
    """Return whether another process trains in `folder`; found by locking it for some microseconds, so not for your own run."""
    try:
        file = (folder / NAME).open("r+b", buffering=0)
    except OSError:
        return False
    with file:
        try:
            _take(file)
        except OSError as error:
            return isinstance(error, BlockingIOError | PermissionError)
    return False


class Lock:
    """A lock on a run folder, by the file `.lock` in it: one process at a time trains there.

    The lock ends with the process that holds it, however that ends; the file means nothing by itself.
    """

    def __init__(self, folder: Path) -> None:
        """Lock `folder`, which exists; raises `DataError` where another process holds it."""
        self.folder, self._path = folder, folder / NAME
        with written(folder):
            self._file = self._opened()
        while not self._taken():  # its holder ended and removed it between our opening and our locking it
            self._file.close()
            with written(folder):
                self._file = self._opened()
        self._holder = os.getpid()
        self._file.truncate(0)
        self._file.write(str(self._holder).encode())

    def __del__(self) -> None:
        """Release what was forgotten."""
        if getattr(self, "_holder", None) == os.getpid():  # not a copy in a process that reads images
            self.release()

    def release(self) -> None:
        """Let others lock the folder."""
        if self._file.closed:
            return
        with suppress(OSError):  # Windows removes no file that is open
            self._path.unlink()
        self._file.close()
        with suppress(OSError):
            if sys.platform == "win32":
                self._path.unlink()

    def _opened(self) -> BinaryIO:
        return self._path.open("a+b", buffering=0)

    def _taken(self) -> bool:
        """Lock the file, and return whether it is still the one in the folder."""
        try:
            _take(self._file)
        except OSError as error:
            self._refuse(error)
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def _refuse(self, error: OSError) -> None:
        """Raise `DataError` if another process holds the lock; a file system without locks is let through."""
        if not isinstance(error, BlockingIOError | PermissionError):
            return
        self._file.seek(0)
        holder = self._file.read(20).decode(errors="replace")
        self._file.close()
        who = f"process {holder}" if holder.isdigit() else "another process"
        raise DataError(f"{str(self._path.parent)!r} is being trained by {who}; wait for it, or end it") from error
