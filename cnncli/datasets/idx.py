"""IDX files, the format of MNIST and its kin: a header of big-endian integers, then one byte a value.

The header is 0, 0, 8 (unsigned bytes), the number of axes, then each axis' length in 4 bytes
(Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

from cnncli.datasets.folders import place, reason, unreadable, unwritable
from cnncli.errors import DataError

CURE = "delete it and run again, or put a good copy in its place"


def header(shape: tuple[int, ...]) -> bytes:
    """The first bytes of an IDX file of unsigned bytes: 4 + 4·axes."""
    return struct.pack(f">I{len(shape)}I", 0x0800 + len(shape), *shape)


def check(path: Path, shape: tuple[int, ...]) -> None:
    """Raise `DataError` unless `path` has the header and the length of `shape`; its values are not read."""
    wanted = header(shape)
    try:
        with path.open("rb") as file:
            start = file.read(len(wanted))
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    _compare(path, start, size, shape)


def unpack(archive: Path, path: Path, shape: tuple[int, ...]) -> None:
    """Write the IDX file `path` from the gzip file `archive`; raises `DataError` where either is no good."""
    size = len(header(shape)) + prod(shape)
    try:
        with gzip.open(archive) as file:
            data = file.read(size + 1)  # one byte more shows that the file is too long, however long it is
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{str(archive)!r} is not a whole gzip file ({reason(error)}); {CURE}") from error
    _compare(archive, data[: len(header(shape))], len(data), shape)
    try:
        place(data, path)
    except OSError as error:
        raise unwritable(path, error) from error


def _compare(path: Path, start: bytes, size: int, shape: tuple[int, ...]) -> None:
    wanted = header(shape)
    what = f"an IDX file of {'×'.join(f'{length:,}' for length in shape)} bytes"
    if not size:
        raise DataError(f"{str(path)!r} is empty; {CURE}")
    if start != wanted:
        raise DataError(f"{str(path)!r} is not {what}: it begins {start.hex()}, not {wanted.hex()}; {CURE}")
    if size != len(wanted) + prod(shape):
        raise DataError(
            f"{str(path)!r} is not {what}: it holds {size:,} bytes, not {len(wanted) + prod(shape):,}; {CURE}"
        )
