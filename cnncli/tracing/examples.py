"""The batch that a module is recorded on, and how a tensor of it looks to one example.

Where a module is run on one example, all that depends on its input belongs to that example, and a leading axis of one is the batch.
"""

from __future__ import annotations

import torch

from cnncli.layers import Shape, Tensor
from cnncli.layers.batch_axis import Seen, among_many, whole, without


class Batch:
    """The batch that a module is run on. size: examples; 1 where it is run on one · declared: an input has a batch"""

    def __init__(self, size: int, *, declared: bool = True) -> None:
        self.size, self.declared = size, declared
        self._seen: dict[tuple[Shape, torch.dtype, bool], Seen] = {}

    def see(self, shape: Shape, dtype: torch.dtype, *, constant: bool) -> Seen:
        """A tensor as one example sees it; a constant is nothing that depends on the network's input."""
        key = (shape, dtype, constant)
        found = self._seen.get(key)
        if found is None:
            name = str(dtype).removeprefix("torch.")  # among many, a constant too may be repeated for every example
            many = self.size > 1
            found = among_many(shape, name, self.size) if many else self._look_at_one(shape, name, constant=constant)
            self._seen[key] = found
        return found

    @property
    def mixed(self) -> bool:
        """Whether a tensor had more than one axis of the batch's size: examples were compared with each other."""
        sizes = (size for seen in self._seen.values() for size in seen.tensor.shape)
        return self.size > 1 and any(size and size % self.size == 0 for size in sizes)

    def _look_at_one(self, shape: Shape, dtype: str, *, constant: bool) -> Seen:
        """Without a batch in the inputs, images alone have one: a list of them is stacked."""
        tensor = Tensor(shape, dtype, None if constant or not self.declared else 0)
        if not constant and shape[:1] == (1,) and len(shape) >= (1 if self.declared else 4):
            return without(tensor, 0)
        return whole(tensor)
