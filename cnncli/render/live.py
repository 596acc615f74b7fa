"""One line at the bottom of a terminal that says how far a long command is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from cnncli.render.text import columns_of

PERIOD = 0.25  # seconds


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
                line = self._text()[: columns_of(sys.stderr) - 1]
                sys.stderr.write("\r" + line.ljust(self._width))
                sys.stderr.flush()
                self._width = len(line)

    def _clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0
