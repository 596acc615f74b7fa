"""An image on its way through a network, shown: a line for each layer, the classes, the evidence for one, the pictures."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from cnncli.layers import dims
from cnncli.lessons.features import Maps, Walk
from cnncli.render.grids import number, shades
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, inert, say

if TYPE_CHECKING:
    from cnncli.lessons.gradcam import Evidence
    from cnncli.lessons.subject import Subject

COLUMNS = (
    Column("row", "layer", left=True),
    Column("shape", "shape"),
    Column("mean", "mean"),
    Column("deviation", "std"),
    Column("min", "min"),
    Column("max", "max"),
    Column("zeros", "zeros"),
    Column("picture", "picture", left=True),
)
NAMED = 3  # pictures that are named below the table
GUESSES = 3  # classes that are named; the picture has more
HEAT = 56  # characters of the heat map at most


class Seen(NamedTuple):
    """All that there is to show.

    image: where it is from · evidence: for a class, where that was asked for · pictures: row (or `walk`, `filters`, `gradcam`) →
    where it is drawn
    """

    subject: Subject
    image: str
    walk: Walk
    evidence: Evidence | None
    pictures: Mapping[str, Path]


def show_features(seen: Seen, format: str) -> None:
    """What was found, on stdout."""
    if format == "json":
        write_json(features_json(seen))
        return
    lines = [_line(each, seen.pictures.get(each.row.name)) for each in seen.walk.maps]
    if format != "table":
        (write_csv if format == "csv" else write_markdown)(COLUMNS, lines)
        return
    width = columns_of(sys.stdout)
    head = f"{seen.subject.network.name} · {seen.subject.weights} · {seen.image}, {dims(seen.walk.image.shape)}"
    say(*wrap(inert(head), width))
    write_table(COLUMNS[:-1], [line[:-1] for line in lines])
    say(*[part for line in _below(seen) for part in wrap(line, width, subsequent_indent="  ")])
    if seen.evidence and seen.evidence.strongest:
        say("", *shades(seen.evidence.heat.tolist(), min(width, HEAT), 0.0, 1.0))


def _below(seen: Seen) -> list[str]:
    lines, unwatched = [], seen.walk.unwatched
    if unwatched:
        lines.append(f"not watched, for functions compute them: {len(unwatched)} rows ({_listed(unwatched)})")
    if seen.walk.top:
        guesses = ", ".join(f"{inert(guess.name)} {guess.probability:.3f}" for guess in seen.walk.top[:GUESSES])
        trained = seen.subject.run or seen.subject.classes
        lines.append(f"taken for: {guesses}" + ("" if trained else " (random weights: nothing is meant by it)"))
    if seen.evidence:
        lines += evidence_lines(seen.evidence)
    return lines + (_pictures(seen) if seen.pictures else [])


def _pictures(seen: Seen) -> list[str]:
    paths = list(seen.pictures.values())
    drawn = sum(each.pictured for each in seen.walk.maps)
    shown = sum(each.row.name in seen.pictures for each in seen.walk.maps)
    rest = (
        f"; {shown} of {drawn} layers are drawn, at even distances: --row NAME draws another" if shown < drawn else ""
    )
    where = inert(paths[0].parent.as_posix())
    return [f"{len(paths)} pictures in {where}: {_listed([path.name for path in paths])}{rest}"]


def evidence_lines(found: Evidence) -> list[str]:
    """What Grad-CAM says."""
    which = "the likeliest class" if found.predicted else "the class asked for"
    where = f"Grad-CAM at {inert(found.row)} {dims(found.shape)}"
    about = f"evidence for {inert(found.name)}, {which}, probability {found.probability:.3f}: {where}"
    if found.strongest is None:
        return [about, "nothing in these maps speaks for it: every weighted sum is negative"]
    return [about, f"strongest at row {found.strongest[0]}, column {found.strongest[1]} of the image, counted from 0"]


def _listed(names: Sequence[str]) -> str:
    return inert(", ".join(names[:NAMED])) + (" …" if len(names) > NAMED else "")


def _line(found: Maps, picture: Path | None) -> Line:
    values = [found.mean, found.deviation, found.low, found.high]
    return [
        Cell(found.row.name, found.row.name),
        Cell(dims(found.shape).replace("×", "x"), dims(found.shape)),
        *(Cell(value, number(value, 3)) for value in values),
        Cell(found.zeros, f"{100 * found.zeros:.1f} %"),
        Cell(picture.as_posix() if picture else None, picture.name if picture else ""),
    ]


def features_json(seen: Seen) -> dict[str, object]:
    """The `cnncli/features/1` object."""
    result: dict[str, object] = {
        "schema": "cnncli/features/1",
        "model": seen.subject.network.name,
        "weights": seen.subject.weights,
        "image": seen.image,
        "input": list(seen.walk.image.shape),
        "rows": [_row_json(each) for each in seen.walk.maps],
        "unwatched": list(seen.walk.unwatched),
        "top": [{"class": guess.name, "probability": guess.probability} for guess in seen.walk.top[:GUESSES]],
        "pictures": {name: path.as_posix() for name, path in seen.pictures.items()},
    }
    found = seen.evidence
    if found:
        result["gradcam"] = {
            "row": found.row,
            "shape": list(found.shape),
            "class": found.name,
            "probability": found.probability,
            "predicted": found.predicted,
            "strongest": found.strongest and list(found.strongest),
            "heat": [[round(value, 6) for value in row] for row in found.heat.tolist()],
        }
    return result


def _row_json(found: Maps) -> dict[str, object]:
    return {
        "name": found.row.name,
        "shape": list(found.shape),
        "mean": found.mean,
        "std": found.deviation,
        "min": found.low,
        "max": found.high,
        "zeros": found.zeros,
        "strongest": found.strongest(16) if found.pictured else [],
    }
