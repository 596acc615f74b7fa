"""Calls of torch's functions that are layers. A file for each family declares `CALLS`, a dict from torch's name to a reader."""

from __future__ import annotations

from functools import cache

from cnncli.registry import entries
from cnncli.tracing.said import Says


@cache
def calls() -> dict[str, Says]:
    """Every reader by torch's name of what it reads."""
    return entries("cnncli.tracing.calls", "CALLS")
