"""How far something long is: written by who works, read by who shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Progress:
    """what: the thing being done, "" for nothing · done: how much of it, of `total`."""

    what: str = ""
    done: int = 0
    total: int = 0

    def begin(self, what: str, total: int) -> None:
        """Start to count anew."""
        self.what, self.done, self.total = what, 0, total

    def end(self) -> None:
        """There is nothing more to show."""
        self.begin("", 0)
