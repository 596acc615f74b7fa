"""Whether an export says what the network says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch

from cnncli.runs.load import Opened

TOLERANCE = 1e-4
"""How far a score may be off, as a share of the largest score: other programs add up in another order, in float32."""

Scores = Callable[[torch.Tensor], torch.Tensor]
"""What an export says of uint8 images N×C×H×W: N×K."""


class Agreement(NamedTuple):
    """How an export compares.

    images: compared · largest: the largest absolute difference of a score · bound: what it may be · same: images with the same
    first class · apart: images with another one though the two scores are further apart than `bound`, so that it is no tie
    """

    images: int
    largest: float
    bound: float
    same: int
    apart: int

    @property
    def holds(self) -> bool:
        """Whether the export may be announced; not so where anything is not a number."""
        return self.images > 0 and self.largest <= self.bound and not self.apart


def agreement(run: Opened, scores: Scores, images: Iterable[torch.Tensor]) -> Agreement:
    """`scores` beside the run's module, on batches of uint8 images at the network's size."""
    count, same, largest, scale = 0, 0, torch.zeros(()), torch.zeros(())
    margins: list[torch.Tensor] = []
    with torch.inference_mode():
        for pixels in images:
            wanted, found = run.module(run.finish(pixels)), scores(pixels)
            if found.shape != wanted.shape:
                raise ValueError(f"its scores are {tuple(found.shape)}, not {tuple(wanted.shape)}")
            largest = torch.maximum(largest, (wanted - found).abs().max())  # stays nan once it is
            scale = torch.maximum(scale, wanted.abs().max())
            first, other = wanted.argmax(1, keepdim=True), found.argmax(1, keepdim=True)
            margins.append((wanted.gather(1, first) - wanted.gather(1, other))[first != other])
            same += int((first == other).sum())
            count += len(pixels)
    bound = TOLERANCE * max(1.0, scale.item())
    apart = sum(int((margin > bound).sum()) for margin in margins)
    return Agreement(count, largest.item(), bound, same, apart)
