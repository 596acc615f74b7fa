"""A network as plain PyTorch: one file that runs with torch alone, blocks as classes, every line with its shapes."""

from __future__ import annotations

from cnncli.code.held import held_by
from cnncli.code.writing import to_python

__all__ = ["held_by", "to_python"]
