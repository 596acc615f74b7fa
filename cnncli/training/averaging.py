"""A running mean of the weights (Polyak and Juditsky, 1992), which often classifies better than where training stands itself."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class Average:
    """A module of its own whose weights and statistics follow those of the one in training.

    module: in evaluation mode, and never trained
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        """Begins with the weights of `module`. decay: the share of the mean that a step keeps."""
        self.module = deepcopy(module).eval().requires_grad_(requires_grad=False)
        self._decay = decay
        self._mean, self._followed = list(_tensors(self.module)), list(_tensors(module))

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in what the weights are after a step of the run, counted from 0.

        Early steps keep less, (1 + step)/(10 + step) at most, so that the first weights are soon forgotten.
        """
        keep = min(self._decay, (1 + step) / (10 + step))
        floats = [pair for pair in zip(self._mean, self._followed, strict=True) if pair[0].is_floating_point()]
        torch._foreach_lerp_([mean for mean, _ in floats], [now for _, now in floats], 1 - keep)
        for mean, now in zip(self._mean, self._followed, strict=True):
            if not mean.is_floating_point():  # how many batches a normalisation has seen
                mean.copy_(now)


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]
