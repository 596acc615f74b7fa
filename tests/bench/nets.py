"""Modules of one's own to be measured."""

from __future__ import annotations

import torch
from torch import nn


class Pair(nn.Module):
    """An image and five words, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.words = nn.Embedding(10, 4)

    def forward(self, image: torch.Tensor, word: torch.Tensor) -> dict[str, torch.Tensor]:
        """Two outputs, by name."""
        return {"image": self.conv(image).mean((2, 3)), "word": self.words(word).sum(1)}


class Wide(nn.Module):
    """More weights than any machine holds."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1_000_000, 100_000_000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One product."""
        out: torch.Tensor = self.fc(x)
        return out


class Counted(nn.Module):
    """What it gives costs what nobody knows."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A product, and an operation that has no formula."""
        return torch.linalg.matrix_exp(self.fc(x))


class Broken(nn.Module):
    """Fails on a batch of one while it trains, and prints."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As batch normalisation does."""
        if self.training and len(x) == 1:
            raise ValueError("[red]more than one\nexample, please")
        out: torch.Tensor = self.fc(x)
        return out
