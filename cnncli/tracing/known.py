"""What is known about a kind of call once one of it was looked at: the next of its kind needs neither reading nor running."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from cnncli.layers import Layer, Tensor
from cnncli.layers.traced_call import Form

Steps = tuple[Layer, ...]


class Made(NamedTuple):
    """An output's size, stride and dtype, as the kernel gave it."""

    size: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype

    def again(self) -> torch.Tensor:
        """Another like it on the meta device."""
        return torch.empty_strided(self.size, self.stride, dtype=self.dtype, device="meta")


class Known(NamedTuple):
    """A kind of call that is a row.

    layer: the resolved spec · reads: the places, among the call's tensors, of the inputs that flow · operands: constants at their
    places among the layer's inputs, None where an input flows; () where all flow · weights: the spec's names → places · sources:
    places of constants that are read otherwise · outputs: for one example · made: the outputs, None where they are not new ·
    overwrites: the place of the tensor that is changed in place · shape: the result, its tensors as places · form: its words
    """

    layer: Layer
    reads: tuple[int, ...]
    operands: tuple[Tensor | None, ...]
    weights: Mapping[str, int]
    sources: tuple[int, ...]
    outputs: tuple[Tensor, ...]
    made: tuple[Made, ...] | None = None
    overwrites: int | None = None
    shape: Any = None
    form: Form | None = None


class Moved(NamedTuple):
    """A kind of call that only rearranges: the steps to each of its outputs, which `copies` says are laid out anew."""

    parts: tuple[Steps, ...]
    outputs: tuple[Tensor, ...]
    copies: bool
