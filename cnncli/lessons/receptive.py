"""What one unit sees of the input, from window sizes alone. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from cnncli.analysis.report import Report, Row
from cnncli.arithmetic.receptive_field import Field, Interval, Reach
from cnncli.errors import RequestError, UnknownName
from cnncli.layers import Shape, dims


class Side(NamedTuple):
    """One axis of a region, in input elements; intervals include both ends.

    size, stride: of the receptive field · padding: how far the first unit's field starts before the input · reaching: what the
    unit's windows cover, padding included · seen: the part of it that is there · length: of the input
    """

    size: int
    stride: int
    padding: int
    reaching: Interval
    seen: Interval
    length: int

    @property
    def inside(self) -> int:
        """Elements of `reaching` that lie within the input."""
        low, high = self.reaching
        return max(0, min(high, self.length - 1) - max(low, 0) + 1)

    @property
    def covered(self) -> int:
        """Elements of `reaching`."""
        return self.reaching[1] - self.reaching[0] + 1


class Region(NamedTuple):
    """What one unit of a row sees.

    output: of the row · unit: its place, one number an axis; () where all units see the same · sides: one an axis of the image ·
    whole: every unit sees all of the input
    """

    row: Row
    field: Field
    unit: Shape
    sides: tuple[Side, ...]

    @property
    def whole(self) -> bool:
        """Every unit sees all positions of the input."""
        return self.field.whole

    @property
    def output(self) -> Shape:
        """The row's output."""
        return self.row.call.y.shape

    @property
    def padded(self) -> float:
        """The share of the region, from 0 to 1, that lies in padding."""
        return 1 - prod(side.inside for side in self.sides) / max(1, prod(side.covered for side in self.sides))

    @property
    def beyond(self) -> bool:
        """Whether the field is larger than the input along an axis."""
        return not self.whole and any(side.size > side.length for side in self.sides)


def regions(report: Report) -> list[Region]:
    """The middle unit's region of every row whose field is known."""
    return [region(report, row) for row in report.rows if row.field is not None]


def region(report: Report, row: Row, unit: Shape | None = None) -> Region:
    """What `unit` of `row` sees, the middle one unless told. Raises `RequestError` for one that is not there, or no field."""
    if row.field is None:
        raise RequestError(f"{row.name}: what its units see cannot be told from sizes; take a row before it")
    units = tuple(reach.units for reach in row.field.axes)
    chosen = _checked(row.name, units, unit) if unit else tuple(count // 2 for count in units)
    lengths = report.network.image
    sides = tuple(_side(*axis) for axis in zip(row.field.axes, chosen, lengths, strict=True))
    return Region(row, row.field, () if row.field.whole else chosen, sides)


def row_called(report: Report, name: str) -> Row:
    """The row; raises `UnknownName`."""
    rows = {row.name: row for row in report.rows}
    if name not in rows:
        raise UnknownName("row", name, rows, where=f"{report.network.name}: ")
    return rows[name]


def deepest(report: Report) -> Row | None:
    """The last row whose units do not see everything: the most interesting one to look at."""
    found = [row for row in report.rows if row.field is not None and not row.field.whole]
    return found[-1] if found else None


def placed(field: Field, shape: Shape, unit: Sequence[int]) -> tuple[Shape, tuple[int | None, ...]] | None:
    """Where the unit's numbers are in a tensor of `shape`: the tensor's shape with its axes taken apart, and an index for each.

    None stands for all numbers along an axis (channels). () means the whole tensor; None is returned where it cannot be told.
    """
    if field.whole:
        return (), ()
    if len(field.places) != len(shape):
        return None
    sizes: list[int] = []
    index: list[int | None] = []
    for size, lying in zip(shape, field.places, strict=True):
        parts: list[tuple[int, int | None]] = [
            (-place, None) if place < 0 else (field.axes[place].units, unit[place]) for place in lying
        ]
        if all(place < 0 or field.axes[place].units == 1 for place in lying):
            parts = [(size, None)]
        elif prod(extent for extent, _ in parts) != size:
            return None
        sizes += [extent for extent, _ in parts]
        index += [at for _, at in parts]
    return tuple(sizes), tuple(index)


def _side(reach: Reach, unit: int, length: int) -> Side:
    return Side(reach.size, reach.jump, -reach.low, reach.reaching(unit), reach.of(unit), length)


def _checked(name: str, units: Shape, unit: Shape) -> Shape:
    if len(unit) != len(units) or any(at >= count for at, count in zip(unit, units, strict=True)):
        last = ",".join(str(count - 1) for count in units)
        given = ",".join(map(str, unit))
        raise RequestError(f"--unit {given}: {name} has {dims(units)} units; write up to --unit {last}")
    return unit
