"""RandAugment: n changes of an image, each drawn from fourteen kinds, all of one strength m.

E. D. Cubuk, B. Zoph, J. Shlens, Q. V. Le, "RandAugment: practical automated data augmentation with a reduced search space", 2019.
The kinds, and what a strength of m of 30 means for each, are torchvision's; turned and sheared images are resampled bilinearly.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from cnncli.training import colour
from cnncli.training.affine import identity, in_units, turned, warp

Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

SHEAR = 0.3  # pixels a pixel, at full strength
AWAY = 150 / 331  # of the image's side
ANGLE = 30.0  # degrees
FACTOR = 0.9  # of brightness, colours, contrast, sharpness: 1 ± this


def randaugment(pixels: torch.Tensor, drawn: torch.Tensor, strength: float) -> torch.Tensor:
    """Images N×C×H×W, float32 from 0 to 255, changed; drawn: N×2n from −1 to 1, a kind and a direction for each change."""
    pixels = pixels.clone()
    for kind, direction in (pair.unbind(1) for pair in drawn.view(len(drawn), -1, 2).unbind(1)):
        chosen = ((kind + 1) / 2 * len(KINDS)).long().clamp_(0, len(KINDS) - 1)
        signed = torch.where(direction < 0, -strength / 30, strength / 30)
        for index, change in enumerate(KINDS.values()):
            images = (chosen == index).nonzero().flatten()
            if len(images):
                pixels[images] = change(pixels[images], signed[images])
    return pixels


def _moved(row: int, column: int, most: float) -> Change:
    """An affine change of one entry of the matrix, in pixels, or in sides of the image for a distance."""

    def change(pixels: torch.Tensor, signed: torch.Tensor) -> torch.Tensor:
        matrices = identity(signed)
        height, width = pixels.shape[2:]
        side = (width, height)[row] if column == 2 else 1
        matrices[:, row, column] = signed * most * side
        return warp(pixels, in_units(matrices, (height, width)))

    return change


def _turned(pixels: torch.Tensor, signed: torch.Tensor) -> torch.Tensor:
    height, width = pixels.shape[2:]
    return warp(pixels, in_units(turned(signed * ANGLE), (height, width)))


def _factor(change: Change) -> Change:
    return lambda pixels, signed: change(pixels, 1 + signed * FACTOR)


KINDS: dict[str, Change] = {
    "identity": lambda pixels, _: pixels,
    "shear x": _moved(0, 1, SHEAR),
    "shear y": _moved(1, 0, SHEAR),
    "translate x": _moved(0, 2, AWAY),
    "translate y": _moved(1, 2, AWAY),
    "rotate": _turned,
    "brightness": _factor(colour.brightness),
    "colour": _factor(colour.saturation),
    "contrast": _factor(colour.contrast),
    "sharpness": _factor(colour.sharpness),
    "posterize": lambda pixels, signed: colour.posterize(pixels, 8 - (signed.abs() * 4).round()),
    "solarize": lambda pixels, signed: colour.solarize(pixels, 255 * (1 - signed.abs())),
    "autocontrast": lambda pixels, _: colour.autocontrast(pixels),
    "equalize": lambda pixels, _: colour.equalize(pixels),
}
