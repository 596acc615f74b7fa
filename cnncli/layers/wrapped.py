"""Layers that somebody else's module uses in its own way: on weights it computes, or once for each part of an example."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Self

from cnncli.arithmetic.formula import Formula
from cnncli.arithmetic.receptive_field import Field, union
from cnncli.arithmetic.unit_boxes import each_part, nothing
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Layer, Saved, Shape, Tensor, dims, spec
from cnncli.layers.traced import Named


@spec
class _Around(Layer):
    """What wrappers of another layer share: its words, and its module cannot be built."""

    layer: Layer

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The inner layer's."""
        return self.layer.kind

    @property
    def home(self) -> str:  # type: ignore[override]
        """The inner layer's."""
        return self.layer.home

    @property
    def folds(self) -> bool:  # type: ignore[override]
        """The inner layer's."""
        return self.layer.folds

    @property
    def aliases(self) -> bool:
        """The inner layer's."""
        return self.layer.aliases

    @property
    def idle(self) -> bool:
        """The inner layer's."""
        return self.layer.idle

    @property
    def torch_name(self) -> str:
        """The inner layer's."""
        return self.layer.torch_name

    @property
    def windows(self) -> tuple[Any, ...]:
        """The inner layer's, () where it has none."""
        found: tuple[Any, ...] = getattr(self.layer, "windows", ())
        return found

    @property
    def brief(self) -> str:
        """The inner layer's."""
        return self.layer.brief

    @property
    def folded(self) -> str:
        """The inner layer's."""
        return self.layer.folded

    def module(self) -> Any:  # noqa: ANN401  (never returns)
        """Raise `RequestError`: where its weights come from is not part of the description."""
        raise RequestError(
            f"{self.torch_name} was recorded from a module that uses it in its own way and cannot be built again; "
            "use that module itself"
        )


@spec
class Given(_Around):
    """A layer that gets operands or weights from elsewhere: a parameter that is added, a kernel that is computed first.

    operands: what the layer is given at each of its places, None for what flows in (all flow in where it is empty) · besides:
    inputs after those, which the layer does not see: weights that depend on the network's input · learned, stored: parameters
    and buffers behind the operands and weights that no earlier row reads · held: those of `learned` that are not trained
    """

    operands: tuple[Tensor | None, ...] = ()
    besides: int = 0
    learned: Named = ()
    stored: Named = ()
    held: tuple[str, ...] = ()

    @property
    def config(self) -> dict[str, Any]:
        """The inner layer's arguments, and what it is given."""
        return {
            **self.layer.config,
            "learned": {name: list(shape) for name, shape in self.learned},
            "stored": {name: list(shape) for name, shape in self.stored},
        }

    @property
    def weights(self) -> dict[str, Shape]:
        """The parameters that no earlier row reads."""
        return dict(self.learned)

    @property
    def buffers(self) -> dict[str, Shape]:
        """The buffers that no earlier row reads."""
        return dict(self.stored)

    @property
    def untrained(self) -> int:
        """Numbers of the parameters that are held."""
        return sum(prod(shape) for name, shape in self.learned if name in self.held)

    def _inner(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the layer itself reads."""
        flowing = iter(inputs)
        if not self.operands:
            return inputs[: len(inputs) - self.besides]
        try:
            return tuple(next(flowing) if operand is None else operand for operand in self.operands)
        except StopIteration:
            raise ShapeError(f"{self.torch_name} takes {self.operands.count(None)} inputs, got {len(inputs)}") from None

    def _places(self, count: int) -> dict[int, int]:
        """Where in the layer's inputs each of this one's stands, those besides left out."""
        places = [at for at, operand in enumerate(self.operands) if operand is None] if self.operands else range(count)
        return dict(enumerate(places[: count - self.besides]))

    def _call(self, call: Call) -> Call:
        places = self._places(len(call.inputs))
        inner = self._inner(call.inputs)
        back = {place: at for at, place in places.items()}
        grads = tuple(
            call.grads[back[place]] if place in back and call.grads else bool(self.learned)
            for place in range(len(inner))
        )
        return Call(inner, call.outputs, grads, call.frozen)

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with the inner layer's resolved."""
        found = self.layer.resolve(self._inner(inputs))
        return self if found is self.layer else self.with_arguments(layer=found)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The inner layer's."""
        return self.layer.outputs(self._inner(inputs))

    def macs(self, call: Call) -> int | None:
        """The inner layer's; what its weights are computed with has rows of its own."""
        return self.layer.macs(self._call(call))

    def connections(self, call: Call) -> int | None:
        """The inner layer's."""
        return self.layer.connections(self._call(call))

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """The inner layer's; constants see nothing, and what its weights are computed from is seen by all."""
        if not fields:
            return None
        own, weights = fields[: len(fields) - self.besides], fields[len(fields) - self.besides :]
        inner = self._call(call)
        flowing, axes = iter(own), len(fields[0].axes)
        reads = (
            tuple(next(flowing) if given is None else nothing(axes, len(given.shape)) for given in self.operands)
            if self.operands
            else own
        )
        found = self.layer.field(reads, inner) if reads else nothing(axes, len(call.y.shape))
        seen = [field.seen_by_all(len(call.y.shape)) for field in weights]
        return found and union([found, *seen])

    def kept(self, call: Call) -> Saved:
        """The inner layer's; a constant that is kept and is no parameter itself counts once."""
        saved, inner = self.layer.kept(self._call(call)), self._inner(call.inputs)
        back = {place: at for at, place in self._places(len(call.inputs)).items()}
        given = sum(inner[place].nbytes for place in saved.inputs if place not in back) if not self.learned else 0
        places = tuple(back[place] for place in saved.inputs if place in back)
        return Saved(places, saved.output, saved.per_example, saved.constant + given)

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """The inner layer's, of its size and costs."""
        inner = self._call(call) if call.outputs else Call((), ())
        return tuple(each for each in self.layer.formulas(inner) if each.of != "parameters")

    @property
    def sentence(self) -> str:
        """The inner layer's, and what it is given."""
        given = ", ".join(f"{name} {dims(shape)}" for name, shape in (*self.learned, *self.stored))
        return f"{self.layer.sentence}; given {given}" if given else self.layer.sentence


@spec
class Mapped(_Around):
    """A layer applied to each part of an example alike: T×C×H×W as T images. over: the axes in front, T here."""

    over: Shape

    @property
    def config(self) -> dict[str, Any]:
        """The inner layer's arguments, and the axes in front."""
        return {**self.layer.config, "over": list(self.over)}

    @property
    def weights(self) -> dict[str, Shape]:
        """The inner layer's: they are used again for each part."""
        return self.layer.weights

    @property
    def buffers(self) -> dict[str, Shape]:
        """The inner layer's."""
        return self.layer.buffers

    def _inner(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        front = len(self.over)
        for tensor in tensors:
            if tensor.shape[:front] != self.over or len(tensor.shape) < front:
                raise ShapeError(f"{self.torch_name} over {dims(self.over)} parts cannot take {dims(tensor.shape)}")
        return tuple(tensor.like(tensor.shape[front:]) for tensor in tensors)

    def _call(self, call: Call) -> Call:
        return Call(self._inner(call.inputs), self._inner(call.outputs), call.grads, call.frozen)

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with the inner layer's resolved."""
        found = self.layer.resolve(self._inner(inputs))
        return self if found is self.layer else self.with_arguments(layer=found)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The inner layer's, the axes in front as they were."""
        found = self.layer.outputs(self._inner(inputs))
        return tuple(tensor.like((*self.over, *tensor.shape)) for tensor in found)

    def macs(self, call: Call) -> int | None:
        """Parts × the inner layer's."""
        each = self.layer.macs(self._call(call))
        return None if each is None else each * prod(self.over)

    def connections(self, call: Call) -> int | None:
        """Parts × the inner layer's."""
        each = self.layer.connections(self._call(call))
        return None if each is None else each * prod(self.over)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """The inner layer's, for each part that sees other positions."""
        return each_part(fields[0], len(self.over), lambda field: self.layer.field((field,), self._call(call)))

    def kept(self, call: Call) -> Saved:
        """Parts × the inner layer's."""
        saved = self.layer.kept(self._call(call))
        return saved._replace(per_example=saved.per_example * prod(self.over))

    @property
    def sentence(self) -> str:
        """The inner layer's, and how often."""
        return f"{self.layer.sentence}, for each of {dims(self.over)} parts"


def once_or_mapped(layer: Layer, operands: tuple[Tensor, ...]) -> Iterator[Layer]:
    """The layer; then the same once for each part of an example, as where the batch is folded into an axis of images."""
    yield layer
    if len(operands) == 1:
        for front in range(1, len(operands[0].shape)):
            yield Mapped(layer=layer, over=operands[0].shape[:front])
