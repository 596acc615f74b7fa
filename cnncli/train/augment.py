"""Random changes to training images: every one of an epoch drawn at once, applied a batch at a time.

Shifts, turns, scalings and flips are affine maps, and a chain of them is one: the image is resampled once.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import torch
from torch.nn.functional import affine_grid, grid_sample

from cnncli.recipe import Augmentation, Rotate, Scale, Shift


def draw(chain: Sequence[Augmentation], count: int, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """The maps for `count` images of height and width `size`, count×2×3, as `torch.nn.functional.affine_grid` takes them.

    They lead from a place in the result to the place in the image that is seen there, in coordinates from −1 to 1.
    """
    maps = torch.eye(3).repeat(count, 1, 1)
    for change in chain:
        # Two numbers from −1 to 1 for each image, whatever the change: another one later in the chain draws the same.
        drawn = torch.rand(count, 2, generator=generator) * 2 - 1
        maps = maps @ _undo(change, drawn)
    height, width = size
    half = torch.tensor([width / 2, height / 2, 1.0])  # pixels; x stands before y
    return (maps * half / half[:, None])[:, :2]


def warp(pixels: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Images N×C×H×W seen through `maps`, N×2×3: bilinear, and 0 (black) outside."""
    grid = affine_grid(maps, list(pixels.shape), align_corners=False)
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _undo(change: Augmentation, drawn: torch.Tensor) -> torch.Tensor:
    """The inverse of one change as matrices N×3×3, in pixels from the image's centre; drawn: N×2, from −1 to 1."""
    maps = torch.eye(3).repeat(len(drawn), 1, 1)
    first, second = drawn.unbind(1)
    match change:
        case Shift():
            maps[:, 0, 2], maps[:, 1, 2] = first * change.shift, second * change.shift
        case Rotate():
            angle = first * change.rotate * pi / 180
            maps[:, 0, 0] = maps[:, 1, 1] = angle.cos()
            maps[:, 0, 1], maps[:, 1, 0] = angle.sin(), -angle.sin()
        case Scale():
            maps[:, 0, 0] = maps[:, 1, 1] = 1 / (1 + first * change.scale)
        case "flip":
            maps[:, 0, 0] = torch.where(first < 0, -1.0, 1.0)
    return maps
