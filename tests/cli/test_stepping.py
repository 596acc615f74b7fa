"""The step view in a real terminal: keys, time, size, and that the terminal is as it was, however the view ends."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from typing import Any

import pytest

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")

ENTER, LEAVE = r"\x1b\[\?1049h\x1b\[\?25l", r"\x1b\[\?25h\x1b\[\?1049l"
COOKED = termios.ICANON | termios.ECHO if sys.platform != "win32" else 0


def start(line: str, **environment: str) -> Any:  # noqa: ANN401  (pexpect has no types)
    """The command on a terminal of 24×80."""
    own = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    return pexpect.spawn(
        sys.executable, ["-m", "cnncli", *line.split()], encoding="utf-8", timeout=60, dimensions=(24, 80),
        env={**own, "TERM": "xterm", "PYTHONUTF8": "1", **environment},
    )  # fmt: skip


def ends(program: Any) -> int:  # noqa: ANN401
    """The exit code of a program that has nothing more to say, once its terminal echoes again."""
    program.expect(pexpect.EOF)
    program.close()
    return program.exitstatus if program.exitstatus is not None else 128 + program.signalstatus


def modes(program: Any) -> int:  # noqa: ANN401
    """Whether its terminal echoes and waits for whole lines."""
    return termios.tcgetattr(program.child_fd)[3] & COOKED


def test_keys_walk_the_window() -> None:
    """Next, back, end, start, by letters, blanks and arrows, typed quickly too; q ends, and the result follows."""
    program = start("corr2d --step --no-check")
    before = modes(program)
    program.expect(ENTER)
    program.expect("window 1 of 4.*1/4   space next")
    assert before == COOKED
    assert not modes(program)
    for keys, place in (
        (" ", 2),
        ("\x1b[C", 3),
        ("b", 2),
        ("e", 4),
        ("n", 4),
        ("\x1b[D\x1b[D", 2),
        ("s", 1),
        ("p", 1),
        ("nn\r", 4),
    ):
        program.send(keys)
        program.expect(f"window {place} of 4.*{place}/4   space")
    program.send("q")
    program.expect(LEAVE)
    program.expect(r"\[\[19, 25\], \[37, 43\]\]")
    assert modes(program) == COOKED
    assert ends(program) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_terminal_is_as_it_was_after_a_signal(number: int, code: int) -> None:
    """Ctrl-C, typed, exits with 130; SIGTERM with 143; no traceback."""
    program = start("corr2d --step")
    program.expect("1/4   space next")
    assert not modes(program)
    if number == signal.SIGINT:
        program.sendcontrol("c")
    else:
        program.kill(number)
    program.expect(LEAVE)
    assert ends(program) == code
    assert "Traceback" not in program.before


def test_a_new_size_draws_anew() -> None:
    """At 60 columns nothing is wider, and a terminal too low shows what it can."""
    program = start("pool2d --step")
    program.expect("1/16   space next")
    program.setwinsize(8, 60)
    program.expect(r"\x1b\[H\x1b\[2J([^\x1b]*)1/16   space")
    lines = program.match.group(1).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) <= 7
    program.sendcontrol("c")
    assert ends(program) == 130


def test_time_walks_by_itself() -> None:
    """`--every`: frame after frame, then the result; keys still work."""
    begun = time.monotonic()
    program = start("corr2d --every 0.2 --no-check")
    for place in range(1, 5):
        program.expect(f"window {place} of 4")
    program.expect(LEAVE)
    assert time.monotonic() - begun > 0.6
    assert ends(program) == 0
    program = start("corr2d --every 3000 --no-check")
    program.expect("window 1 of 4")
    program.send("n")
    program.expect("window 2 of 4")
    program.send("q")
    program.expect(LEAVE)
    assert ends(program) == 0


def test_a_terminal_that_cannot_be_drawn_on_gets_plain_frames() -> None:
    """TERM=dumb: no escape sequences."""
    program = start("corr2d --step --no-check", TERM="dumb")
    assert ends(program) == 0
    assert "\x1b" not in program.before
    assert "window 4 of 4" in program.before


def test_nobody_typing_any_more_ends_it() -> None:
    """Ctrl-D and a closed line are `q`; Ctrl-Z does nothing, so that no terminal is left without echo."""
    program = start("corr2d --step --no-check")
    program.expect("1/4   space next")
    program.sendcontrol("z")
    program.send(" ")
    program.expect("2/4   space next")
    program.sendcontrol("d")
    program.expect(LEAVE)
    assert ends(program) == 0
