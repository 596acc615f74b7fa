"""Checkpoints: tensors and plain values in torch's own format, whole or not there at all, and verified before they are read.

A checkpoint is what `torch.save` writes, a zip archive, with an archive comment: the SHA-256 of everything before it.
`torch.load(path, weights_only=True)` reads it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from cnncli.errors import DataError
from cnncli.files import place_parts, reason

SCHEMA = "cnncli/checkpoint/1"
DRAFT = ".next-"  # begins the name of one that is being written

_MARK = b"sha256:"
_COMMENT = len(_MARK) + 64  # bytes: the mark, and the digest in hexadecimal


def parts(content: Mapping[str, Any]) -> tuple[bytes | memoryview, ...]:
    """`content` (tensors and plain values) as the bytes of a checkpoint, one part after the other."""
    buffer = BytesIO()
    torch.save(dict(content), buffer)
    # A zip archive ends with the length of its comment, in two bytes; torch writes none.
    archive, length = buffer.getbuffer()[:-2], _COMMENT.to_bytes(2, "little")
    digest = sha256(archive)
    digest.update(length)
    return archive, length, _MARK, digest.hexdigest().encode()


def save(
    content: Mapping[str, Any], folder: Path, name: str, *, keep: str | None = None, also: str | None = None
) -> None:
    """Write `folder`/`name`, flushed to the disk; the one that was there stays whole until then, and after that as `keep`.

    also: another name for the same, written first. Raises `OSError`; then what was there is there still, and nothing else.
    """
    whole = parts(content)
    if also is not None:
        place_parts(whole, folder / also)
    draft = folder / f"{DRAFT}{name}"
    try:
        place_parts(whole, draft)
        if keep and (folder / name).exists():
            _name_too(folder / name, folder / keep)
        draft.replace(folder / name)
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


def latest(folder: Path, names: Sequence[str]) -> tuple[dict[str, Any], str, str | None] | None:
    """What the first of the checkpoints `names` that is whole holds, its name, and in words what is wrong with those before it.

    None where there is none of them; raises `DataError` where none is whole.
    """
    wrong: list[str] = []
    for name in names:
        try:
            return load(folder / name), name, "; ".join(wrong) or None
        except DataError as error:
            wrong.append(str(error))
    if not any((folder / name).exists() for name in names):
        return None
    raise DataError("; ".join(wrong))


def load(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU; raises `DataError` where it is missing or not what was written."""
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
