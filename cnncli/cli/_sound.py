"""Networks that are to be run or written, not only looked at: they must take their input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncli.errors import ShapeError

if TYPE_CHECKING:
    from cnncli.sources import Loaded


def require_sound(loaded: Loaded) -> None:
    """Raise `ShapeError`, with the cure, where the network cannot take its input."""
    from cnncli.analysis.report import report
    from cnncli.analysis.solve_network import smallest_input
    from cnncli.render.summary import failure_text

    found = report(loaded.network)
    if found.failure:
        smallest = smallest_input(loaded.network) if loaded.module is None else None
        raise ShapeError(failure_text(found, smallest, loaded.fault))
