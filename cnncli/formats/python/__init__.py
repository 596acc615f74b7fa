"""A network as plain PyTorch: one file that runs with torch alone, blocks as classes, every line with its shapes."""

from __future__ import annotations

from cnncli.formats.python.held import held_by, tables
from cnncli.formats.python.writing import Written, to_python, written

__all__ = ["Written", "held_by", "tables", "to_python", "written"]
