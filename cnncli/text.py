"""Text for every terminal: inert where it comes from outside, ASCII where the encoding has nothing better."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, TextIO
from warnings import catch_warnings, simplefilter

if TYPE_CHECKING:
    from pathlib import Path

_STAND_INS = {
    "×": "x",
    "·": "*",
    "−": "-",
    "–": "-",
    "→": "->",
    "←": "<-",
    "…": "...",
    "⌊": "floor(",
    "⌋": ")",
    "⌈": "ceil(",
    "⌉": ")",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "±": "+-",
    "∞": "inf",
    "²": "^2",
    "μ": "u",
    "µ": "u",
    "°": " deg",
    "✓": "ok",
    "✗": "x",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "█": "#",
    "▌": "#",
    "░": ".",
    "▒": ":",
    "▓": "%",
    "■": "#",
    "□": ".",
    **dict.fromkeys("─━╌═", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╷╵╶╴╪╞╡", "+"),
    **{digit: str(place) for place, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanted = error.object[error.start : error.end]
    return "".join(_STAND_INS.get(character, "?") for character in wanted), error.end


codecs.register_error("cnncli", _stand_in)


def plain_stand_ins(*streams: TextIO) -> None:
    """Make `streams` write ASCII for a character that their encoding lacks, instead of failing."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="cnncli")


def inert(text: str) -> str:
    """Text from outside with its control characters (line breaks, escape sequences) written out."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def truncate(text: str, limit: int = 80) -> str:
    """`text` for one line of an error: as it is where printable, else as its repr, and not longer than `limit`."""
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def without_markup(text: str) -> str:
    """Text of which rich reads no part as markup."""
    from rich.markup import escape

    return escape(text)


def complain(message: str, place: str = "cnncli") -> None:
    """One line on stderr."""
    sys.stderr.write(f"{place}: {inert(message)}\n")


def say(*lines: str) -> None:
    """Result lines on stdout."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def say_picture(path: Path) -> None:
    """Where a picture was drawn, on stdout."""
    say(f"picture in {inert(path.as_posix())}")


def emphasise(line: str) -> None:
    """A result line on stdout, bold on a terminal that shows colours (rich knows which do)."""
    if not sys.stdout.isatty():
        say(line)
        return
    from rich.console import Console

    Console(highlight=False, markup=False, emoji=False, soft_wrap=True).print(line, style="bold")


def columns_taken(text: str, stream: TextIO) -> int:
    """Columns of `text` as `stream` will write it: what stands in for a character may be longer than that."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return len(text.encode(encoding, "cnncli").decode(encoding))


def columns_of(stream: TextIO, otherwise: int = 80) -> int:
    """The width to write for: $COLUMNS, else the terminal's, else `otherwise` (a pipe)."""
    import os

    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or otherwise
    except (OSError, ValueError):
        return otherwise


@contextmanager
def guests() -> Iterator[None]:
    """While somebody else's code runs: what it prints goes to stderr, and its warnings nowhere."""
    with redirect_stdout(sys.stderr), catch_warnings():
        simplefilter("ignore")
        yield
