"""What can go wrong, and the exit code that says so.

    CnncliError
    ├── CheckFailed        1   a check that was asked for does not hold
    ├── RequestError       2   the request is wrong: a bad value, a wrong recipe
    │   ├── UnknownName    2   … a name nobody knows ("did you mean")
    │   └── ShapeError     2   … an input the network cannot take
    ├── DataError          3   data or file missing, unreadable, unwritable or corrupt
    └── NonFiniteError     4   training stopped: the numbers were no longer finite

Anything else that escapes is a fault in cnncli (70); Ctrl-C is 130, SIGTERM 143, a closed pipe 141.
A message is one line: the place, the value, the cure.
"""

from __future__ import annotations

from collections.abc import Iterable

FAULT, INTERRUPTED, PIPE_CLOSED, TERMINATED = 70, 130, 141, 143


class CnncliError(Exception):
    """An error that a user can act on; `str(error)` is the one line to show."""

    exit_code = FAULT


class CheckFailed(CnncliError):
    """A check that was asked for does not hold."""

    exit_code = 1


class RequestError(CnncliError):
    """The request is wrong: a bad value, a malformed argument, an invalid recipe."""

    exit_code = 2


class UnknownName(RequestError):
    """Nothing is called `name`; the message offers the nearest of `known`, or `instead`, which is surely meant."""

    def __init__(  # noqa: PLR0913  (each is one part of the line)
        self, what: str, name: str, known: Iterable[str], *, where: str = "", cure: str = "", instead: str = ""
    ) -> None:
        choices = sorted(known)
        near = instead or nearest(name, choices)
        hint = f"did you mean {near!r}?" if near else cure or f"there {_are(choices)}"
        super().__init__(f"{where}unknown {what} {name!r}; {hint}")
        self.name = name
        self.instead = near or ""


class ShapeError(RequestError):
    """A layer cannot take its input; `fix` says what would help."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(f"{message}; {fix}" if fix else message)
        self.reason = message
        self.fix = fix


class DataError(CnncliError):
    """Data or a file is missing, unreadable, unwritable or corrupt."""

    exit_code = 3


class NonFiniteError(CnncliError):
    """Training stopped before a step that would have spoilt the weights."""

    exit_code = 4


def nearest(name: str, choices: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The choice that looks most like `name`, if any looks like it at all (1: the same, 0: no letter in common)."""
    from difflib import get_close_matches

    by_lower = {choice.lower(): choice for choice in choices}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def _are(choices: list[str]) -> str:
    most = 12
    listed = ", ".join(choices[:most]) + (" …" if len(choices) > most else "")
    return f"is only {listed}" if len(choices) == 1 else f"are {listed}"
