"""Affine maps of images: matrices N×3×3 in pixels from the centre, and images seen through them."""

from __future__ import annotations

from math import pi

import torch
from torch.nn.functional import affine_grid, grid_sample


def identity(like: torch.Tensor) -> torch.Tensor:
    """Matrices that change nothing, as many as `like` has rows."""
    return torch.eye(3, device=like.device).repeat(len(like), 1, 1)


def turned(degrees: torch.Tensor) -> torch.Tensor:
    """Turns about the centre."""
    matrices, angle = identity(degrees), degrees * pi / 180
    matrices[:, 0, 0] = matrices[:, 1, 1] = angle.cos()
    matrices[:, 0, 1], matrices[:, 1, 0] = angle.sin(), -angle.sin()
    return matrices


def in_units(matrices: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps N×3×3 in pixels from the centre, as N×2×3 in coordinates from −1 to 1."""
    height, width = size
    half = torch.tensor([width / 2, height / 2, 1.0], device=matrices.device)  # pixels; x stands before y
    return (matrices * half / half[:, None])[:, :2]


def warp(pixels: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Images N×C×H×W seen through `maps`, N×2×3: bilinear, and 0 (black) outside."""
    grid = affine_grid(maps, list(pixels.shape), align_corners=False)
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
