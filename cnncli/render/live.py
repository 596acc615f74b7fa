"""One line at the bottom of a terminal that says how far a long command is."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple, Self

from cnncli.text import columns_of

PERIOD = 0.25  # seconds
LEAST, MOST = 8, 20  # characters of a bar
BAR = 2  # the rank at which a bar leaves


class Note(NamedTuple):
    """A part of a line that can be done without. rank: of two, the one with the lower leaves first."""

    rank: int
    text: str


def one_line(head: str, share: float, count: str, notes: Sequence[Note], width: int) -> str:
    """`preparing images █████░░░░░ 30,000 of 60,000  12s left` in `width` characters; what does not fit leaves part by part.

    share: of the bar that is full, 0 to 1 · count: the same in numbers. Head and count stay, and are cut where they must be.
    """
    kept, barred = list(notes), True
    while (short := len(_joined(head, count, kept, LEAST if barred else 0)) - width) > 0 and (kept or barred):
        rank = min([note.rank for note in kept] + [BAR] * barred)
        kept, barred = [note for note in kept if note.rank > rank], barred and rank != BAR
    bar = min(MOST, LEAST - short) if barred else 0
    return _joined(head, count, kept, bar, full=int(bar * share))[:width]


def _joined(head: str, count: str, notes: Sequence[Note], bar: int, full: int = 0) -> str:
    drawn = f"{'█' * full}{'░' * (bar - full)} " if bar else ""
    return "  ".join([f"{head} {drawn}{count}", *(note.text for note in notes)])


class Live:
    """Writes `text()` to stderr four times a second, from a thread of its own: what is shown is asked for, not reported.

    Only on a terminal; elsewhere nothing is written.
    """

    def __init__(self, text: Callable[[], str], *, wanted: bool = True) -> None:
        """wanted: False writes nothing on a terminal either."""
        self._text = text
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._width = 0
        self._thread = threading.Thread(target=self._write, daemon=True) if wanted and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()
            self._clear()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The line is gone while something else is printed."""
        with self._lock:
            self._clear()
            yield

    def _write(self) -> None:
        while not self._over.wait(PERIOD):
            with self._lock:
                self._show(self._text()[: columns_of(sys.stderr) - 1])

    def _show(self, line: str) -> None:
        """Write `line` over the one that is there, and leave the cursor where it begins.

        There it stays when a terminal that is made narrower wraps the line: erasing from there on takes all of it.
        """
        rest = "\x1b[J" if _erases() else " " * (self._width - len(line))
        sys.stderr.write(f"\r{line}{rest}\r")
        sys.stderr.flush()
        self._width = len(line)

    def _clear(self) -> None:
        if self._width:
            self._show("")


def _erases() -> bool:
    """Whether the terminal obeys escape sequences."""
    return os.name != "nt" and os.environ.get("TERM", "dumb") != "dumb"
