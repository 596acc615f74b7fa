"""Checkpoints: tensors and plain values in torch's own format, whole or not there at all, and verified before they are read.

A checkpoint is what `torch.save` writes, a zip archive, with an archive comment: the SHA-256 of everything before it.
`torch.load(path, weights_only=True)` reads it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from cnncli.datasets.folders import place, reason
from cnncli.errors import DataError

_MARK = b"sha256:"
_COMMENT = len(_MARK) + 64  # bytes: the mark, and the digest in hexadecimal


def packed(content: Mapping[str, Any]) -> bytes:
    """`content` (tensors and plain values) as the bytes of a checkpoint."""
    buffer = BytesIO()
    torch.save(dict(content), buffer)
    # A zip archive ends with the length of its comment, in two bytes; torch writes none.
    archive = buffer.getvalue()[:-2] + _COMMENT.to_bytes(2, "little")
    return archive + _MARK + sha256(archive).hexdigest().encode()


def save(content: Mapping[str, Any], folder: Path, name: str, *, keep: str | None = None) -> None:
    """Write `folder`/`name`, flushed to the disk; the one that was there stays whole until then, and after that as `keep`.

    Raises `OSError`.
    """
    draft = folder / f".next-{name}"
    place(packed(content), draft)
    if keep and (folder / name).exists():
        (folder / name).replace(folder / keep)
    draft.replace(folder / name)


def load(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU; raises `DataError` where it is missing or not what was written."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {reason(error)}") from error
    archive, comment = data[:-_COMMENT], data[-_COMMENT:]
    if comment != _MARK + sha256(archive).hexdigest().encode():
        raise DataError(
            f"{str(path)!r} is damaged or no checkpoint: its checksum does not fit; use previous.pt beside it"
        )
    try:
        content: dict[str, Any] = torch.load(BytesIO(archive + comment), map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError) as error:
        raise DataError(f"{str(path)!r} is no checkpoint of cnncli: {reason(error)}") from error
    return content
