"""What is asked about the receptive fields of a network, checked before torch is imported."""

from __future__ import annotations

import re
from typing import NamedTuple

from cnncli.analysis.report import Report, report
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Shape
from cnncli.lessons.receptive import Region, deepest, region, regions, row_called
from cnncli.lessons.subject import Asked, image_size


class Look(NamedTuple):
    """What is asked for.

    asked: the source · regions: of the middle unit of all rows, or the one that was asked for · one: whether that is so ·
    gradients, effective: whether they are to be measured · image: a file to draw the region on
    """

    asked: Asked
    report: Report
    regions: tuple[Region, ...]
    one: bool
    gradients: bool
    effective: bool
    image: str | None


def look(  # noqa: PLR0913
    asked: Asked,
    row: str | None,
    unit: str | None,
    *,
    gradients: bool | None,
    effective: bool | None,
    image: str | None,
    picture: bool = False,
) -> Look:
    """The request; gradients are measured for one row unless told, the effective field for one row of a trained run.

    picture: whether one is to be drawn. Raises `UnknownName`, `RequestError`, `ShapeError`.
    """
    found = report(asked.network)
    if found.failure:
        raise ShapeError(str(found.failure))
    known = regions(found)
    if not known:
        raise RequestError(f"{asked.source}: receptive fields are of one image, C×H×W; its input is none")
    if row is None:
        _refuse_without_row(found, unit=unit, image=image, effective=effective, picture=picture)
        return Look(asked, found, tuple(known), one=False, gradients=bool(gradients), effective=False, image=None)
    if image is not None and not picture:
        raise RequestError("--image is what the picture is drawn on; write --out FILE.png too")
    chosen = region(found, row_called(found, row), unit_of(unit))
    moved = asked.run is not None if effective is None else effective
    if picture or moved:
        image_size(asked.network.input, asked.source)
    return Look(asked, found, (chosen,), one=True, gradients=gradients is not False, effective=moved, image=image)


def _refuse_without_row(found: Report, **asked: object) -> None:
    """Raise `RequestError` for what can be said of one row only."""
    options = {"picture": "--out", "effective": "--effective"}
    for name, value in asked.items():
        if value:
            last = deepest(found) or found.rows[-1]
            raise RequestError(f"{options.get(name, f'--{name}')} is about one layer; name it, as in --row {last.name}")


def unit_of(text: str | None) -> Shape | None:
    """`3,4` as a unit's place; raises `RequestError`."""
    if text is None:
        return None
    parts = re.split(r"[,x]", text)
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise RequestError(f"--unit {text!r} is no place; write row and column from 0, as in --unit 3,4")
    return tuple(map(int, parts))
