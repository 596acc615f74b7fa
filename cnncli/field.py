"""Receptive fields: which elements of the network's input can influence one unit, per axis.

A `Reach` follows the first unit's interval and the distance between neighbouring units, the recurrence of Araujo,
Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill 2019. Where units are not evenly
spread (adaptive pooling, upsampling) it lists every unit's interval instead. A `Field` holds one `Reach` for each axis
of the image and knows along which axes of the tensor they lie, through flattening and permuting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

    axes: one `Reach` for each axis of the network's input · places: for each axis of the tensor (batch left out) what lies along
    it, the slowest first: n for axis n of the input, −k for k numbers at one place (channels); empty for channels alone.
    ((), (0,), (1,)) for C×H×W, ((−16, 0, 1),) once 16 channels are flattened with their positions
    """

    axes: tuple[Reach, ...]
    places: tuple[tuple[int, ...], ...] = ()

    @property
    def whole(self) -> bool:
        """Every unit sees all positions, as after global pooling or a dense layer."""
        return all(reach.mixed for reach in self.axes)

    def along(self, axis: int, change: Callable[[Reach], Reach]) -> Field | None:
        """The field after `change` along one axis of the tensor; None where its positions can no longer be told apart."""
        place = self.alone(axis)
        if place is None:
            return self.only_aside(axis)
        return self.replaced(place, change(self.axes[place]))

    def replaced(self, place: int, reach: Reach) -> Field:
        """The field with another reach along the input's axis `place`."""
        return self._replace(axes=(*self.axes[:place], reach, *self.axes[place + 1 :]))

    def spread(self, axis: int) -> bool:
        """Whether units along an axis of the tensor see different places."""
        return any(place >= 0 and self.axes[place].units > 1 for place in self.places[axis])

    def holding(self, axis: int, size: int) -> Field:
        """The field where an axis of the tensor that is not spread holds `size` numbers."""
        lying = tuple(place for place in self.places[axis] if place >= 0)
        held = (-size, *lying) if lying else ()
        return self._replace(places=(*self.places[:axis], held, *self.places[axis + 1 :]))

    def through(self, windows: Sequence[Window], counts: Sequence[int]) -> Field | None:
        """The field seen through one window for each of the tensor's last axes; None as in `along`."""
        axes = list(self.axes)
        first = len(self.places) - len(windows)
        for axis, (window, count) in enumerate(zip(windows, counts, strict=True), start=first):
            place = self.alone(axis)
            if place is not None:
                axes[place] = axes[place].through(window, count)
            elif self.only_aside(axis) is None:
                return None
        return Field(tuple(axes), self.places)

    def only_aside(self, axis: int) -> Field | None:
        """The field where numbers move along one axis of the tensor; None where what they see depends on their place there."""
        return self if all(place < 0 or self.axes[place].mixed for place in self.places[axis]) else None

    def alone(self, axis: int) -> int | None:
        """The only axis of the input that makes a difference along an axis of the tensor."""
        lying = self.places[axis]
        if len(lying) > 1:
            lying = tuple(place for place in lying if self._extent(place) > 1)
        return lying[0] if len(lying) == 1 and lying[0] >= 0 else None

    def _extent(self, place: int) -> int:
        return -place if place < 0 else self.axes[place].units

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
        head, tail = _unchanged(before, after)
        inner = range(head, len(before) - tail)
        lying = [place for axis in inner for place in self.places[axis] or (-before[axis],)]
        found = []
        for size in after[head : len(after) - tail]:
            taken = self._take(lying, size)
            if taken is None:
                return self._replace(places=((),) * len(after)) if self.whole else None
            found.append(taken)
        places = [*self.places[:head], *found, *self.places[len(before) - tail :]]
        if places:
            last = max(head + len(found) - 1, 0)
            places[last] += tuple(lying)  # axes of one unit
        return self._replace(places=tuple(each if any(place >= 0 for place in each) else () for each in places))

    def _take(self, lying: list[int], size: int) -> tuple[int, ...] | None:
        """What makes up an axis of `size`, taken from the front of `lying`; channels may be divided, positions may not."""
        taken: list[int] = []
        while size > 1 or (lying and self._extent(lying[0]) == 1 and lying[0] >= 0):
            extent = self._extent(lying[0])
            if size % extent == 0:
                taken.append(lying.pop(0))
                size //= extent
            elif lying[0] < 0 and extent % size == 0:
                lying[0] = -(extent // size)
                taken.append(-size)
                size = 1
            else:
                return None
        return tuple(taken)


def _unchanged(before: Sequence[int], after: Sequence[int]) -> tuple[int, int]:
    """How many leading and trailing axes stay: their numbers stay apart, whatever lies along them (a class token among patches)."""
    most = min(len(before), len(after))
    head = next((at for at in range(most) if before[at] != after[at]), most)
    tail = next((at for at in range(most - head) if before[-1 - at] != after[-1 - at]), most - head)
    return head, tail


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
    reaches = list(zip(*(field.axes for field in fields), strict=True))
    if any(len({reach.units for reach in along if reach.units > 1 and not reach.mixed}) > 1 for along in reaches):
        return None  # maps of two sizes, flattened to as many numbers
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
