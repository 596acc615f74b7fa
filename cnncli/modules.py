"""Modules that torch.nn does not have, one for each spec that needs its own."""

from __future__ import annotations

import torch
from torch import nn


class Concat(nn.Module):
    """torch.cat of all inputs along `dim`."""

    def __init__(self, dim: int = 1) -> None:
        """dim: 0 is the batch, 1 the channels."""
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """N×C₁×…, N×C₂×… → N×(C₁ + C₂)×…"""
        return torch.cat(inputs, self.dim)


class Add(nn.Module):
    """The sum of all inputs, element by element."""

    def __init__(self, *, inplace: bool = False) -> None:
        """inplace: write into the first input."""
        super().__init__()
        self.inplace = inplace

    def forward(self, first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """Inputs that broadcast to one shape."""
        for other in others:
            first = first.add_(other) if self.inplace else first + other
        return first
