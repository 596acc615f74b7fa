"""What a file of tensors holds: names, shapes and sizes, each number counted once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import NamedTuple

from cnncli.layers import Shape


class Stored(NamedTuple):
    """One tensor.

    dtype: torch's name without `torch.` · nbytes: of its numbers · shares: the first tensor in whose memory it lies, if any ·
    fresh: those of its numbers that no earlier tensor holds · fresh_bytes: theirs
    """

    name: str
    shape: Shape
    dtype: str
    nbytes: int
    fresh: int
    fresh_bytes: int
    shares: str | None = None

    @property
    def numbers(self) -> int:
        """Elements."""
        return prod(self.shape)


class Totals(NamedTuple):
    """Tensors, and their numbers and bytes, each counted once."""

    tensors: int
    numbers: int
    nbytes: int


@dataclass(frozen=True)
class TensorFile:
    """One file's tensors in its order. form: `safetensors` or `pt` · plain: how many other values it holds, an epoch, say."""

    path: Path
    form: str
    tensors: tuple[Stored, ...]
    plain: int = 0

    @cached_property
    def totals(self) -> Totals:
        """All tensors together."""
        return total(self.tensors)

    @cached_property
    def by_dtype(self) -> dict[str, Totals]:
        """The tensors of each dtype together, the one with the most bytes first."""
        kinds = dict.fromkeys(tensor.dtype for tensor in self.tensors)
        found = {kind: total(tensor for tensor in self.tensors if tensor.dtype == kind) for kind in kinds}
        return dict(sorted(found.items(), key=lambda item: -item[1].nbytes))


def total(tensors: Iterable[Stored]) -> Totals:
    """Some tensors together."""
    held = list(tensors)
    return Totals(len(held), sum(each.fresh for each in held), sum(each.fresh_bytes for each in held))
