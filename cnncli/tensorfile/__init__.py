"""Files that hold tensors and no network: `.safetensors`, and `.pt` or `.pth` as torch.save writes them.

Of a safetensors file the header alone is read, without torch. A pickle is only ever loaded by
`torch.load(…, weights_only=True)`, its numbers mapped and not read: one that wants to run code is refused, and what it
wants is named.
"""

from __future__ import annotations

from pathlib import Path

from cnncli.tensorfile.listing import Stored, TensorFile, Totals

__all__ = ["SUFFIXES", "Stored", "TensorFile", "Totals", "read"]

SUFFIXES = (".safetensors", ".pt", ".pth")


def read(path: Path) -> TensorFile:
    """The tensors in the file at `path`; raises `DataError` where it is missing, damaged, or wants to run code."""
    if path.suffix.lower() == ".safetensors":
        from cnncli.tensorfile import header

        return header.read(path)
    from cnncli.tensorfile import pickled

    return pickled.read(path)
