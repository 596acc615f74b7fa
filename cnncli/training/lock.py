"""One process at a time trains in a run folder. Free of torch.

The lock ends with the process that holds it, however that ends; the file `.lock` means nothing by itself.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cnncli.errors import DataError
from cnncli.files.run_folder import written

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


def held(folder: Path) -> bool:
    """Whether another process trains in `folder`; found by locking it for some microseconds, so not for a folder of one's own."""
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
    """Holds the run folder `folder`; raises `DataError` where another process does."""

    def __init__(self, folder: Path) -> None:
        """folder: of the run, which is there."""
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
        """A run that is forgotten holds nothing."""
        if getattr(self, "_holder", None) == os.getpid():  # not a copy in a process that reads images
            self.release()

    def release(self) -> None:
        """Let others have the folder."""
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
        """Lock the file; whether it is still the one in the folder."""
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
