"""What somebody else's module does that no other spec describes: recorded calls, with the shapes they were recorded at.

None of them has a name on the command line. An `Opaque` costs nobody knows what; all others multiply and accumulate nothing, or
exactly what they say.
"""

from __future__ import annotations

from typing import Any, Self

from cnncli.arithmetic.receptive_field import Field, Grid, union
from cnncli.arithmetic.unit_boxes import Moves
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Tensor, axis_of, dims, only, spec
from cnncli.layers.merge import broadcast

Named = tuple[tuple[str, Shape], ...]
"""Tensors by name, with their shapes."""


_MEASURES = ("keeps", "moves", "reads")
"""What was found by running a call: figures, which stand in the row."""


@spec
class Measured(Layer):
    """A layer that says what autograd saves by what it saved when it was recorded."""

    keeps: Saved = Saved()

    @property
    def config(self) -> dict[str, Any]:
        """The fields as plain values; what autograd keeps is a figure and stands in the row."""
        return {name: _plain(value) for name, value in super().config.items() if name not in _MEASURES}

    def kept(self, call: Call) -> Saved:
        """As measured, of those inputs that are there."""
        return self.keeps._replace(inputs=tuple(place for place in self.keeps.inputs if place < len(call.inputs)))


@spec
class _Recorded(Measured):
    """A call of `operation`, torch's name for it."""

    home = OWN

    operation: str

    @property
    def brief(self) -> str:
        """`roll`: torch's name."""
        return self.operation

    @property
    def folded(self) -> str:
        """Torch's name."""
        return self.operation

    def module(self) -> Any:  # noqa: ANN401  (never returns)
        """Raise `RequestError`: the call's arguments are not part of the description."""
        raise RequestError(
            f"{self.operation} was recorded from a module and cannot be built again; use that module itself"
        )


@spec
class Elementwise(_Recorded):
    """One number out of those at the same place of the inputs; a size of one is broadcast. No MACs.

    dtype: of the output, None where it is the first input's · inplace: the first input is overwritten
    """

    folds = True

    inplace: bool = False
    dtype: str | None = None

    @property
    def aliases(self) -> bool:
        """In place, the output overwrites the first input."""
        return self.inplace

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The broadcast shape."""
        found = broadcast(inputs, self.operation) if len(inputs) > 1 else only(inputs, self.operation)
        return (found if self.dtype is None else Tensor(found.shape, self.dtype, found.batch),)


@spec
class Reduce(_Recorded):
    """One number out of all along some axes: a mean, a sum, a maximum. dim counts the batch, as in PyTorch. No MACs."""

    dim: Shape
    keepdim: bool = False
    dtype: str | None = None

    def _axes(self, x: Tensor) -> Shape:
        return tuple(sorted(axis_of(x, dim) for dim in self.dim))

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The axes become 1, or go."""
        x = only(inputs, self.operation)
        axes = self._axes(x)
        kept = [1 if axis in axes else size for axis, size in enumerate(x.shape) if self.keepdim or axis not in axes]
        return (Tensor(tuple(kept), self.dtype or x.dtype, x.batch),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit sees everything along the axes."""
        field, axes = fields[0], self._axes(call.x)
        for axis in axes:
            field = field.mixing(axis)
        for axis in () if self.keepdim else reversed(axes):
            field = field.dropped(axis)
        return field

    @property
    def brief(self) -> str:
        """`mean d2,3`."""
        return f"{self.operation} d{','.join(map(str, self.dim))}"


@spec
class Operation(_Recorded):
    """A call at the shapes it was recorded at, and at no others: a roll, a gather, a stack.

    takes, gives: its tensors · learned, stored: parameters and buffers it reads · view: the outputs lie in the first input's
    memory · cost: MACs per example · moves: where each output's elements come from, where it only moves them · reads: the axes
    along which a unit reads everything, where it reads its own place alone along all others
    """

    takes: tuple[Tensor, ...] = ()
    gives: tuple[Tensor, ...] = ()
    learned: Named = ()
    stored: Named = ()
    view: bool = False
    cost: int = 0
    moves: tuple[Moves, ...] = ()
    reads: Shape | None = None

    @property
    def aliases(self) -> bool:
        """Whether it is a view, or works in place."""
        return self.view

    @property
    def weights(self) -> dict[str, Shape]:
        """The parameters that no earlier row reads."""
        return dict(self.learned)

    @property
    def buffers(self) -> dict[str, Shape]:
        """The buffers that no earlier row reads."""
        return dict(self.stored)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As recorded; raises `ShapeError` for other inputs."""
        given, wanted = ([tensor.shape for tensor in tensors] for tensors in (inputs, self.takes))
        if given != wanted:
            raise ShapeError(
                f"{self.operation} was recorded with {_listed(wanted)}, not {_listed(given)}",
                fix="record the module at this input",
            )
        return self.gives

    def macs(self, call: Call) -> int | None:  # noqa: ARG002
        """As recorded."""
        return self.cost

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Of the first output."""
        return self.fields(fields, call)[0] if call.outputs else None

    def fields(self, fields: tuple[Field, ...], call: Call) -> tuple[Field | None, ...]:
        """What is moved keeps its field; of what else is made, known where that was found, or the inputs' units see everything."""
        if self.moves:
            shapes = [tensor.shape for tensor in call.inputs]
            return tuple(each.field(fields, shapes) for each in self.moves)
        if self.reads is not None:
            found = fields[0]
            for axis in self.reads:
                found = found.mixing(axis)
            return (found,)
        return tuple(everything(fields, len(tensor.shape)) for tensor in call.outputs)


@spec
class Opaque(Operation):
    """A call of which nobody here knows what it costs: its shapes and parameters are known, its MACs are not."""

    def macs(self, call: Call) -> None:
        """Unknown, which is not zero."""

    def connections(self, call: Call) -> None:
        """Unknown."""

    def field(self, fields: tuple[Field, ...], call: Call) -> None:
        """Unknown."""

    def fields(self, fields: tuple[Field, ...], call: Call) -> tuple[Field | None, ...]:  # noqa: ARG002
        """Unknown."""
        return (None,) * len(call.outputs)

    @property
    def sentence(self) -> str:
        """`nms, whose cost is not known`."""
        return f"{self.operation}, whose cost is not known"


@spec
class Unused(Layer):
    """Parameters that nothing read while the module ran, such as those of a head for training alone. Nothing flows through."""

    home = OWN
    idles = True

    learned: Named

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:  # noqa: ARG002
        """A tensor without numbers."""
        return (Tensor((0,), batch=None),)

    @property
    def weights(self) -> dict[str, Shape]:
        """The parameters."""
        return dict(self.learned)

    def field(self, fields: tuple[Field, ...], call: Call) -> None:
        """There is none."""

    @property
    def brief(self) -> str:
        """`not run`."""
        return "not run"

    @property
    def sentence(self) -> str:
        """`2 parameters that are not read`."""
        return f"{len(self.learned)} parameters that are not read"


@spec
class Failed(_Recorded):
    """A call that raised while it was recorded. message: what it said · fix: what would help"""

    message: str
    fix: str = ""

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:  # noqa: ARG002
        """Raise `ShapeError`: a network goes no further than this."""
        raise ShapeError(self.message, fix=self.fix)


def everything(fields: tuple[Field, ...], rank: int) -> Field | None:
    """The field of units of a tensor of `rank` axes made from others whose units all see everything; None from any other."""
    joined = union(fields) if fields and all(field.whole for field in fields) else None
    return joined and Grid(joined.axes, ((),) * rank)


def _plain(value: object) -> object:
    if isinstance(value, Tensor):
        return list(value.shape)
    if isinstance(value, tuple) and value and isinstance(value[0], Tensor | tuple):
        return [_plain(each) for each in value]
    return value


def _listed(shapes: list[Shape]) -> str:
    return " and ".join(dims(shape) or "a single number" for shape in shapes) or "nothing"
