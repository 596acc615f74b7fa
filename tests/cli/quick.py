"""Watching what a command line imports."""

from __future__ import annotations

from tests.conftest import python
from tests.test_startup import HEAVY


def heavy_imports(line: str) -> list[str]:
    """The heavy libraries in `sys.modules` after a command line, run in a process of its own."""
    program = f"""
import sys
from cnncli.cli import run
run({line.split()!r})
print("heavy:", *(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    return python("-c", program).stderr.splitlines()[-1].split()[1:]
