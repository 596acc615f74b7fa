"""Ctrl-C and SIGTERM: the first asks for an orderly end, the second does not ask."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

WATCHED = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While it is entered, the first Ctrl-C or SIGTERM is only noted: `bool(interruption)` turns true.

    number: of the signal that came, else None. Outside the main thread, where Python delivers no signals, nothing is noted.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """What a shell reports for a program that the signal ended; 0 where none came."""
        return 128 + self.number if self.number is not None else 0

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in WATCHED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            return
        self._before = {}  # they stay ignored
        ignore()
        raise SystemExit(128 + number)


@contextmanager
def obeyed() -> Iterator[None]:
    """While it is entered, SIGTERM ends the program as Ctrl-C does, by an exception, so that it can tidy up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def ignore() -> None:
    """Ctrl-C and SIGTERM do nothing any more: for a program that is ending, and would end with a traceback instead."""
    for number in WATCHED:
        signal.signal(number, signal.SIG_IGN)
