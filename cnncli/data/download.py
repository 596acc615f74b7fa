"""Downloads that leave nothing half done: into a folder of their own first, then file by file into place."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, redirect_stdout
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import error as ZlibError  # noqa: N812  (lower case in the standard library)

from cnncli.errors import DataError
from cnncli.files import reason, unwritable

SILENCE = 30.0  # seconds without a byte after which a download is given up
ARCHIVES = (".gz", ".zip", ".tgz", ".tar")


def download(
    what: str,
    folder: Path,
    wanted: Sequence[str],
    fetch: Callable[[Path], Path],
    look: Callable[[Path], None] = lambda _: None,
) -> None:
    """Bring what is `wanted` (files or folders) of the set `what` into `folder`, with progress on stderr.

    What comes along with it and is no archive is kept too, where it replaces nothing (EMNIST comes in one piece).
    fetch: downloads into the folder it is given and returns the one in which it then lies · look: raises `DataError` for what
    is damaged. Raises `DataError`.
    """
    with _scratch(folder) as scratch:
        try:
            with redirect_stdout(sys.stderr), patience(SILENCE):
                found = fetch(scratch)
        except (OSError, RuntimeError, HTTPException, EOFError, ZlibError) as error:
            raise DataError(
                f"{what}: the download failed ({reason(error)}); "
                f"put {', '.join(wanted)} into {str(folder)!r} by hand, or use --data digits"
            ) from error
        for name in wanted:
            look(found / name)
            _move(found / name, folder / name)
        for entry in found.iterdir():
            if entry.suffix not in ARCHIVES and not (folder / entry.name).exists():
                _move(entry, folder / entry.name)


@contextmanager
def _scratch(folder: Path) -> Generator[Path]:
    """A temporary folder inside `folder`, which is created: on one file system, a rename moves whole files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = TemporaryDirectory(prefix=".download-", dir=folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    with scratch as path:
        yield Path(path)


@contextmanager
def patience(seconds: float) -> Generator[None]:
    """Give up on connections that stay silent for so long (torchvision sets no limit)."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _move(found: Path, target: Path) -> None:
    try:
        found.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
