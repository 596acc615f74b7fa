"""Layers with several inputs: where the paths of a network meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncli.errors import ShapeError
from cnncli.layers import Layer, Tensor, dims

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Concat(Layer):
    """Inputs laid side by side along one axis (torch.cat); dim 1 is the channels, dim 0 the batch."""

    kind = "concat"

    dim: int = 1

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The sizes along `dim` add up; all others must agree."""
        rank = len(inputs[0].shape) + 1
        axis = self.dim % rank - 1
        if not -rank <= self.dim < rank or axis < 0:
            raise ShapeError(f"cannot concatenate along dimension {self.dim} of {rank}")
        rests = {tensor.shape[:axis] + tensor.shape[axis + 1 :] for tensor in inputs}
        if len(rests) > 1:
            raise ShapeError(
                f"cannot concatenate {', '.join(dims(t.shape) for t in inputs)} along dimension {self.dim}"
            )
        shape = inputs[0].shape
        total = sum(tensor.shape[axis] for tensor in inputs)
        return (inputs[0].like((*shape[:axis], total, *shape[axis + 1 :])),)

    def module(self) -> nn.Module:
        """torch.cat; imports torch."""
        from cnncli.modules import Concat as Module

        return Module(**self.config)


@dataclass(frozen=True, kw_only=True)
class Add(Layer):
    """Inputs added element by element; a size of one is broadcast."""

    kind = "add"

    inplace: bool = False

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The broadcast shape."""
        return (broadcast(inputs, "add"),)

    def module(self) -> nn.Module:
        """The sum; imports torch."""
        from cnncli.modules import Add as Module

        return Module(**self.config)


def broadcast(inputs: tuple[Tensor, ...], what: str) -> Tensor:
    """A tensor of the shape that the inputs broadcast to; raises `ShapeError`."""
    rank = max(len(tensor.shape) for tensor in inputs)
    aligned = [(1,) * (rank - len(tensor.shape)) + tensor.shape for tensor in inputs]
    shape = tuple(max(sizes) if min(sizes) else 0 for sizes in zip(*aligned, strict=True))
    if any(size not in (1, whole) for sizes in aligned for size, whole in zip(sizes, shape, strict=True)):
        raise ShapeError(f"cannot {what} {' and '.join(dims(tensor.shape) for tensor in inputs)}")
    return inputs[0].like(shape)


KINDS = {spec.kind: spec for spec in (Concat, Add)}
