"""Python's collector of garbage, which walks all that torch's import left behind (0.15 s) whenever enough new objects are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def uncollected() -> Iterator[None]:
    """While entered, nothing looks for garbage; afterwards it is looked for where it was before."""
    usual = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if usual:
            gc.enable()


@cache
def settled() -> None:
    """Leave everything that is there now, modules above all, out of later rounds; for programs that look at one module and end."""
    gc.freeze()
