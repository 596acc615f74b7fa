"""Receptive fields: which elements of the network's input can influence one unit, per axis.

A `Reach` follows the first unit's interval and the distance between neighbouring units, the recurrence of Araujo,
Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill 2019. Where units are not evenly
spread (adaptive pooling, upsampling) it lists every unit's interval instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cnncli.sizes import Window


class Reach(NamedTuple):
    """What the `count` units along one axis see of the input, in input elements; intervals include both ends.

    low, high: the first unit's interval (low is negative where it starts in padding) · jump: how far the interval moves
    from unit to unit · table: every unit's interval where they are not evenly spread (low, high, jump then describe the widest)
    """

    low: int
    high: int
    jump: int
    count: int
    table: tuple[tuple[int, int], ...] | None = None

    @property
    def size(self) -> int:
        """Input elements that one unit sees (the most, where units differ)."""
        return self.high - self.low + 1

    def of(self, unit: int) -> tuple[int, int]:
        """The interval that `unit` sees."""
        if self.table is not None:
            return self.table[unit]
        return self.low + unit * self.jump, self.high + unit * self.jump

    def span(self) -> tuple[int, int]:
        """The interval that all units together see."""
        if self.table is not None:
            return min(low for low, _ in self.table), max(high for _, high in self.table)
        return self.low, self.high + (self.count - 1) * self.jump

    def through(self, window: Window, count: int) -> Reach:
        """What `count` units see that read this axis through `window`."""
        if self.table is None:
            low = self.low - window.before * self.jump
            return Reach(
                low, low + self.high - self.low + (window.extent - 1) * self.jump, self.jump * window.stride, count
            )
        starts = (unit * window.stride - window.before for unit in range(count))
        return self.gathered((start, start + window.extent) for start in starts)

    def gathered(self, windows: Iterable[tuple[int, int]]) -> Reach:
        """What units see that read the units from a to b − 1 each, for (a, b) in `windows`; padding shows nothing."""
        table = []
        for first, end in windows:
            units = [self.of(unit) for unit in range(max(first, 0), min(end, self.count))] or [(0, 0)]
            table.append((min(low for low, _ in units), max(high for _, high in units)))
        return uneven(table)

    def whole(self, count: int) -> Reach:
        """What `count` units see that read every unit of this axis."""
        low, high = self.span()
        return Reach(low, high, 0, count)


class Field(NamedTuple):
    """The receptive field of one tensor's units.

    axes: one `Reach` for each axis of the network's input · whole: every unit sees all positions (after global pooling
    or a fully connected layer) · flat: the tensor's own axes are no longer the input's (after flattening)
    """

    axes: tuple[Reach, ...]
    whole: bool = False
    flat: bool = False


def entry(sizes: Sequence[int]) -> Field:
    """The field of the network's input itself: each unit sees itself."""
    return Field(tuple(Reach(0, 0, 1, size) for size in sizes))


def uneven(table: Sequence[tuple[int, int]]) -> Reach:
    """A `Reach` from every unit's interval; evenly spread ones come back without a table."""
    low, high = table[0]
    jump = table[1][0] - low if len(table) > 1 else 0
    if all(interval == (low + unit * jump, high + unit * jump) for unit, interval in enumerate(table)):
        return Reach(low, high, jump, len(table))
    low, high = max(table, key=lambda interval: interval[1] - interval[0])
    return Reach(low, high, 0, len(table), tuple(table))


def union(fields: Sequence[Field]) -> Field | None:
    """The field of a unit that reads the units at its place in several tensors; None where their places differ."""
    first = fields[0]
    if len(fields) == 1:
        return first
    if any(len(field.axes) != len(first.axes) or field.flat != first.flat for field in fields):
        return None
    axes = tuple(_joined(reaches) for reaches in zip(*(field.axes for field in fields), strict=True))
    return Field(axes, any(field.whole for field in fields), first.flat)


def _joined(reaches: Sequence[Reach]) -> Reach:
    first = reaches[0]
    if all(reach.table is None and reach.jump == first.jump and reach.count == first.count for reach in reaches):
        return Reach(min(r.low for r in reaches), max(r.high for r in reaches), first.jump, first.count)
    count = max(reach.count for reach in reaches)  # a size of one is broadcast
    units = [[reach.of(unit if reach.count > 1 else 0) for reach in reaches] for unit in range(count)]
    return uneven([(min(low for low, _ in unit), max(high for _, high in unit)) for unit in units])
