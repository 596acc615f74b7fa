"""How good a network is: the figures with their intervals, each class, and which classes are taken for which."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from math import isfinite
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.render.columns import count
from cnncli.render.table import Cell, Column, Line, fits, write_csv, write_json, write_markdown, write_table
from cnncli.runs.judging.figures import Class, Confusion
from cnncli.runs.judging.judgement import Judgement, Mistake
from cnncli.text import columns_of, complain, inert, say

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = (
    Column("class", "class", left=True),
    Column("count", "images"),
    Column("right", "right"),
    Column("recall", "recall"),
    Column("precision", "precision"),
    Column("taken_for", "most often taken for", left=True),
)
SQUARES = 20  # classes up to which the whole matrix is shown, where the terminal is wide enough
MOST = 40  # classes up to which each has its line; of more, the worst
WORST = 20
NAMED = 5  # confusions
LETTERS = 6  # of a class's name above a column of the matrix
ROW = 20  # letters of it beside a row


def show_judgement(found: Judgement, format: str, pictures: Sequence[Path]) -> None:
    """The figures, on stdout; what was left out or does not fit, on stderr. pictures: where they are."""
    for note in _notes(found):
        complain(note)
    if format == "json":
        write_json(facts(found, pictures))
    elif format == "table":
        _say(*_told(found))
        _say_classes(found)
        _say_confusions(found)
        _say(f"pictures in {inert(pictures[0].parent.as_posix())}: {', '.join(path.name for path in pictures)}")
    else:
        (write_csv if format == "csv" else write_markdown)(CLASSES, [_line(found, place) for place in _all(found)])


def facts(found: Judgement, pictures: Sequence[Path]) -> dict[str, object]:
    """Everything, for JSON."""
    return {
        "schema": "cnncli/evaluate/1",
        "run": found.run,
        "which": found.which,
        "epochs": found.epochs,
        "data": found.data,
        "split": found.split,
        "device": found.device,
        "count": found.count,
        "right": found.right,
        "accuracy": found.score.acc,
        "interval": list(found.interval),
        "loss": found.score.loss if isfinite(found.score.loss) else None,
        "calibration_error": found.calibration_error,
        "calibration": [
            {
                "low": part.low,
                "high": part.high,
                "count": part.images,
                "confidence": part.confidence,
                "accuracy": part.accuracy,
            }
            for part in found.bins
            if part.images
        ],
        "classes": list(found.classes),
        "per_class": {each.name: _class(each) for each in found.per_class},
        "confusion": [list(row) for row in found.confusion],
        "mistakes": [_mistake(found, each) for each in found.mistakes],
        "skipped": list(found.skipped),
        "pictures": [path.as_posix() for path in pictures],
    }


def heading(found: Judgement) -> str:
    """`LeNet on digits, test split · runs/lenet-1, last checkpoint, 40 epochs`."""
    epochs = f"{found.epochs:,} epoch{'' if found.epochs == 1 else 's'}"
    return f"{found.title} on {inert(found.data)}, {found.split} split · {inert(found.run)}, {found.which} checkpoint, {epochs}"


def _class(each: Class) -> dict[str, object]:
    return {
        "count": each.images,
        "right": each.right,
        "guessed": each.guessed,
        "recall": each.recall,
        "precision": each.precision,
    }


def _mistake(found: Judgement, each: Mistake) -> dict[str, object]:
    return {
        "index": each.place,
        "path": each.path,
        "true": found.classes[each.truth],
        "guess": found.classes[each.guess],
        "probability": each.probability,
    }


def _notes(found: Judgement) -> Iterator[str]:
    yield from found.notes
    if found.skipped:
        more = f" and {len(found.skipped) - 1:,} more" if len(found.skipped) > 1 else ""
        yield f"left out {found.skipped[0]!r}{more}: cannot be read"
    if found.printed is not None and found.printed != found.score.acc:
        yield (
            f"training wrote {found.split} acc {found.printed:.4f}, this is {found.score.acc:.4f}: "
            "the images, the machine or torch are not the same"
        )


def _told(found: Judgement) -> list[str]:
    low, high = found.interval
    tendency = "too sure" if found.confidence > found.score.acc else "not sure enough"
    return [
        heading(found),
        f"accuracy {found.score.acc:.4f}, 95 % interval {low:.4f} to {high:.4f}: {found.right:,} of {found.count:,} images",
        f"loss {found.score.loss:.4f}",
        f"calibration error {found.calibration_error:.4f}: mean confidence {found.confidence:.4f}, {tendency}",
    ]


def _say(*lines: str) -> None:
    width = columns_of(sys.stdout)
    say(*(part for line in lines for part in _wrapped(line, width)))


def _wrapped(line: str, width: int) -> list[str]:
    """On spaces alone, so that paths stay whole."""
    return wrap(line, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _all(found: Judgement) -> range:
    return range(len(found.classes))


def _say_classes(found: Judgement) -> None:
    """Each class, or of many the worst."""
    places = list(_all(found))
    say("")
    if len(places) > MOST:
        there = [place for place in places if found.per_class[place].images]
        places = sorted(there, key=lambda place: found.per_class[place].recall or 0.0)[:WORST]
        say(f"the {len(places)} worst of {len(found.classes):,} classes; --format csv has them all")
    write_table(CLASSES, [_line(found, place) for place in places])


def _line(found: Judgement, place: int) -> Line:
    each = found.per_class[place]
    worst = next((other for other in found.confusions if other.truth == place), None)
    taken = f"{inert(found.classes[worst.guess])} ({worst.images:,})" if worst else ""
    return [
        Cell(inert(each.name), each.name),
        count(each.images),
        count(each.right),
        _share(each.recall),
        _share(each.precision),
        Cell(inert(found.classes[worst.guess]) if worst else None, taken),
    ]


def _share(value: float | None) -> Cell:
    return Cell(value, "–" if value is None else f"{value:.3f}")


def _say_confusions(found: Judgement) -> None:
    """The whole matrix where it has room, and the largest confusions in words."""
    matrix = _matrix(found) if len(found.classes) <= SQUARES else None
    if matrix and fits(*matrix):
        say("", "true class by row, guessed class by column")
        write_table(*matrix)
    say("")
    if not found.confusions:
        _say("no class was taken for another")
        return
    _say("largest confusions:", *(f"  {_worded(found, each)}" for each in found.confusions[:NAMED]))


def _matrix(found: Judgement) -> tuple[list[Column], list[Line]]:
    names = [inert(name) for name in found.classes]
    columns = [Column("true", "", left=True), *(Column(name, name[:LETTERS]) for name in names)]
    lines: list[Line] = [
        [Cell(name, name[:ROW]), *(Cell(number, f"{number:,}" if number else "·") for number in row)]
        for name, row in zip(names, found.confusion, strict=True)
    ]
    return columns, lines


def _worded(found: Judgement, each: Confusion) -> str:
    truth, guess = (inert(found.classes[place]) for place in (each.truth, each.guess))
    images = found.per_class[each.truth].images
    return f"{truth} taken for {guess}: {each.images:,} of {images:,} ({100 * each.images / images:.1f} %)"
