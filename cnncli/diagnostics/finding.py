"""What there is to say of a run's health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong, said once in a run.

    kind: one word or two, as in `dead ReLUs` · epoch: after which it was found, from 1 · layer: where, None for the whole
    network · words: what was seen, with the numbers · remedy: what to try, as on a command line, or in words · numbers: those
    in the words
    """

    kind: str
    epoch: int
    layer: str | None
    words: str
    remedy: str
    numbers: Mapping[str, float] = {}
