"""Image files that somebody names: one by one, by the folder that they lie in, or in a list on stdin."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cnncli.data.folder import files_below
from cnncli.data.pictures import SUFFIXES
from cnncli.errors import RequestError
from cnncli.files import reason

STDIN = "-"


class Named(NamedTuple):
    """path: as it was named, or within the folder that was · wrong: why it is no image; empty where that is yet to be seen."""

    path: str
    wrong: str = ""


def named(arguments: Sequence[str], stdin: Callable[[], bytes], *, nul: bool = False) -> list[Named]:
    """The images that `arguments` name, in their order; a folder's by their names; `-` stands for the paths in `stdin()`.

    nul: paths on stdin end with a NUL byte, not with a line. Raises `RequestError` for `-` twice and
    for NUL bytes that were not announced.
    """
    if arguments.count(STDIN) > 1:
        raise RequestError("- stands twice, but stdin can be read once; write it once")
    if nul and STDIN not in arguments:
        raise RequestError("-0 tells how paths come on stdin; write - for those, or leave -0 out")
    paths = [path for text in arguments for path in (_listed(stdin(), nul=nul) if text == STDIN else [text])]
    return [found for path in paths for found in _at(path)]


def _listed(data: bytes, *, nul: bool) -> list[str]:
    """The paths in a list; what is no text in the system's encoding comes through unharmed."""
    if not nul and b"\0" in data:
        raise RequestError("the list on stdin holds NUL bytes; write -0 if it comes from find -print0")
    lines = data.split(b"\0") if nul else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [os.fsdecode(line) for line in lines if line]


def _at(path: str) -> Iterator[Named]:
    """The image, or those in the folder, that `path` names."""
    if not os.path.isdir(path):  # noqa: PTH112  (Path raises for a name that is too long)
        odd = os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113  (a pipe would be waited for)
        address = f"cannot read the image {path!r}: an address is not read; download the image and name its file"
        yield Named(path, address if "://" in path else f"cannot read the image {path!r}: it is no file" if odd else "")
        return
    try:
        found = [Named(file) for file in files_below(path) if Path(file).suffix.lower() in SUFFIXES]
    except OSError as error:
        yield Named(path, f"cannot read the folder {path!r}: {reason(error)}")
        return
    yield from found or [Named(path, f"the folder {path!r} holds no images")]
