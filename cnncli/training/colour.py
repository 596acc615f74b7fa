"""Changes of colours and levels on batches: N×C×H×W, float32 from 0 to 255, with one number for each image.

They do what the operations of the same names in Pillow and torchvision do.
"""

from __future__ import annotations

import torch
from torch.nn.functional import conv2d

from cnncli.data.resize import LUMA

LEVELS = 256


def brightness(pixels: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Every level times the image's factor."""
    return (pixels * _each(factors)).clamp_(0, 255)


def contrast(pixels: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Away from the image's mean level of grey (factor above 1) or towards it."""
    return _blend(pixels, grey(pixels).mean((1, 2, 3), keepdim=True), factors)


def saturation(pixels: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Away from the grey image (factor above 1) or towards it; a grey image stays."""
    return pixels if pixels.shape[1] == 1 else _blend(pixels, grey(pixels), factors)


def sharpness(pixels: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Away from the smoothed image (factor above 1) or towards it; the outermost pixels stay."""
    if min(pixels.shape[2:]) < 3:
        return pixels
    channels = pixels.shape[1]
    kernel = torch.ones(channels, 1, 3, 3, device=pixels.device)
    kernel[:, :, 1, 1] = 5
    smooth = pixels.clone()
    smooth[:, :, 1:-1, 1:-1] = conv2d(pixels, kernel / 13, groups=channels)
    return _blend(pixels, smooth, factors)


def posterize(pixels: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """Only so many of the eight bits of each level."""
    step = _each(2 ** (8 - bits))
    return (pixels.round() / step).floor() * step


def solarize(pixels: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
    """Levels from the threshold on turned into their negatives."""
    return torch.where(pixels.round() >= _each(thresholds), 255 - pixels, pixels)


def autocontrast(pixels: torch.Tensor) -> torch.Tensor:
    """Each channel stretched to reach from 0 to 255; one of a single level stays."""
    low, high = pixels.amin((2, 3), keepdim=True), pixels.amax((2, 3), keepdim=True)
    flat = high - low < 0.5
    stretched = (pixels - low) * (255 / torch.where(flat, 1, high - low))
    return torch.where(flat, pixels, stretched.clamp_(0, 255))


def equalize(pixels: torch.Tensor) -> torch.Tensor:
    """Each channel's levels spread so that all are about as frequent (by integers, as Pillow does)."""
    levels = pixels.round().long().flatten(2)
    counts = torch.zeros(*levels.shape[:2], LEVELS, dtype=torch.int64, device=pixels.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    highest = counts.gather(2, levels.amax(2, keepdim=True))
    step = (levels.shape[2] - highest) // (LEVELS - 1)
    table = (counts.cumsum(2) - counts + step // 2) // step.clamp(min=1)
    spread = table.clamp(max=LEVELS - 1).gather(2, levels).view_as(pixels).to(pixels.dtype)
    return torch.where(step.unsqueeze(3) == 0, pixels, spread)


def grey(pixels: torch.Tensor) -> torch.Tensor:
    """N×1×H×W, by luma."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = (pixels[:, place : place + 1] for place in range(3))
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def _blend(pixels: torch.Tensor, other: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """From `other` (factor 0) through `pixels` (1) and beyond."""
    return torch.lerp(other, pixels, _each(factors)).clamp_(0, 255)


def _each(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)
