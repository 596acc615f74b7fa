"""What ONNX's operations are in the words of layer specs: a file per family, each with `OPS`, a dict from name to reader.

A reader takes an `Op` and returns what it says of itself, or None; it raises `LookupError` for inputs that it does not
describe. What none describes becomes a row at its shapes, free of MACs where `elementwise.FREE` knows it to be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cnncli.formats.onnx.values import Op, Said

Says = Callable[[Op], "Said | None"]


@cache
def readers() -> dict[str, Says]:
    """All readers by the name of the operation."""
    found: dict[str, Says] = {}
    for module in iter_modules(__path__, f"{__name__}."):
        found |= getattr(import_module(module.name), "OPS", {})
    return found
