"""Receptive fields: which elements of the network's input can influence one unit, per axis.

A `Reach` follows the first unit's interval and the distance between neighbouring units, the recurrence of Araujo,
Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill 2019. Where units are not evenly
spread (adaptive pooling, upsampling) it lists every unit's interval instead. A `Field` holds one `Reach` for each axis
of the image and knows along which axes of the tensor they lie, through flattening and permuting.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from cnncli.arithmetic.windows import Window

if TYPE_CHECKING:
    from cnncli.arithmetic.unit_boxes import Boxes

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
        return Reach(*span, 0, count, span, None, mixed=span[0] <= span[1])


class Field(ABC):
    """The receptive field of one tensor's units. Axes are the tensor's, without the batch; negative ones count from the end."""

    axes: tuple[Reach, ...]
    """One for each axis of the network's input."""
    places: tuple[tuple[int, ...], ...]
    """For each axis of the tensor what lies along it; () where that is not known axis by axis."""

    @property
    def whole(self) -> bool:
        """Every unit sees all positions, as after global pooling or a dense layer."""
        return all(reach.mixed for reach in self.axes)

    @property
    def blind(self) -> bool:
        """No unit sees anything, as of a tensor that is made from weights alone."""
        return bool(self.axes) and all(reach.low > reach.high for reach in self.axes)

    @abstractmethod
    def along(self, axis: int, change: Callable[[Reach], Reach]) -> Field:
        """The field after `change` along one axis of the tensor."""

    @abstractmethod
    def spread(self, axis: int) -> bool:
        """Whether units along an axis of the tensor see different places."""

    @abstractmethod
    def same(self, axis: int) -> Field:
        """The field where an axis of the tensor that is not spread has some other size."""

    @abstractmethod
    def mixing(self, axis: int) -> Field:
        """The field of units that read everything along one axis of the tensor."""

    @abstractmethod
    def permuted(self, order: Sequence[int]) -> Field:
        """The field after the tensor's axes are put in another order."""

    @abstractmethod
    def reshaped(self, before: Sequence[int], after: Sequence[int]) -> Field:
        """The field of the same numbers in another shape."""

    @abstractmethod
    def inserted(self, axis: int) -> Field:
        """The field of a tensor with one more axis, along which all see the same; it stands at `axis`."""

    @abstractmethod
    def dropped(self, axis: int) -> Field:
        """The field of a tensor without an axis along which all see the same."""

    @abstractmethod
    def boxes(self) -> Boxes:
        """The same, unit by unit."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """Axes of the tensor."""

    def through(self, windows: Sequence[Window], counts: Sequence[int]) -> Field:
        """The field seen through one window for each of the tensor's last axes."""
        found: Field = self
        for axis, (window, count) in enumerate(zip(windows, counts, strict=True), start=self.rank - len(windows)):

            def change(reach: Reach, window: Window = window, count: int = count) -> Reach:
                return reach.through(window, count)

            found = found.along(axis, change)
        return found

    def seen_by_all(self, rank: int) -> Grid:
        """The field of units of a tensor of `rank` axes that read everything here."""
        return Grid(self.everywhere().axes, ((),) * rank)

    def of(self, unit: Sequence[int]) -> tuple[Interval, ...]:
        """What the unit at this place of the tensor sees along each axis of the input, padding left out."""
        return self.boxes().of(unit)

    def everywhere(self) -> Field:
        """The field of units that read everything."""
        axes = tuple(reach.whole(reach.units) for reach in self.axes)
        return Grid(axes, ((),) * self.rank)


@dataclass(frozen=True, slots=True)
class Grid(Field):
    """Units whose positions lie along axes of the tensor, each axis of the input along one of them.

    axes: one `Reach` for each axis of the network's input · places: for each axis of the tensor (batch left out) what lies along
    it, the slowest first: n for axis n of the input, −k for k numbers at one place (channels); empty for channels alone, and where
    all see the same. ((), (0,), (1,)) for C×H×W, ((−16, 0, 1),) once 16 channels are flattened with their positions
    """

    axes: tuple[Reach, ...]
    places: tuple[tuple[int, ...], ...] = ()

    @property
    def rank(self) -> int:
        """Axes of the tensor."""
        return len(self.places)

    def along(self, axis: int, change: Callable[[Reach], Reach]) -> Field:
        """The field after `change` along one axis of the tensor; unit by unit where that holds several positions."""
        place = self._alone(self.places[axis])
        if place is not None:
            return replace(self, axes=(*self.axes[:place], change(self.axes[place]), *self.axes[place + 1 :]))
        return self.boxes().along(axis, change) if self.spread(axis) else self.same(axis)

    def spread(self, axis: int) -> bool:
        """Whether units along an axis of the tensor see different places."""
        seen = (self.axes[place] for place in self.places[axis] if place >= 0)
        return any(reach.units > 1 and not reach.mixed for reach in seen)

    def same(self, axis: int) -> Grid:
        """The field where nothing lies along an axis of the tensor: its units see the same, however many there are."""
        axis %= self.rank
        return replace(self, places=(*self.places[:axis], (), *self.places[axis + 1 :])) if self.places[axis] else self

    def _alone(self, lying: tuple[int, ...]) -> int | None:
        """The only axis of the input that makes a difference along an axis of the tensor."""
        if len(lying) > 1:
            lying = tuple(place for place in lying if self._extent(place) > 1)
        return lying[0] if len(lying) == 1 and lying[0] >= 0 else None

    def _extent(self, place: int) -> int:
        return -place if place < 0 else self.axes[place].units

    def mixing(self, axis: int) -> Grid:
        """The field of units that read everything along one axis of the tensor."""
        lying = self.places[axis]
        if not lying:
            return self
        axes = (reach.whole(reach.units) if place in lying else reach for place, reach in enumerate(self.axes))
        return replace(self, axes=tuple(axes)).same(axis)

    def permuted(self, order: Sequence[int]) -> Grid:
        """The field after the tensor's axes are put in another order."""
        return replace(self, places=tuple(self.places[axis] for axis in order))

    def inserted(self, axis: int) -> Grid:
        """The field of a tensor with one more axis."""
        axis %= self.rank + 1
        return replace(self, places=(*self.places[:axis], (), *self.places[axis:]))

    def dropped(self, axis: int) -> Grid:
        """The field of a tensor without an axis along which all see the same."""
        axis %= self.rank
        return replace(self, places=(*self.places[:axis], *self.places[axis + 1 :]))

    def boxes(self) -> Boxes:
        """The same, unit by unit."""
        from cnncli.arithmetic.unit_boxes import boxed

        return boxed(self)

    def reshaped(self, before: Sequence[int], after: Sequence[int]) -> Field:
        """The field of the same numbers in another shape; unit by unit where an axis of the input is cut."""
        if self.whole:
            return replace(self, places=((),) * len(after))
        head, tail = _unchanged(before, after)
        inner = range(head, len(before) - tail)
        lying = [place for axis in inner for place in self.places[axis] or (-before[axis],)]
        found = []
        for size in after[head : len(after) - tail]:
            taken = self._take(lying, size)
            if taken is None:
                return self.boxes().reshaped(before, after)
            found.append(taken)
        places = [*self.places[:head], *found, *self.places[len(before) - tail :]]
        if places:
            last = max(head + len(found) - 1, 0)
            places[last] += tuple(lying)  # axes of one unit
        return replace(self, places=tuple(each if any(place >= 0 for place in each) else () for each in places))

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
    return Grid(axes, ((), *((place,) for place in range(len(axes)))))


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
    """The field of a unit that reads the units at its place in several tensors, which are broadcast to each other."""
    seeing = [field for field in fields if not field.blind]
    if seeing and max(field.rank for field in seeing) == max(field.rank for field in fields):
        fields = seeing
    first = fields[0]
    if len(fields) == 1:
        return first
    places = {field.places for field in fields if not field.whole} or {first.places}
    if len(places) > 1 or any(field.blind or not isinstance(field, Grid) for field in fields):
        from cnncli.arithmetic.unit_boxes import united

        return united(fields)
    reaches = list(zip(*(field.axes for field in fields), strict=True))
    sizes = ({reach.units for reach in along if reach.units > 1 and not reach.mixed} for along in reaches)
    if any(len(each) > 1 for each in sizes):  # maps of two sizes, flattened to as many numbers
        from cnncli.arithmetic.unit_boxes import united

        return united(fields)
    return Grid(tuple(_joined(along) for along in reaches), places.pop())


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
