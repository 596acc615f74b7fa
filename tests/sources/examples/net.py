"""A network as a user has it in a file: functional calls, a layer that is never called, and some that fail."""

import torch
from torch import nn


class Net(nn.Module):
    """Two convolutions and a dense layer for 3×32×32, and a layer that nothing calls."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 5)
        self.conv2 = nn.Conv2d(width, 16, 5)
        self.fc1 = nn.Linear(400, 10)
        self.spare = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pools and activations are function calls."""
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc1(x.flatten(1))


class Fussy(Net):
    """Refuses what it was given, after some layers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A check of one's own."""
        x = self.conv1(x)
        if x.shape[1] > 3:
            raise ValueError("too many channels [red]\x1b[31m")
        return x


class Mismatch(Net):
    """Joins two maps that do not fit."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Torch's own complaint."""
        return torch.cat([self.conv1(x), x], 1)


class Caption(nn.Module):
    """An image and words."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.words = nn.Embedding(100, 16)
        self.score = nn.Linear(24, 2)

    def forward(self, image: torch.Tensor, words: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        """Means of both, side by side."""
        seen, read = self.conv(image).mean((2, 3)), self.words(words).mean(1)
        return self.score(torch.cat([seen, read], 1)) * scale


class Broken(nn.Module):
    """Cannot even be made."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8)  # type: ignore[call-arg]


READY = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())


def deep(blocks: int = 3) -> nn.Module:
    """A function that makes a module."""
    return nn.Sequential(*(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()) for _ in range(blocks)))


WIDTH = 16
