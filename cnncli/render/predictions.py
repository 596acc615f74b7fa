"""What a network takes images for: the likeliest class in the table, the others behind it; every one of them for scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cnncli.data.progress import Progress
from cnncli.errors import DataError
from cnncli.render.data import bar
from cnncli.render.live import Live
from cnncli.render.table import GAP, Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, complain, inert

if TYPE_CHECKING:
    from cnncli.runs.predict import Guess, Prediction

TABLE = (
    Column("path", "image", left=True),
    Column("class", "class", left=True),
    Column("probability", "probability"),
    Column("others", "or", left=True),
)
ROWS = (Column("path", "image"), Column("rank", "rank"), Column("class", "class"), Column("probability", "probability"))
CLASS = 24  # characters of a class in the table
SHARE = 2  # of the line: the path gets as much of it when it is long


def show_predictions(found: Iterable[Prediction], count: int, format: str, *, inverted: bool) -> int:
    """Show predictions as they were named; what is wrong with an image is one line on stderr; the exit code.

    count: how many there will be · inverted: whether black and white were exchanged
    """
    shown = [*_told(found, count)]
    if format == "json":
        write_json(
            {"schema": "cnncli/predict/1", "predictions": [_facts(each) for each in shown if each.top]} | _failed(shown)
        )
    elif format == "csv":
        write_csv(ROWS, [line for each in shown for line in _rows(each)])
    else:
        lines = [_line(each, narrow=format == "table") for each in shown if each.top]
        (write_table if format == "table" else write_markdown)(TABLE, lines)
    _warn(shown, inverted=inverted)
    return DataError.exit_code if any(each.wrong for each in shown) else 0


def _told(found: Iterable[Prediction], count: int) -> Iterator[Prediction]:
    """The predictions, with how far it is on a terminal."""
    progress = Progress("classifying images", 0, count)
    with Live(lambda: bar(progress)) as live:
        for each in found:
            if each.wrong:
                with live.aside():
                    complain(each.wrong)
            progress.done += 1
            yield each


def _facts(each: Prediction) -> dict[str, object]:
    return {"path": each.path, "top": [{"class": name, "probability": share} for name, share in each.top]}


def _failed(shown: Sequence[Prediction]) -> dict[str, object]:
    wrong = [{"path": each.path, "error": each.wrong} for each in shown if each.wrong]
    return {"unreadable": wrong} if wrong else {}


def _rows(each: Prediction) -> Iterator[Line]:
    for rank, guess in enumerate(each.top, 1):
        values = (inert(each.path), rank, inert(guess.name), guess.probability)
        yield [Cell(value, str(value)) for value in values]


def _line(each: Prediction, *, narrow: bool) -> Line:
    best, *others = each.top
    path = inert(each.path)
    name = _name if narrow else _whole
    rest = ", ".join(f"{name(guess)} {guess.probability:.3f}" for guess in others)
    texts = (_end(path) if narrow else path, name(best), f"{best.probability:.3f}", rest)
    return [Cell(None, text) for text in texts]


def _end(path: str) -> str:
    """The end of a path, which tells more than its beginning."""
    most = max(16, columns_of(sys.stdout) // SHARE - GAP)
    return path if len(path) <= most else f"…{path[1 - most :]}"


def _name(guess: Guess) -> str:
    name = inert(guess.name)
    return name if len(name) <= CLASS else f"{name[: CLASS - 1]}…"


def _whole(guess: Guess) -> str:
    return inert(guess.name)


def _warn(shown: Sequence[Prediction], *, inverted: bool) -> None:
    """Say, not change, that black and white may be the wrong way round."""
    odd = sum(each.negative for each in shown)
    if odd:
        cure = "leave --invert out" if inverted else "write --invert"
        read = sum(not each.wrong for each in shown)
        of = f"{odd:,} of {read:,} images are" if read > 1 else "the image is"
        complain(
            f"{of} as bright as negatives of what the network was trained on; if black and white are the wrong way round, {cure}"
        )
