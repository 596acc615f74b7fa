"""What a call says about itself: the layer that it is, what it reads, and with which weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import nn

from cnncli.layers import Layer, Shape
from cnncli.layers.batch_axis import Seen


class Said(NamedTuple):
    """A layer, the tensors it takes in order, and its weights by the names in its spec.

    alike: the output is another tensor like the first it takes, which need not be asked of a kernel that is slow to say so
    """

    layer: Layer
    reads: tuple[torch.Tensor, ...]
    weights: Mapping[str, torch.Tensor] = {}
    alike: bool = False

    @property
    def fitting(self) -> bool:
        """Whether the weights have the shapes that the spec says."""
        shapes = self.layer.weights | self.layer.buffers
        return all(tuple(tensor.shape) == shapes[name] for name, tensor in self.weights.items())


class Reader(NamedTuple):
    """What the readers of calls may ask. module: the one whose forward runs · seen: a tensor as one example sees it ·

    constant: whether it does not depend on the network's input · learned: whether it is made from parameters or buffers
    """

    module: nn.Module
    seen: Callable[..., Seen]
    constant: Callable[[torch.Tensor], bool]
    learned: Callable[[torch.Tensor], bool]

    def shape(self, tensor: torch.Tensor) -> Shape:
        """The shape of one example."""
        return self.seen(tensor).tensor.shape

    def dim(self, tensor: torch.Tensor, axis: int) -> int:
        """The dimension of torch's `axis`, the batch standing first."""
        return self.seen(tensor).dim(axis)


Says = Callable[..., Said | None]
"""Reads one call: a `Reader`, then the call's own arguments. None where they are not what the layer describes."""


def ints(value: int | tuple[int, ...] | list[int] | torch.Size) -> int | Shape:
    """A number, or one for each axis."""
    return value if isinstance(value, int) else tuple(int(each) for each in value)


def weights(**tensors: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Those that are there."""
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}
