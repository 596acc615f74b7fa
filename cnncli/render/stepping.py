"""Walking through frames: with keys on a terminal, by the clock, or printed one after another."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from cnncli.render.frames import Frame, frame_lines, screenful
from cnncli.text import columns_of, say
from cnncli.training.process import exit_on_sigterm

TIME = "time"
NEXT = {TIME, " ", "n", "l", "j", "\r", "\n", "\x1b[C", "\x1b[B", "\x1bOC", "\x1bOB", "\x1b[6~"}
BACK = {"b", "p", "h", "k", "\x7f", "\b", "\x1b[D", "\x1b[A", "\x1bOD", "\x1bOA", "\x1b[5~"}
END, START = {"e", "G", "\x1b[F", "\x1bOF", "\x1b[4~"}, {"s", "g", "\x1b[H", "\x1bOH", "\x1b[1~"}
QUIT = {"q", "Q", "\x1b", "\x04", ""}  # the last: nobody is there any more
LEGEND = "space next · b back · e end · q quit"
_KEY = re.compile(r"\x1b[O\[][0-9;]*[A-Za-z~]|.", re.DOTALL)
LOOK = 0.1  # seconds after which the terminal's size is looked at again


def show_frames(frames: Sequence[Frame], every: float | None = None) -> None:
    """Show `frames` on stdout: on a terminal one at a time, by keys or every so many seconds; elsewhere one below another."""
    with_keys = sys.stdin.isatty()
    if not is_screen() or not (with_keys or every):
        _print(frames)
        return
    with exit_on_sigterm(), _keys() if with_keys else nullcontext(), _screen():
        _walk(frames, every, with_keys=with_keys)


def _print(frames: Sequence[Frame]) -> None:
    for frame in frames:
        say(*frame_lines(frame, columns_of(sys.stdout)), "")


def is_screen() -> bool:
    """A terminal that can be drawn on; Windows' has no keys in Python's termios and gets plain frames."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and sys.platform != "win32"


def _walk(frames: Sequence[Frame], every: float | None, *, with_keys: bool) -> None:
    """Draw, wait for keys or the time, go on; ends with `q`, or by the clock after the last frame."""
    place, last = 0, len(frames) - 1
    while True:
        for key in _pressed_while_shown(frames, place, every, with_keys=with_keys):
            if key in QUIT or (key == TIME and place == last):
                return
            place = max(0, min(last, _after(key, place, last)))


def _after(key: str, place: int, last: int) -> int:
    if key in END | START:
        return last if key in END else 0
    return place + (key in NEXT) - (key in BACK)


def _pressed_while_shown(frames: Sequence[Frame], place: int, every: float | None, *, with_keys: bool) -> list[str]:
    """The keys pressed, or `TIME` after `every` seconds. The frame is drawn anew when the terminal changes its size."""
    until = None if every is None else time.monotonic() + every
    size = None
    while until is None or time.monotonic() < until:
        if size != (size := os.get_terminal_size(sys.stdout.fileno())):
            _draw(frames, place, LEGEND if with_keys else "")
        seconds = LOOK if until is None else max(0.0, min(LOOK, until - time.monotonic()))
        if not with_keys:
            time.sleep(seconds)
        elif pressed := _pressed(seconds):
            return pressed
    return [TIME]


def _pressed(seconds: float) -> list[str]:
    """What was typed within so many seconds, a key that sends an escape sequence in one piece; [""] where stdin has ended."""
    import select

    if not select.select([sys.stdin], [], [], seconds)[0]:
        return []
    typed = os.read(sys.stdin.fileno(), 64).decode(errors="replace")
    return _KEY.findall(typed) or [""]


def _draw(frames: Sequence[Frame], place: int, legend: str) -> None:
    width, height = os.get_terminal_size(sys.stdout.fileno())
    width = min(columns_of(sys.stdout), width or 80)
    lines = [line[:width] for line in screenful(frames[place], width, max(1, (height or 24) - 2))]
    foot = f"{place + 1}/{len(frames)}   {legend}"[:width]
    sys.stdout.write("\x1b[H\x1b[2J" + "\n".join([*lines, "", foot]))
    sys.stdout.flush()


@contextmanager
def _screen() -> Iterator[None]:
    """A screen of its own, without cursor; what stood on the terminal before stands there afterwards, however it ends."""
    sys.stdout.flush()
    try:
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()


@contextmanager
def _keys() -> Iterator[None]:
    """Keys arrive at once and are not shown; Ctrl-C still interrupts, Ctrl-Z does nothing; restored however it ends."""
    import termios

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    mode = termios.tcgetattr(handle)
    mode[3] &= ~(termios.ICANON | termios.ECHO)
    mode[6][termios.VSUSP] = b"\0"
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(handle, termios.TCSADRAIN, mode)
        yield
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
