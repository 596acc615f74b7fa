"""Where data lies: the data folder, the user's cache, and files that appear there whole or not at all."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from cnncli.errors import DataError, nearest

VARIABLE = "CNNCLI_DATA"


def data_folder() -> Path:
    """The folder of the downloaded sets, laid out as torchvision's `root`: `$CNNCLI_DATA`, else the user's cache.

    Raises `DataError` where neither can be told.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return cache_folder()
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise DataError(f"{VARIABLE}={named!r} names no folder: {reason(error)}; write the whole path") from error


def cache_folder() -> Path:
    """The user's cache folder for cnncli, where the platform keeps such folders; it may not exist yet.

    Raises `DataError` for a user without a home folder.
    """
    try:
        return _caches() / "cnncli"
    except RuntimeError as error:
        raise DataError(f"no home folder to keep data in; set {VARIABLE} to a folder") from error


def prepared_folders(root: Path) -> list[Path]:
    """Where prepared sets of the data folder `root` may lie, best first: in it, else in the user's cache.

    In the cache they lie apart by `root`, so that two data folders do not evict each other's sets.
    """
    inside = root / "prepared"
    try:
        cache = cache_folder()
    except DataError:
        return [inside]
    return [inside] if cache == root else [inside, cache / "prepared" / sha256(os.fsencode(root)).hexdigest()[:12]]


def place(data: bytes, path: Path) -> None:
    """Write `path`, creating its folder, so that a reader finds the old file or the new one and nothing between.

    Raises `OSError`; what was half written is removed.
    """
    place_parts([data], path)


def place_parts(parts: Iterable[bytes | memoryview], path: Path) -> None:
    """As `place`, for contents that come one part after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{token_hex(8)}")  # beside its target: a rename cannot cross file systems
    try:
        with draft.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def reason(error: Exception) -> str:
    """Why `error` happened: its last line, printable; without the path, which the message names itself."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    lines = text.split("\n") if text.strip() else [type(error).__name__]
    last = next(line for line in reversed(lines) if line.strip())
    return "".join(letter if letter.isprintable() else "?" for letter in last.strip())


def not_there(path: str, suffixes: Iterable[str] = ()) -> str:
    """Why no file can be read at `path`, and what to write: what is nearly called so, else a file of those `suffixes` beside it."""
    if os.path.isdir(path):  # noqa: PTH112  (a Path raises where a name is too long)
        return "it is a folder; write the path of a file in it"
    folder, name = os.path.split(path)
    try:
        names = sorted(entry for entry in os.listdir(folder or ".") if not entry.startswith("."))  # noqa: PTH208
    except OSError:
        return f"there is no folder {folder!r}; write another path"
    fitting = [entry for entry in names if entry.lower().endswith(tuple(suffixes) or "")]
    near = nearest(name, fitting, 0.75) or next((entry for entry in fitting if Path(entry).stem == name), None)
    if not fitting:
        return "there is no such file, and none of its kind lies there; write another path"
    found = shlex.quote(str(Path(folder, near or fitting[0])))
    return f"there is no such file; {f'did you mean {found}?' if near else f'{found} is one'}"


def unreadable(path: Path, error: OSError) -> DataError:
    """The error to raise where `path` in the data folder cannot be read."""
    return DataError(f"cannot read {str(path)!r}: {reason(error)}; set {VARIABLE} to a folder that can be read")


def unwritable(path: Path, error: OSError) -> DataError:
    """The error to raise where `path` in the data folder cannot be written."""
    return DataError(
        f"cannot write {str(path)!r}: {reason(error)}; set {VARIABLE} to a folder that can be written, "
        "or use --data digits"
    )


def _caches() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return xdg if xdg.is_absolute() else Path.home() / ".cache"  # the specification has relative paths ignored


def _sync(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the platform can sync a folder (Windows cannot open one)."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
