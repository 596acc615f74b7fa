"""Receptive fields: which elements of the network's input can influence one unit, per axis.

A `Reach` follows the first unit's interval and the distance between neighbouring units, the recurrence of Araujo,
Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill 2019. Where units are not evenly
spread (adaptive pooling, upsampling) it lists every unit's interval instead. A `Field` holds one `Reach` for each axis
of the image and knows along which axes of the tensor they lie, through flattening and permuting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import NamedTuple

from cnncli.sizes import Window

Interval = tuple[int, int]
NOTHING: Interval = (0, -1)
"""What a unit sees that reads padding alone."""


class Reach(NamedTuple):
    """What the `units` along one axis see of the input, in input elements; intervals include both ends.

    low, high: the first unit's interval (low is negative where it starts in padding) · jump: how far the interval moves
    from unit to unit · bounds: the elements that are there to be seen: padding and what no window reads left out · table: every
    unit's interval where they are not evenly spread (low and high then describe the widest, jump is 0) · mixed: every
    unit reads all units of the axis, as after global pooling or a dense layer
    """

    low: int
    high: int
    jump: int
    units: int
    bounds: Interval | None = None
    table: tuple[Interval, ...] | None = None
    mixed: bool = False

    @property
    def size(self) -> int:
        """Input elements that one unit sees, padding included (the most, where units differ)."""
        return self.high - self.low + 1

    def reaching(self, unit: int) -> Interval:
        """The interval that `unit` sees, padding included."""
        if self.table is not None:
            return self.table[unit]
        return self.low + unit * self.jump, self.high + unit * self.jump

    def of(self, unit: int) -> Interval:
        """The interval that `unit` sees, padding left out; it ends before it starts where the unit sees nothing.

        A dilated window's gaps are not looked into: at a border its interval may start or end up to d − 1 too far out.
        """
        low, high = self.reaching(unit)
        if self.bounds is None:
            return low, high
        return max(low, self.bounds[0]), min(high, self.bounds[1])

    def span(self) -> Interval:
        """The interval that all units together see, padding left out."""
        if self.table is not None:
            return hull([self.of(unit) for unit in range(self.units)])
        return self.of(0)[0], self.of(self.units - 1)[1]

    def through(self, window: Window, count: int) -> Reach:
        """What `count` units see that read this axis through `window`."""
        mixed = self.mixed or (count == 1 and _covers(window, self.units))
        if self.table is not None:
            starts = [unit * window.stride - window.before for unit in range(count)]
            return self._read([(start, start + window.extent) for start in starts], mixed=mixed)
        low = self.low - window.before * self.jump
        high = low + self.high - self.low + (window.extent - 1) * self.jump
        return Reach(low, high, self.jump * window.stride, count, self.span(), None, mixed)

    def gathered(self, windows: Iterable[Interval]) -> Reach:
        """What units see that read the units from a to b − 1 each, for (a, b) in `windows`; padding shows nothing."""
        reads = list(windows)
        start, end = reads[0]
        stride = reads[1][0] - start if len(reads) > 1 else 1
        if all(read == (start + unit * stride, end + unit * stride) for unit, read in enumerate(reads)):
            return self.through(Window(end - start, stride, -start), len(reads))
        return self._read(reads, mixed=self.mixed or all(a <= 0 and b >= self.units for a, b in reads))

    def _read(self, windows: Sequence[Interval], *, mixed: bool) -> Reach:
        reads = [range(max(first, 0), min(end, self.units)) for first, end in windows]
        return uneven([hull([self.reaching(unit) for unit in units]) for units in reads], self.span(), mixed=mixed)

    def part(self, start: int, stop: int) -> Reach:
        """What the units from `start` to `stop` − 1 see."""
        if self.table is not None:
            return uneven(self.table[start:stop], self.bounds, mixed=self.mixed)
        low, high = self.reaching(start)
        return self._replace(low=low, high=high, units=stop - start)

    def followed(self, other: Reach) -> Reach:
        """What this axis' units and then the other's see, laid end to end."""
        table = [reach.reaching(unit) for reach in (self, other) for unit in range(reach.units)]
        return uneven(table, _both(self, other), mixed=self.mixed and other.mixed)

    def whole(self, count: int) -> Reach:
        """What `count` units see that read every unit of this axis."""
        span = self.span()
        return Reach(*span, 0, count, span, None, mixed=True)


class Field(NamedTuple):
    """The receptive field of one tensor's units.

    axes: one `Reach` for each axis of the network's input · places: for each axis of the tensor (batch left out) the axes of
    the input that lie along it, the slowest first: ((), (0,), (1,)) for C×H×W, ((0, 1),) once flattened
    """

    axes: tuple[Reach, ...]
    places: tuple[tuple[int, ...], ...] = ()

    @property
    def whole(self) -> bool:
        """Every unit sees all positions, as after global pooling or a dense layer."""
        return all(reach.mixed for reach in self.axes)

    def along(self, axis: int, change: Callable[[Reach], Reach]) -> Field | None:
        """The field after `change` along one axis of the tensor; None where its positions can no longer be told apart."""
        lying = self.places[axis]
        if len(lying) == 1:
            return self._replace(
                axes=tuple(change(reach) if place in lying else reach for place, reach in enumerate(self.axes))
            )
        return self if all(self.axes[place].mixed for place in lying) else None

    def through(self, windows: Sequence[Window], counts: Sequence[int]) -> Field | None:
        """The field seen through one window for each of the tensor's last axes; None as in `along`."""
        axes = list(self.axes)
        for lying, window, count in zip(self.places[-len(windows) :], windows, counts, strict=True):
            if len(lying) == 1:
                axes[lying[0]] = axes[lying[0]].through(window, count)
            elif not all(axes[place].mixed for place in lying):
                return None
        return Field(tuple(axes), self.places)

    def only_aside(self, axis: int) -> Field | None:
        """The field where numbers move along one axis of the tensor; None where positions lie along it."""
        return self if all(self.axes[place].mixed for place in self.places[axis]) else None

    def mixing(self, axis: int) -> Field:
        """The field of units that read everything along one axis of the tensor."""
        lying = self.places[axis]
        if not lying:
            return self
        axes = (reach.whole(reach.units) if place in lying else reach for place, reach in enumerate(self.axes))
        return self._replace(axes=tuple(axes))

    def everywhere(self) -> Field:
        """The field of units that read everything."""
        return self._replace(axes=tuple(reach.whole(reach.units) for reach in self.axes))

    def permuted(self, order: Sequence[int]) -> Field:
        """The field after the tensor's axes are put in another order."""
        return self._replace(places=tuple(self.places[axis] for axis in order))

    def reshaped(self, before: Sequence[int], after: Sequence[int]) -> Field | None:
        """The field of the same numbers in another shape; None where their positions can no longer be told apart."""
        places: list[tuple[int, ...]] = []
        for old, new in _runs(before, after):
            lying = tuple(place for axis in old for place in self.places[axis])
            found = self._spread(lying, [after[axis] for axis in new])
            if found is None:
                return None
            places += found
        return self._replace(places=tuple(places))

    def _spread(self, lying: tuple[int, ...], sizes: Sequence[int]) -> list[tuple[int, ...]] | None:
        """Along which of new axes of `sizes` come to lie the input axes that lay along the old ones."""
        large = [place for place, size in enumerate(sizes) if size > 1] or [0]
        if len(large) == 1 and sizes:
            return [lying if place == large[0] else () for place in range(len(sizes))]
        if all(self.axes[place].mixed for place in lying):
            return [()] * len(sizes)
        if [self.axes[place].units for place in lying] == list(sizes):
            return [(place,) for place in lying]
        return None


def entry(sizes: Sequence[int]) -> Field:
    """The field of the network's input itself, C×sizes: each unit sees itself."""
    axes = tuple(Reach(0, 0, 1, size, (0, size - 1)) for size in sizes)
    return Field(axes, ((), *((place,) for place in range(len(axes)))))


def hull(intervals: Iterable[Interval]) -> Interval:
    """The smallest interval that holds all of `intervals`; those that see nothing are left out."""
    seen = [interval for interval in intervals if interval[0] <= interval[1]]
    return (min(low for low, _ in seen), max(high for _, high in seen)) if seen else NOTHING


def uneven(table: Sequence[Interval], bounds: Interval | None = None, *, mixed: bool = False) -> Reach:
    """A `Reach` from every unit's interval; evenly spread ones come back without a table."""
    low, high = table[0]
    jump = table[1][0] - low if len(table) > 1 else 0
    if jump >= 0 and all(interval == (low + unit * jump, high + unit * jump) for unit, interval in enumerate(table)):
        return Reach(low, high, jump, len(table), bounds, None, mixed)
    low, high = max(table, key=lambda interval: interval[1] - interval[0])
    return Reach(low, high, 0, len(table), bounds, tuple(table), mixed)


def union(fields: Sequence[Field]) -> Field | None:
    """The field of a unit that reads the units at its place in several tensors; None where their places differ."""
    first = fields[0]
    if len(fields) == 1:
        return first
    places = {field.places for field in fields if not field.whole} or {first.places}
    if len(places) > 1 or any(len(field.axes) != len(first.axes) for field in fields):
        return None
    reaches = zip(*(field.axes for field in fields), strict=True)
    return Field(tuple(_joined(along) for along in reaches), places.pop())


def _joined(reaches: Sequence[Reach]) -> Reach:
    first = reaches[0]
    if all(reach == first for reach in reaches):
        return first
    count = max(reach.units for reach in reaches)  # a size of one is broadcast
    if any(reach.mixed for reach in reaches):
        span = hull(reach.span() for reach in reaches)
        return Reach(*span, 0, count, span, None, mixed=True)
    bounds = _both(*reaches)
    if all(reach.table is None and reach.jump == first.jump and reach.units == count for reach in reaches):
        return Reach(min(r.low for r in reaches), max(r.high for r in reaches), first.jump, count, bounds)
    units = ([reach.reaching(unit if reach.units > 1 else 0) for reach in reaches] for unit in range(count))
    return uneven([hull(unit) for unit in units], bounds)


def _both(*reaches: Reach) -> Interval | None:
    bounds = [reach.bounds for reach in reaches if reach.bounds is not None]
    return hull(bounds) if len(bounds) == len(reaches) else None


def _covers(window: Window, size: int) -> bool:
    """Whether the first window reads every one of `size` units."""
    return window.before >= 0 and window.extent - window.before >= size and (window.dilation == 1 or size == 1)


def _runs(before: Sequence[int], after: Sequence[int]) -> Iterable[tuple[range, range]]:
    """The shortest runs of old and new axes that hold the same numbers; the last takes the axes of size one that are left."""
    old = new = 0
    while old < len(before) or new < len(after):
        end, stop = min(old + 1, len(before)), min(new + 1, len(after))
        while (here := prod(before[old:end])) != (there := prod(after[new:stop])):
            end, stop = (end + 1, stop) if here < there else (end, stop + 1)
        if end == len(before) or stop == len(after):
            end, stop = len(before), len(after)
        yield range(old, end), range(new, stop)
        old, new = end, stop
