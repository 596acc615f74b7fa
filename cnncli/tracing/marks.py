"""What a recorder knows about tensors: each carries it as an attribute, but for the module's own."""

from __future__ import annotations

from typing import Any

import torch

from cnncli.layers.batch_axis import Seen
from cnncli.tracing.examples import Batch
from cnncli.tracing.lending import Lent
from cnncli.tracing.signature import one_shape, replaced
from cnncli.tracing.tags import NOTHING, Constant, Tag

MARK = "_cnncli_recorded"
"""The attribute of a tensor that holds what its recorder knows about it."""


class Marks:
    """What is known about tensors: each carries it, but for the module's own."""

    def __init__(self, lent: Lent, batch: Batch, device: str) -> None:
        self.own = {id(tensor): Constant(frozenset({name}), name) for name, tensor in lent.own.items()}
        self.lent, self.batch, self.device = lent, batch, device

    def tag(self, tensor: torch.Tensor) -> Tag:
        """What is known about a tensor; one that nobody was seen to make is a constant."""
        found = tensor.__dict__.get(MARK)
        if found is not None and found[0] is self:
            tag: Tag = found[1]
            return tag
        return self.own.get(id(tensor), NOTHING)

    def mark(self, tensor: torch.Tensor, tag: Tag) -> None:
        """Remember something about a tensor."""
        tensor.__dict__[MARK] = (self, tag)

    def is_strange(self, tensor: torch.Tensor) -> bool:
        """Whether nobody was seen to make it, though it has a number for every example of a batch."""
        if self.batch.size == 1 or MARK in tensor.__dict__ or id(tensor) in self.own:
            return False
        seen = self.seen(tensor, constant=False)
        return seen.batch is not None or seen.folded is not None

    def is_constant(self, tensor: torch.Tensor) -> bool:
        """Whether it does not depend on the network's input."""
        return isinstance(self.tag(tensor), Constant)

    def is_learned(self, tensor: torch.Tensor) -> bool:
        """Whether it is made from parameters or buffers."""
        tag = self.tag(tensor)
        return isinstance(tag, Constant) and bool(tag.sources)

    def seen(self, tensor: torch.Tensor, *, constant: bool | None = None) -> Seen:
        """A tensor as one example sees it."""
        constant = self.is_constant(tensor) if constant is None else constant
        return self.batch.see(one_shape(tensor), tensor.dtype, constant=constant)

    def at_home(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: dict[int, torch.Tensor]
    ) -> tuple[tuple[Any, ...], dict[str, Any], tuple[torch.Tensor, ...]]:
        """Arguments on this run's device: what stands in for the module's own tensors, and constants from elsewhere."""
        instead = self.lent.instead
        others = {at: instead[at] for at, each in tensors.items() if at in instead and instead[at] is not each}
        if self.device == "meta" and any(at in others or tensor.is_meta for at, tensor in tensors.items()):
            away = {at: each for at, each in tensors.items() if not each.is_meta and at not in others}
            others |= {at: self._elsewhere(each) for at, each in away.items() if each.dim() > 0}
        if not others:
            return args, kwargs, tuple(tensors.values())
        own = tuple(others.get(at, tensor) for at, tensor in tensors.items())
        return replaced(args, others), replaced(kwargs, others), own

    def _elsewhere(self, tensor: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            new = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
        self.mark(new, self.tag(tensor))
        return new
