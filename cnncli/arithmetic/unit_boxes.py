"""Receptive fields unit by unit: windows cut out of a map, a map behind a class token, paths that are stacked.

For each axis of the network's input two arrays of the tensor's rank say the first and the last element that each unit sees; their
size is one along axes where nothing changes, so that channels take no room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from cnncli.arithmetic.receptive_field import NOTHING, Field, Grid, Interval, Reach, hull, uneven
from cnncli.arithmetic.windows import Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shape = tuple[int, ...]

FAR = 2**40
"""A unit that sees nothing starts here and ends at minus this: no minimum and no maximum is drawn by it."""
PARTS = 4096
"""Parts of an example that are looked at one by one."""
MOST = 2**24
"""Units that are listed; a tensor with more of them has no field here."""


class TooManyUnitsError(Exception):
    """More units than are listed."""


class Ends(NamedTuple):
    """One axis of the input: the first and last element that each unit sees, and `bounds` and `mixed` as a `Reach` has them."""

    low: Ints
    high: Ints
    bounds: Interval | None = None
    mixed: bool = False

    def each(self, change: Callable[[Ints], Ints]) -> Ends:
        """Another arrangement of the same units."""
        return self._replace(low=change(self.low), high=change(self.high))

    def hull(self, axis: int) -> Ends:
        """What units see that read everything along an axis of the tensor; clipped once nothing is left to tell apart."""
        if self.low.shape[axis] == 1:
            return self
        found = self._replace(low=self.low.min(axis, keepdims=True), high=self.high.max(axis, keepdims=True))
        return found.constant() if found.low.size == 1 else found

    def constant(self) -> Ends:
        """What units see that all read everything."""
        import numpy as np

        low, high = self.span()
        shape = (1,) * self.low.ndim
        return Ends(np.full(shape, low), np.full(shape, high), (low, high), mixed=low <= high)

    @property
    def plain(self) -> tuple[object, ...]:
        """The same in values that can be compared."""
        return (self.low.tolist(), self.high.tolist(), *self[2:])

    def span(self) -> Interval:
        """What all units together see, padding left out."""
        low, high = int(self.low.min()), int(self.high.max())
        return (max(low, self.bounds[0]), min(high, self.bounds[1])) if self.bounds else (low, high)

    def of(self, unit: Sequence[int]) -> Interval:
        """What one unit sees, padding left out."""
        place = tuple(min(at, size - 1) for at, size in zip(unit, self.low.shape, strict=True))
        low, high = self.bounds or (-FAR, FAR)
        return max(int(self.low[place]), low), min(int(self.high[place]), high)

    def windows(self, axis: int, reads: Sequence[Interval]) -> Ends:
        """What units see that read those from a to b along an axis, for each (a, b) in `reads`."""
        import numpy as np

        if self.low.shape[axis] == 1:
            return self
        if all(a == b for a, b in reads):
            return self.each(lambda units: units.take([a for a, _ in reads], axis))
        low, high = (np.moveaxis(units, axis, 0) for units in (self.low, self.high))
        nothing = np.full(low.shape[1:], FAR)
        lows = [low[a : b + 1].min(0) if a <= b else nothing for a, b in reads]
        highs = [high[a : b + 1].max(0) if a <= b else -nothing for a, b in reads]
        return self._replace(low=np.stack(lows, axis), high=np.stack(highs, axis))

    def part(self, place: Sequence[int]) -> Ends:
        """The units at a place along the first axes, which go."""
        return self.each(
            lambda units: units[tuple(min(at, size - 1) for at, size in zip(place, units.shape, strict=False))]
        )

    def squeezed(self) -> Ends:
        """Size one along axes where nothing changes."""
        found = self
        for axis, size in enumerate(self.low.shape):
            if size > 1 and all((units == units.take([0], axis)).all() for units in found[:2]):
                found = found.each(lambda units, axis=axis: units.take([0], axis))  # type: ignore[misc]
        return found


@dataclass(frozen=True, eq=False)
class Boxes(Field):
    """Every unit's box. ends: one for each axis of the network's input"""

    ends: tuple[Ends, ...]
    places = ()

    @cached_property
    def axes(self) -> tuple[Reach, ...]:  # type: ignore[override]
        """The unit that sees most along each axis, as the only one of a table."""
        return tuple(_widest(ends) for ends in self.ends)

    def __eq__(self, other: object) -> bool:
        """Whether every unit has the same box."""
        return isinstance(other, Boxes) and [ends.plain for ends in self.ends] == [ends.plain for ends in other.ends]

    def __hash__(self) -> int:
        return hash(tuple(ends.low.shape for ends in self.ends))

    @property
    def rank(self) -> int:
        """Axes of the tensor."""
        return int(self.ends[0].low.ndim)

    def boxes(self) -> Boxes:
        """Itself."""
        return self

    def settled(self) -> Field:
        """As a `Grid` where each axis of the input lies along an axis of the tensor that no other lies along."""
        found = [ends.squeezed() for ends in self.ends]
        lying = [[axis for axis, size in enumerate(ends.low.shape) if size > 1] for ends in found]
        taken = [axis for axes in lying for axis in axes]
        if any(len(axes) > 1 for axes in lying) or len(set(taken)) < len(taken):
            return Boxes(tuple(found))
        places: list[tuple[int, ...]] = [()] * self.rank
        for place, axes in enumerate(lying):
            for axis in axes:
                places[axis] = (place,)
        return Grid(tuple(map(_reach, found)), tuple(places))

    def spread(self, axis: int) -> bool:
        """Whether units along an axis see different places."""
        return any(ends.low.shape[axis] > 1 for ends in self.ends)

    def same(self, axis: int) -> Boxes:  # noqa: ARG002  (its size is one in any case)
        """Itself."""
        return self

    def of(self, unit: Sequence[int]) -> tuple[Interval, ...]:
        """The box of one unit."""
        return tuple(ends.of(unit) for ends in self.ends)

    def _each(self, change: Callable[[Ints], Ints]) -> Boxes:
        return Boxes(tuple(ends.each(change) for ends in self.ends))

    def along(self, axis: int, change: Callable[[Reach], Reach]) -> Field:
        """Units that read those along an axis as `change` says of places there."""
        axis %= self.rank
        size = max(ends.low.shape[axis] for ends in self.ends)
        if size == 1:
            return self
        reach = change(Reach(0, 0, 1, size, (0, size - 1)))
        reads = [reach.of(unit) for unit in range(reach.units)]
        if reads == [(0, size - 1)]:
            return self.mixing(axis)
        return Boxes(tuple(ends.windows(axis, reads) for ends in self.ends)).settled()

    def mixing(self, axis: int) -> Field:
        """Units that read everything along an axis."""
        return Boxes(tuple(ends.hull(axis) for ends in self.ends)).settled()

    def everywhere(self) -> Field:
        """Units that read everything."""
        return Boxes(tuple(ends.constant() for ends in self.ends)).settled()

    def permuted(self, order: Sequence[int]) -> Field:
        """The axes in another order."""
        return self._each(lambda units: units.transpose(order)).settled()

    def inserted(self, axis: int) -> Boxes:
        """One more axis, along which nothing changes."""
        axis %= self.rank + 1
        return self._each(lambda units: units.reshape(*units.shape[:axis], 1, *units.shape[axis:]))

    def dropped(self, axis: int) -> Boxes:
        """One axis less."""
        return self._each(lambda units: units.squeeze(axis))

    def reshaped(self, before: Sequence[int], after: Sequence[int]) -> Field:
        """The same units in another shape; those of axes that are taken apart or put together are listed."""
        groups = _groups(before, after)

        def change(units: Ints) -> Ints:
            import numpy as np

            full: list[int] = []
            new: list[int] = []
            start = 0
            for old, sizes in groups:
                part = units.shape[start : start + len(old)]
                start += len(old)
                varies = any(size > 1 for size in part)
                full += old if varies else part
                new += sizes if varies else [1] * len(sizes)
            _refuse_many(prod(full))
            return np.broadcast_to(units, full).reshape(new)

        return self._each(change).settled()

    def taken(self, shape: Sequence[int]) -> Boxes:
        """Every unit of a tensor of `shape` listed."""
        import numpy as np

        _refuse_many(prod(shape))
        return self._each(lambda units: np.broadcast_to(units, shape))


def boxed(grid: Grid) -> Boxes:
    """A grid's units, each with its box."""
    return Boxes(tuple(_ends(grid, place) for place in range(len(grid.axes))))


def _ends(grid: Grid, place: int) -> Ends:
    import numpy as np

    reach = grid.axes[place]
    axis = next((at for at, lying in enumerate(grid.places) if place in lying), None)
    if axis is None or reach.mixed:
        low, high = (FAR, -FAR) if reach.low > reach.high else (reach.low, reach.high)
        shape = (1,) * grid.rank
        return Ends(np.full(shape, low), np.full(shape, high), reach.bounds, reach.mixed)
    seen = [reach.reaching(unit) for unit in range(reach.units)]
    table = np.array([(low, high) if low <= high else (FAR, -FAR) for low, high in seen], dtype=np.int64)
    lying = grid.places[axis]
    sizes = [-each if each < 0 else grid.axes[each].units for each in lying]
    _refuse_many(prod(sizes))
    ones = [size if each == place else 1 for each, size in zip(lying, sizes, strict=True)]
    shape = tuple(prod(sizes) if at == axis else 1 for at in range(grid.rank))

    def laid(column: Ints) -> Ints:
        return np.broadcast_to(column.reshape(ones), sizes).reshape(shape)

    return Ends(laid(table[:, 0]), laid(table[:, 1]), reach.bounds)


def _reach(ends: Ends) -> Reach:
    """The units of an axis that lies along one axis of the tensor, or along none."""
    pairs = zip(ends.low.ravel().tolist(), ends.high.ravel().tolist(), strict=True)
    table = [(low, high) if low <= high else NOTHING for low, high in pairs]
    return uneven(table, ends.bounds, mixed=ends.mixed)


def _widest(ends: Ends) -> Reach:
    place = int((ends.high - ends.low).argmax())
    low, high = int(ends.low.flat[place]), int(ends.high.flat[place])
    interval = (low, high) if low <= high else NOTHING
    return Reach(*interval, 0, 1, ends.bounds, (interval,), ends.mixed)


def each_part(field: Field, front: int, inner: Callable[[Field], Field | None]) -> Field | None:
    """What `inner` makes of each part of an example; `front` axes say which. None where it does not know, or parts are too many."""
    import numpy as np

    boxes = field.boxes()
    fronts = np.broadcast_shapes(*(ends.low.shape[:front] for ends in boxes.ends))
    if prod(fronts) > PARTS:
        return None
    found: list[Boxes] = []
    for part in np.ndindex(*fronts):
        made = inner(Boxes(tuple(ends.part(part) for ends in boxes.ends)).settled())
        if made is None:
            return None
        found.append(made.boxes())
    several = (_stacked(along, fronts) for along in zip(*(each.ends for each in found), strict=True))
    return Boxes(tuple(several)).settled()


def _stacked(several: Sequence[Ends], fronts: Sequence[int]) -> Ends:
    import numpy as np

    shape = np.broadcast_shapes(*(ends.low.shape for ends in several))

    def laid(arrays: Iterable[Ints]) -> Ints:
        return np.stack([np.broadcast_to(each, shape) for each in arrays]).reshape(*fronts, *shape)

    lows, highs = laid(ends.low for ends in several), laid(ends.high for ends in several)
    return Ends(lows, highs, _bounds(several), all(ends.mixed for ends in several) and len(several) == 1)


def nothing(axes: int, rank: int) -> Grid:
    """The field of units that no axis of the input reaches: those of a tensor that is computed from weights alone."""
    return Grid((Reach(*NOTHING, 0, 1),) * axes, ((),) * rank)


def united(fields: Sequence[Field]) -> Field | None:
    """The field of units that read those at their place in tensors that are broadcast to each other; None where they do not fit."""
    boxes = [field.boxes() for field in fields]
    rank = max(each.rank for each in boxes)
    if len({len(each.ends) for each in boxes}) > 1:
        return None
    try:
        return Boxes(
            tuple(_united(along, rank) for along in zip(*(each.ends for each in boxes), strict=True))
        ).settled()
    except ValueError:  # numpy's word for sizes that do not meet
        return None


def _united(several: Sequence[Ends], rank: int) -> Ends:
    import numpy as np

    aligned = [ends.each(lambda units: units.reshape((1,) * (rank - units.ndim) + units.shape)) for ends in several]
    low = reduce(np.minimum, [ends.low for ends in aligned])
    high = reduce(np.maximum, [ends.high for ends in aligned])
    found = Ends(low, high, _bounds(several))
    return found.constant() if any(ends.mixed for ends in several) else found


def _bounds(several: Sequence[Ends]) -> Interval | None:
    seeing = [ends for ends in several if (ends.low <= ends.high).any()]
    bounds = [ends.bounds for ends in seeing if ends.bounds is not None]
    return hull(bounds) if bounds and len(bounds) == len(seeing) else None


def end_to_end(fields: Sequence[Field], axis: int, sizes: Sequence[int]) -> Field | None:
    """The field of tensors laid end to end along an axis, of which each has its size; None where they do not fit."""
    import numpy as np

    def laid(several: Sequence[Ends]) -> Ends:
        shapes = [
            (*ends.low.shape[:axis], size, *ends.low.shape[axis + 1 :])
            for ends, size in zip(several, sizes, strict=True)
        ]
        most = [max(shape[at] for shape in shapes) for at in range(len(shapes[0]))]
        whole = [(*most[:axis], size, *most[axis + 1 :]) for size in sizes]
        _refuse_many(sum(map(prod, whole)))

        def joined(arrays: Sequence[Ints]) -> Ints:
            return np.concatenate(
                [np.broadcast_to(each, shape) for each, shape in zip(arrays, whole, strict=True)], axis
            )

        low, high = joined([ends.low for ends in several]), joined([ends.high for ends in several])
        return Ends(low, high, _bounds(several), all(ends.mixed for ends in several))

    boxes = [field.boxes() for field in fields]
    try:
        return Boxes(tuple(laid(along) for along in zip(*(each.ends for each in boxes), strict=True))).settled()
    except ValueError:
        return None


class Moves:
    """Where the elements of a tensor come from that is made of others' by moving them.

    kept: axes of the inputs, and of the output, along which an element keeps its place · index: for each place along the output's
    other axes the element of the inputs, counted along their other axes and from one input to the next; −1 for what is none · pads:
    what is laid before and behind each axis, where that is all that is done
    """

    def __init__(self, kept: tuple[tuple[int, int], ...], index: Ints, pads: tuple[Interval, ...] = ()) -> None:
        self.kept = kept
        self.index = index
        self.pads = pads

    def field(self, fields: Sequence[Field], shapes: Sequence[Shape]) -> Field:
        """The field of the output, from those of the inputs."""
        if self.pads:
            windows = [Window(1, 1, *pad) for pad in self.pads]
            return fields[0].through(windows, [window.count(n) for window, n in zip(windows, shapes[0], strict=True)])
        boxes = [field.boxes() for field in fields]
        if not self.index.size:
            return nothing(len(boxes[0].ends), self.index.ndim)
        return Boxes(
            tuple(self._moved(along, shapes) for along in zip(*(each.ends for each in boxes), strict=True))
        ).settled()

    def _moved(self, several: Sequence[Ends], shapes: Sequence[Shape]) -> Ends:
        import numpy as np

        places = [at for at, _ in self.kept]

        def flat(units: Ints, shape: Shape) -> Ints:
            rest = [at for at in range(len(shape)) if at not in places]
            turned = units.transpose([*places, *rest])
            front = turned.shape[: len(places)]
            _refuse_many(prod(front) * prod(shape[at] for at in rest))
            return np.broadcast_to(turned, (*front, *(shape[at] for at in rest))).reshape(*front, -1)

        def moved(arrays: Iterable[Ints], far: int) -> Ints:
            parts = [flat(units, shape) for units, shape in zip(arrays, shapes, strict=True)]
            front = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
            parts = [np.broadcast_to(part, (*front, part.shape[-1])) for part in parts]
            listed = np.concatenate([*parts, np.full((*front, 1), far)], -1).take(self.index, -1)
            return np.moveaxis(listed, range(len(places)), [to for _, to in self.kept])

        low, high = moved((ends.low for ends in several), FAR), moved((ends.high for ends in several), -FAR)
        return Ends(
            low, high, _bounds(several), len(several) == 1 and several[0].mixed and bool((self.index >= 0).all())
        )


def compact(index: Ints, shapes: Sequence[Shape]) -> Moves:
    """The same without the axes along which every element keeps its place. index: elements of all inputs, one after the other"""
    import numpy as np

    ranks = {len(shape) for shape in shapes}
    if len(ranks) > 1 or not index.size:
        return Moves((), index)
    starts = np.cumsum([0, *map(prod, shapes)])
    which = np.clip(np.searchsorted(starts, index, "right") - 1, 0, len(shapes) - 1)
    none, local = index < 0, index - starts[which]
    sizes = np.array(shapes, dtype=np.int64).reshape(len(shapes), -1)
    steps = np.array([[prod(shape[at + 1 :]) for at in range(len(shape))] for shape in shapes], dtype=np.int64)
    places = [local // steps[which, at] % sizes[which, at] for at in range(ranks.pop())]
    kept: list[tuple[int, int]] = []
    for to, size in enumerate(index.shape):
        if (none != none.take([0], to)).any():
            continue
        along = np.arange(size).reshape([-1 if axis == to else 1 for axis in range(index.ndim)])
        for at, place in enumerate(places):
            taken = at in [before for before, _ in kept]
            if size > 1 and not taken and (sizes[:, at] == size).all() and ((place == along) | none).all():
                others = [which, *(other for axis, other in enumerate(places) if axis != at)]
                if all(((other == other.take([0], to)) | none).all() for other in others):
                    kept.append((at, to))
                    break
    ends = [to for _, to in kept]
    first = tuple(0 if axis in ends else slice(None) for axis in range(index.ndim))
    rest = [at for at in range(sizes.shape[1]) if at not in [before for before, _ in kept]]
    inner = np.array(
        [[prod(shape[axis] for axis in rest if axis > at) for at in rest] for shape in shapes], dtype=np.int64
    )
    begins = np.cumsum([0, *(prod(shape[axis] for axis in rest) for shape in shapes)])
    new = begins[which[first]]
    for order, at in enumerate(rest):
        new = new + places[at][first] * inner[which[first], order]
    return Moves(tuple(kept), np.where(none[first], -1, new), _pads(index, shapes))


def _pads(index: Ints, shapes: Sequence[Shape]) -> tuple[Interval, ...]:
    """What lies before and behind each axis of the only input, where the output is that input with padding; else ()."""
    import numpy as np

    there = np.argwhere(index >= 0)
    if len(shapes) > 1 or index.ndim != len(shapes[0]) or len(there) != prod(shapes[0]):
        return ()
    first = there.min(0).tolist()
    inner = tuple(slice(at, at + size) for at, size in zip(first, shapes[0], strict=True))
    if not np.array_equal(index[inner], np.arange(prod(shapes[0])).reshape(shapes[0])):
        return ()
    return tuple((at, size - old - at) for at, old, size in zip(first, shapes[0], index.shape, strict=True))


def _groups(before: Sequence[int], after: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes in the smallest groups that hold as many numbers."""
    groups: list[tuple[list[int], list[int]]] = []
    old, new = list(before), list(after)
    while old or new:
        left, right = old[:1], new[:1]
        del old[:1], new[:1]
        while prod(left) != prod(right):
            source, part = (old, left) if prod(left) < prod(right) else (new, right)
            part.append(source.pop(0))
        groups.append((left, right))
    return groups


def _refuse_many(count: int) -> None:
    if count > MOST:
        raise TooManyUnitsError
