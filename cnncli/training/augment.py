"""Random changes to training images: what each gets is drawn for a whole epoch at once, and applied a batch at a time.

Shifts, turns, scalings and flips are affine maps, and a run of them is one: the image is resampled once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch.nn.functional import pad

from cnncli.sources.recipes import Augmentation, Crop, Cutout, Jitter, RandAugment, Rotate, Scale, Shift
from cnncli.training.affine import identity, in_units, turned, warp
from cnncli.training.colour import brightness, contrast, saturation
from cnncli.training.randaugment import randaugment

Affine = Shift | Rotate | Scale | str


def numbers(change: Augmentation) -> int:
    """How many random numbers an image takes for `change`."""
    if isinstance(change, RandAugment):
        return 2 * change.randaugment.n
    return 3 if isinstance(change, Jitter) else 2


def draw(chain: Sequence[Augmentation], count: int, generator: torch.Generator) -> torch.Tensor:
    """What `count` images get: count×M numbers from −1 to 1, the columns of each change in the order of the chain.

    Another change later in the chain leaves those before it what they were.
    """
    drawn = [torch.rand(count, numbers(change), generator=generator) for change in chain]
    return torch.cat([torch.empty(count, 0), *drawn], dim=1).mul_(2).sub_(1)


def apply(chain: Sequence[Augmentation], pixels: torch.Tensor, drawn: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """Images N×C×H×W, float32 from 0 to 255, changed as `drawn` says; what comes in from outside is black.

    fill: C×1×1, the colour of what is cut out
    """
    columns = list(torch.split(drawn, [numbers(change) for change in chain], dim=1))
    for affine, run in groupby(chain, lambda change: isinstance(change, Affine)):
        changes = list(run)
        used, columns = columns[: len(changes)], columns[len(changes) :]
        if changes == ["flip"]:
            pixels = flip(pixels, used[0])
        elif affine:
            pixels = warp(pixels, maps(changes, used, (pixels.shape[2], pixels.shape[3])))
        else:
            for change, values in zip(changes, used, strict=True):
                pixels = _changed(change, pixels, values, fill)
    return pixels


def maps(chain: Sequence[Augmentation], drawn: Sequence[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
    """Affine changes as N×2×3, as `torch.nn.functional.affine_grid` takes them, for images of height and width `size`.

    They lead from a place in the result to the place in the image that is seen there, in coordinates from −1 to 1.
    """
    found = identity(drawn[0])
    for change, values in zip(chain, drawn, strict=True):
        found = found @ _undo(change, values)
    return in_units(found, size)


def _undo(change: Augmentation, drawn: torch.Tensor) -> torch.Tensor:
    """The inverse of one change as matrices N×3×3, in pixels from the image's centre; drawn: N×2, from −1 to 1."""
    maps = identity(drawn)
    first, second = drawn.unbind(1)
    match change:
        case Shift():
            maps[:, 0, 2], maps[:, 1, 2] = first * change.shift, second * change.shift
        case Rotate():
            maps = turned(first * change.rotate)
        case Scale():
            maps[:, 0, 0] = maps[:, 1, 1] = 1 / (1 + first * change.scale)
        case "flip":
            maps[:, 0, 0] = torch.where(first < 0, -1.0, 1.0)
    return maps


def _changed(change: Augmentation, pixels: torch.Tensor, drawn: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """One change that is no affine map."""
    match change:
        case Crop():
            return crop(pixels, drawn, change.crop)
        case Jitter():
            bright, strong, colourful = (1 + change.jitter * drawn).unbind(1)
            return saturation(contrast(brightness(pixels, bright), strong), colourful)
        case Cutout():
            return cutout(pixels, drawn, change.cutout, fill)
        case RandAugment():
            return randaugment(pixels, drawn, change.randaugment.m)
    raise ValueError(change)  # a kind that the schema has and this does not


def crop(pixels: torch.Tensor, drawn: torch.Tensor, margin: int) -> torch.Tensor:
    """Images cut out of themselves with a black margin around, at one of (2·margin + 1)² places; drawn: N×2."""
    count, channels, height, width = pixels.shape
    down, across = whole(drawn, 2 * margin + 1).unbind(1)
    last = pad(pixels, (margin, margin, margin, margin)).permute(0, 2, 3, 1).contiguous()
    rows, columns = last.shape[1:3]
    places = [torch.arange(number, device=pixels.device) for number in (count, height, width)]
    # As one index into all pixels: a quarter of the time that an index for each axis takes.
    row = (places[0] * rows + down)[:, None] + places[1]
    index = (row * columns + across[:, None])[:, :, None] + places[2]
    chosen = last.view(-1, channels).index_select(0, index.flatten())
    return chosen.view(count, height, width, channels).permute(0, 3, 1, 2)


def flip(pixels: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Every second image left to right, pixel for pixel; drawn: N×2, of which the first decides."""
    return torch.where((drawn[:, 0] < 0).view(-1, 1, 1, 1), pixels.flip(3), pixels)


def cutout(pixels: torch.Tensor, drawn: torch.Tensor, side: int, fill: torch.Tensor) -> torch.Tensor:
    """Images with a square of `fill` about any of their pixels, cut off at the edge; drawn: N×2."""
    height, width = pixels.shape[2:]
    top, left = whole(drawn[:, 0], height) - side // 2, whole(drawn[:, 1], width) - side // 2
    inside_rows = _within(height, top, side).view(-1, 1, height, 1)
    inside_columns = _within(width, left, side).view(-1, 1, 1, width)
    return torch.where(inside_rows & inside_columns, fill, pixels)


def whole(drawn: torch.Tensor, count: int) -> torch.Tensor:
    """Numbers from −1 to 1 as whole ones from 0 to `count` − 1, each as likely."""
    return ((drawn + 1) / 2 * count).long().clamp_(0, count - 1)


def _within(length: int, start: torch.Tensor, side: int) -> torch.Tensor:
    places = torch.arange(length, device=start.device)
    return (places >= start[:, None]) & (places < start[:, None] + side)
