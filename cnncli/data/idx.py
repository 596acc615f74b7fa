"""IDX files, the format of MNIST and its kin: a header of big-endian integers, then the values.

The header is 0, 0, the kind of value (8: unsigned bytes, 12: integers of four bytes), the number of axes, then each axis' length
in 4 bytes (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path
from typing import NamedTuple

from cnncli.errors import DataError
from cnncli.files import place, reason, unreadable, unwritable

CURE = "delete it and run again, or put a good copy in its place"


class Array(NamedTuple):
    """What an IDX file holds. code: the kind of value · width: bytes of each."""

    shape: tuple[int, ...]
    code: int = 8
    width: int = 1

    @property
    def header(self) -> bytes:
        """The first bytes of the file: 4 + 4·axes."""
        return struct.pack(f">I{len(self.shape)}I", (self.code << 8) + len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return 4 + 4 * len(self.shape) + prod(self.shape) * self.width

    def __str__(self) -> str:
        return f"{'×'.join(f'{length:,}' for length in self.shape)} {'bytes' if self.width == 1 else 'integers'}"


def check(path: Path, wanted: Array) -> None:
    """Raise `DataError` unless `path` has the header and the length of `wanted`; its values are not read."""
    try:
        with path.open("rb") as file:
            start = file.read(len(wanted.header))
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    _compare(path, start, size, wanted)


def unpack(archive: Path, path: Path, wanted: Array) -> None:
    """Write the IDX file `path` from the gzip file `archive`; raises `DataError` where either is no good."""
    try:
        with gzip.open(archive) as file:
            data = file.read(wanted.size + 1)  # one byte more shows that the file is too long, however long it is
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{str(archive)!r} is not a whole gzip file ({reason(error)}); {CURE}") from error
    _compare(archive, data[: len(wanted.header)], len(data), wanted)
    try:
        place(data, path)
    except OSError as error:
        raise unwritable(path, error) from error


def _compare(path: Path, start: bytes, size: int, wanted: Array) -> None:
    what = f"an IDX file of {wanted}"
    if not size:
        raise DataError(f"{str(path)!r} is empty; {CURE}")
    if start != wanted.header:
        raise DataError(f"{str(path)!r} is not {what}: it begins {start.hex()}, not {wanted.header.hex()}; {CURE}")
    if size != wanted.size:
        raise DataError(f"{str(path)!r} is not {what}: it holds {size:,} bytes, not {wanted.size:,}; {CURE}")
