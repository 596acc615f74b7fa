"""Modules that take their inputs in some way of their own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Fixed(nn.Module):
    """No batch axis: rows of the input are added to rows of a buffer, and its parts to each other."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.ones(6, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """6×5 → 3×5"""
        first, second = torch.chunk(x + self.table, 2, dim=0)
        return first + second


class Graph(nn.Module):
    """A graph convolution: nodes and who is whose neighbour."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 8)

    def forward(self, x: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
        """N×4 and N×N → N×8"""
        result: torch.Tensor = neighbours @ self.linear(x)
        return result


class Nested(nn.Module):
    """Images in a dict and a list, and plain values beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(
        self, x: dict[str, Any], scale: float = 1.0, mask: torch.Tensor | None = None, *, flip: bool = False
    ) -> torch.Tensor:
        """Two maps, one on the other."""
        if mask is not None or not isinstance(scale, float):
            raise ValueError("not what was given")
        both = self.conv(x["image"]) + self.conv(x["more"][0])
        return both.flip(-1) * scale if flip else both * scale


class Sized(nn.Module):
    """Made for images of one size."""

    def __init__(self, image_size: int = 32) -> None:
        super().__init__()
        self.image_size = image_size
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Refuses images of another size."""
        torch._assert(x.shape[-1] == self.image_size, "wrong height")  # noqa: SLF001
        result: torch.Tensor = self.conv(x)
        return result


def fetching(encoder_weights: str | None = "imagenet", *, pretrained: bool = False) -> nn.Module:
    """Downloads weights unless told not to."""
    if encoder_weights or pretrained:
        torch.hub.load_state_dict_from_url("https://weights.invalid/net.pth", model_dir="/nowhere/at/all")
    return nn.Linear(3, 3)


def always_fetching() -> nn.Module:
    """Downloads whatever it is told."""
    return fetching()


class Deciding(nn.Module):
    """What runs depends on the numbers of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.more = nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A second convolution where the mean is negative."""
        x = self.conv(x)
        if x.mean() < -1000:
            x = self.more(x)
        return x


class Choosing(nn.Module):
    """How many numbers go on depends on the numbers of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One row for each positive number."""
        result: torch.Tensor = self.linear(x[x > 0].unsqueeze(-1))
        return result
