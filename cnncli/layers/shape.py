"""Layers that only rearrange: the numbers stay, their shape or their order changes."""

from __future__ import annotations

from math import prod
from typing import Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import OWN, Call, Layer, Shape, Tensor, at_least, axis_of, dims, only, spec

LETTERS = {1: "n", 2: "CL", 3: "CHW", 4: "CDHW"}


@spec
class _View(Layer):
    """The input's memory, looked at differently; torch copies instead where the input is itself a permuted view."""

    @property
    def aliases(self) -> bool:
        """A view: nothing is copied."""
        return True

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each number keeps its field."""
        return fields[0].reshaped(call.x.shape, call.y.shape)


@spec
class Flatten(_View):
    """Axes from start_dim to end_dim become one, as torch.nn.Flatten; dimension 0 is the batch."""

    kind = "flatten"
    folds = True

    start_dim: int = 1
    end_dim: int = -1

    def __post_init__(self) -> None:
        """Refuse to flatten the batch away."""
        if self.start_dim == 0:
            raise RequestError("start_dim 0 would flatten the batch away; the least is 1")

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """C×H×W → C·H·W with the defaults."""
        x = only(inputs, "Flatten")
        first, last = axis_of(x, self.start_dim), axis_of(x, self.end_dim)
        if first > last or first < (x.batch or 0) <= last:
            raise ShapeError(
                f"cannot flatten dimensions {self.start_dim} to {self.end_dim} of {dims(x.shape)} and its batch"
            )
        return (x.like((*x.shape[:first], prod(x.shape[first : last + 1]), *x.shape[last + 1 :])),)

    @property
    def folded(self) -> str:
        """Nothing: the next row's input says it."""
        return ""

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """The flattened axis."""
        if not call.inputs or call.x.shape == call.y.shape:
            return ()
        first, last = axis_of(call.x, self.start_dim), axis_of(call.x, self.end_dim)
        return (_product("size", call.x.shape, range(first, last + 1), call.y.shape[first]),)


@spec
class Unflatten(_View):
    """One axis becomes several, as torch.nn.Unflatten; one of them may be −1: what is left."""

    kind = "unflatten"

    dim: int = 1
    unflattened_size: Shape

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with −1 replaced."""
        x = only(inputs, "Unflatten")
        size = x.shape[axis_of(x, self.dim)]
        found = _filled(self.unflattened_size, size, f"{size:,} into {_written(self.unflattened_size)}")
        return self if found == self.unflattened_size else self.with_arguments(unflattened_size=found)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """…×n×… → …×unflattened_size×…"""
        x = inputs[0]
        axis = axis_of(x, self.dim)
        return (x.like((*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])),)

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """The sizes make up the axis."""
        if not call.inputs or call.x.shape == call.y.shape:
            return ()
        size = call.x.shape[axis_of(call.x, self.dim)]
        return (_product("size", self.unflattened_size, range(len(self.unflattened_size)), size),)

    @property
    def brief(self) -> str:
        """`→ 2×8`."""
        return f"→ {_written(self.unflattened_size)}"


@spec
class Reshape(_View):
    """Each example in another shape, the batch as it was; one size may be −1: what is left."""

    kind = "reshape"
    home = OWN

    shape: Shape

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with −1 replaced."""
        x = only(inputs, "Reshape")
        found = _filled(self.shape, x.numel, f"{dims(x.shape)} as {_written(self.shape)}")
        return self if found == self.shape else self.with_arguments(shape=found)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As many numbers, in `shape`."""
        return (inputs[0].like(self.shape),)

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """As many numbers as before."""
        if not call.inputs or call.x.shape == call.y.shape:
            return ()
        return (_product("size", call.y.shape, range(len(call.y.shape)), call.x.numel),)

    @property
    def brief(self) -> str:
        """`→ 16×5×5`."""
        return f"→ {_written(self.shape)}"


@spec
class Permute(_View):
    """The axes in another order; `dims` counts the batch, which stays where it is: (0, 2, 3, 1) puts the channels last."""

    kind = "permute"
    home = OWN

    dims: Shape

    def __post_init__(self) -> None:
        """Refuse what is no order."""
        rank = len(self.dims)
        order = tuple(dim % rank for dim in self.dims if -rank <= dim < rank)
        if sorted(order) != list(range(rank)):
            raise RequestError(f"dims {_written(self.dims)} is not an order of {rank} dimensions; name each once")
        object.__setattr__(self, "dims", order)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The input's sizes in the order of `dims`."""
        x = only(inputs, "Permute")
        rank = len(x.shape) + (x.batch is not None)
        if len(self.dims) != rank:
            raise ShapeError(
                f"dims orders {len(self.dims)} dimensions, the input {dims(x.shape)} and its batch have {rank}"
            )
        if x.batch is not None and self.dims[x.batch] != x.batch:
            raise ShapeError(f"dims {_written(self.dims)} moves the batch; it must stay {x.batch}")
        return (x.like(tuple(x.shape[axis] for axis in self._order(x))),)

    def _order(self, x: Tensor) -> Shape:
        """Where each axis of the output stood, the batch left out."""
        return tuple(axis_of(x, dim) for dim in self.dims if dim != x.batch)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each number keeps its field."""
        return fields[0].permuted(self._order(call.x))

    @property
    def brief(self) -> str:
        """`permute 0 2 3 1`."""
        return " ".join((self.kind, *map(str, self.dims)))


@spec
class Slice(_View):
    """One axis from `start` to `stop` − 1; negative numbers count from its end, as in Python."""

    kind = "slice"
    home = OWN

    dim: int = 1
    start: int = 0
    stop: int | None = None

    def _part(self, x: Tensor) -> tuple[int, range]:
        axis = axis_of(x, self.dim)
        return axis, range(*slice(self.start, self.stop).indices(x.shape[axis]))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The axis becomes stop − start long."""
        x = only(inputs, "Slice")
        axis, part = self._part(x)
        if not part:
            raise ShapeError(f"nothing lies from {self.start} to {self.stop} on an axis of {x.shape[axis]}")
        return (x.like((*x.shape[:axis], len(part), *x.shape[axis + 1 :])),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each number keeps its field."""
        axis, part = self._part(call.x)
        return fields[0].along(axis, lambda reach: reach.part(part.start, part.stop))

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """The axis' new size."""
        if not call.inputs or call.x.shape == call.y.shape:
            return ()
        _, part = self._part(call.x)
        return (formula("size", "stop − start", len(part), {"stop": part.stop, "start": part.start}),)

    @property
    def brief(self) -> str:
        """`slice d1 0:64`."""
        return f"{self.kind} d{self.dim} {self.start or ''}:{'' if self.stop is None else self.stop}"


@spec
class ChannelShuffle(Layer):
    """Channels dealt out over `groups`: with 2 groups of 3, 0 1 2 3 4 5 becomes 0 3 1 4 2 5. Zhang et al., ShuffleNet, 2017."""

    kind = "channel-shuffle"

    groups: int

    def __post_init__(self) -> None:
        """Refuse less than one group."""
        at_least(1, groups=self.groups)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input, C×L or C×H×W, whose channels must divide into the groups."""
        x = only(inputs, "ChannelShuffle")
        if len(x.shape) < 2:
            raise ShapeError(f"ChannelShuffle takes C×L or C×H×W, the input is {dims(x.shape) or 'a single number'}")
        if x.shape[0] % self.groups:
            raise ShapeError(f"the input's {x.shape[0]} channels do not divide into {self.groups} groups")
        return (x,)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each number keeps its field."""
        channels, *rest = call.x.shape
        dealt = (self.groups, channels // self.groups, *rest)
        turned = fields[0].reshaped(call.x.shape, dealt).permuted((1, 0, *range(2, len(dealt))))
        return turned.reshaped((dealt[1], dealt[0], *rest), call.x.shape)

    @property
    def brief(self) -> str:
        """`shuffle g2`."""
        return f"shuffle g{self.groups}"


def _filled(sizes: Shape, total: int, what: str) -> Shape:
    """`sizes` with −1 replaced so that they hold `total` numbers; raises `ShapeError`, naming `what` is asked for."""
    known = prod(size for size in sizes if size != -1)
    if min(sizes, default=1) < -1 or 0 in sizes or sizes.count(-1) > 1:
        raise ShapeError(f"cannot write {what}; sizes are 1 or more, and one may be -1")
    if total % known or (-1 not in sizes and known != total):
        raise ShapeError(f"cannot write {what}; the numbers do not come out even")
    return tuple(total // known if size == -1 else size for size in sizes)


def _written(sizes: Shape) -> str:
    return "×".join("n" if size == -1 else str(size) for size in sizes)


def _product(of: str, sizes: Shape, axes: range, value: int) -> Formula:
    letters = LETTERS.get(len(sizes), "")
    names = [letters[axis] if letters else f"n{'₀₁₂₃₄₅₆₇₈₉'[axis]}" for axis in axes]
    return formula(of, "·".join(names), value, dict(zip(names, (sizes[axis] for axis in axes), strict=True)))


_SPECS = (Flatten, Unflatten, Reshape, Permute, Slice, ChannelShuffle)
KINDS: dict[str, type[Layer]] = {spec.kind: spec for spec in _SPECS}
