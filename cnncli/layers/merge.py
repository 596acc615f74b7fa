"""Layers with several inputs: where the paths of a network meet."""

from __future__ import annotations

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field, union
from cnncli.arithmetic.unit_boxes import end_to_end
from cnncli.errors import ShapeError
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Tensor, axis_of, dims, spec


@spec
class Concat(Layer):
    """Inputs laid side by side along one axis (torch.cat); dim 1 is the channels."""

    kind = "concat"
    home = OWN

    dim: int = 1

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The sizes along `dim` add up; all others must agree."""
        several(inputs, 1, "concat")
        axis = axis_of(inputs[0], self.dim)
        shape = inputs[0].shape
        if len({(*tensor.shape[:axis], 0, *tensor.shape[axis + 1 :]) for tensor in inputs}) > 1:
            raise ShapeError(f"cannot concatenate {_listed(inputs)} along dimension {self.dim}")
        total = sum(tensor.shape[axis] for tensor in inputs)
        return (inputs[0].like((*shape[:axis], total, *shape[axis + 1 :])),)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Each number keeps its field; along the channels a position sees what it sees in any of the inputs."""
        axis = axis_of(call.x, self.dim)
        if not any(field.spread(axis) for field in fields):
            return union([field.mixing(axis) if field.whole else field.same(axis) for field in fields])
        return end_to_end(fields, axis, [tensor.shape[axis] for tensor in call.inputs])

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """The sizes that add up."""
        if not call.inputs:
            return ()
        axis = axis_of(call.x, self.dim)
        names = [f"n{_below(place)}" for place in range(1, len(call.inputs) + 1)]
        put = {name: tensor.shape[axis] for name, tensor in zip(names, call.inputs, strict=True)}
        return (formula("size", " + ".join(names), call.y.shape[axis], put),)


@spec
class Add(Layer):
    """Inputs added element by element; a size of one is broadcast."""

    kind = "add"
    home = OWN

    inplace: bool = False

    @property
    def aliases(self) -> bool:
        """In place, the sum overwrites the first input."""
        return self.inplace

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The broadcast shape."""
        found = broadcast(inputs, "add")
        if self.inplace and found.shape != inputs[0].shape:
            raise ShapeError(f"cannot add {_listed(inputs)} in place: the sum is larger than the first")
        return (found,)


@spec
class Mul(Layer):
    """Inputs multiplied element by element; a size of one is broadcast (a squeeze-and-excitation gate)."""

    kind = "mul"
    home = OWN

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The broadcast shape."""
        return (broadcast(inputs, "multiply"),)

    def kept(self, call: Call) -> Saved:
        """Each factor whose partner needs a gradient; from the third input on, the product so far."""
        read: set[int] = set()
        products = 0
        grad = call.grads[0]
        for place in range(1, len(call.inputs)):
            if grad:
                read.add(place)
            if call.grads[place] and place == 1:
                read.add(0)
            elif call.grads[place]:
                products += broadcast(call.inputs[:place], "multiply").nbytes
            grad = grad or call.grads[place]
        return Saved(inputs=tuple(sorted(read)), per_example=products)


def several(inputs: tuple[Tensor, ...], least: int, what: str) -> None:
    """Raise `ShapeError` for fewer than `least` inputs, or an empty one."""
    if len(inputs) < least:
        raise ShapeError(f"{what} takes at least {least} inputs, got {len(inputs)}")
    if any(0 in tensor.shape for tensor in inputs):
        raise ShapeError(f"cannot {what} {_listed(inputs)}: one holds nothing")


def broadcast(inputs: tuple[Tensor, ...], what: str) -> Tensor:
    """A tensor of the shape that the inputs broadcast to, last axes first as in torch; raises `ShapeError`."""
    several(inputs, 2, what)
    if all(tensor == inputs[0] for tensor in inputs):
        return inputs[0]
    whole = [_with_batch(tensor) for tensor in inputs]
    rank = max(map(len, whole))
    aligned = [(1,) * (rank - len(sizes)) + sizes for sizes in whole]
    largest = tuple(_BATCH if _BATCH in sizes else max(sizes) for sizes in zip(*aligned, strict=True))
    meets = all(size in (1, most) for sizes in aligned for size, most in zip(sizes, largest, strict=True))
    if not meets or largest.count(_BATCH) > 1:
        raise ShapeError(f"cannot {what} {_listed(inputs)}")
    batch = largest.index(_BATCH) if _BATCH in largest else None
    return Tensor(tuple(size for size in largest if size != _BATCH), inputs[0].dtype, batch)


_BATCH = 0  # stands for the batch among sizes, which are 1 or more


def _with_batch(tensor: Tensor) -> Shape:
    place = tensor.batch
    return tensor.shape if place is None else (*tensor.shape[:place], _BATCH, *tensor.shape[place:])


def _listed(inputs: tuple[Tensor, ...]) -> str:
    return " and ".join(dims(tensor.shape) or "a single number" for tensor in inputs)


def _below(number: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))


KINDS: dict[str, type[Layer]] = {spec.kind: spec for spec in (Concat, Add, Mul)}
