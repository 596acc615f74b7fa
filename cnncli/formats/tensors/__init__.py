"""Files that hold tensors and no network: `.safetensors`, and `.pt` or `.pth` as torch.save writes them.

Of a safetensors file the header alone is read, without torch. A pickle is only ever loaded by
`torch.load(…, weights_only=True)`, its numbers mapped and not read: one that wants to run code is refused, and what it
wants is named.
"""

from __future__ import annotations

from pathlib import Path

from cnncli.formats.tensors.listing import Stored, TensorFile, Totals

__all__ = ["SUFFIXES", "Stored", "TensorFile", "Totals", "is_safetensors", "read"]

SUFFIXES = (".safetensors", ".pt", ".pth")


def is_safetensors(path: Path) -> bool:
    """Whether the file is one of safetensors, by its first bytes, and by its suffix where they do not say; raises as `read`."""
    from cnncli.formats.tensors import foreign

    foreign.refuse(path)
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith((b"PK\x03\x04", b"\x80")):  # an archive or a pickle of torch.save's
        return False
    return path.suffix.lower() == ".safetensors" or foreign.is_safetensors(head)


def read(path: Path) -> TensorFile:
    """The tensors in the file at `path`, whatever its suffix.

    Raises `DataError` where it is missing, damaged, or wants to run code, `RequestError` for a file of another kind.
    """
    if is_safetensors(path):
        from cnncli.formats.tensors import header

        return header.read(path)
    from cnncli.formats.tensors import pickled

    return pickled.read(path)
