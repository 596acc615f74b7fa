"""Random changes to training images: what each gets is drawn for a whole epoch at once, and applied a batch at a time.

Shifts, turns, scalings and flips are affine maps, and a run of them is one: the image is resampled once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from math import pi

import torch
from torch.nn.functional import affine_grid, conv2d, grid_sample, pad

from cnncli.data.resize import LUMA
from cnncli.sources.recipes import Augmentation, Crop, Cutout, Jitter, RandAugment, Rotate, Scale, Shift

Affine = Shift | Rotate | Scale | str

Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

LEVELS = 256
# Of RandAugment, at full strength:
SHEAR = 0.3  # pixels a pixel
TRANSLATION = 150 / 331  # of the image's side
ROTATION = 30.0  # degrees
FACTOR = 0.9  # of brightness, colours, contrast, sharpness: 1 ± this


def draws_per_image(change: Augmentation) -> int:
    """How many random numbers an image takes for `change`."""
    if isinstance(change, RandAugment):
        return 2 * change.randaugment.n
    return 3 if isinstance(change, Jitter) else 2


def draw(chain: Sequence[Augmentation], count: int, generator: torch.Generator) -> torch.Tensor:
    """What `count` images get: count×M numbers from −1 to 1, the columns of each change in the order of the chain.

    Another change later in the chain leaves those before it what they were.
    """
    drawn = [torch.rand(count, draws_per_image(change), generator=generator) for change in chain]
    return torch.cat([torch.empty(count, 0), *drawn], dim=1).mul_(2).sub_(1)


def apply(chain: Sequence[Augmentation], pixels: torch.Tensor, drawn: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """Change images as `drawn` says; what comes in from outside is black.

    Args:
        chain: the changes, in order.
        pixels: N×C×H×W, float32 from 0 to 255.
        drawn: N×M from −1 to 1, as `draw` returns it.
        fill: C×1×1, the colour of what is cut out.
    """
    columns = list(torch.split(drawn, [draws_per_image(change) for change in chain], dim=1))
    for affine, run in groupby(chain, lambda change: isinstance(change, Affine)):
        changes = list(run)
        used, columns = columns[: len(changes)], columns[len(changes) :]
        if changes == ["flip"]:
            pixels = flip(pixels, used[0])
        elif affine:
            pixels = warp(pixels, maps(changes, used, (pixels.shape[2], pixels.shape[3])))
        else:
            for change, values in zip(changes, used, strict=True):
                pixels = _apply_one(change, pixels, values, fill)
    return pixels


def _apply_one(change: Augmentation, pixels: torch.Tensor, drawn: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
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


def maps(chain: Sequence[Augmentation], drawn: Sequence[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
    """Affine changes as N×2×3, as `torch.nn.functional.affine_grid` takes them, for images of height and width `size`.

    They lead from a place in the result to the place in the image that is seen there, in coordinates from −1 to 1.
    """
    matrices = identity(drawn[0])
    for change, values in zip(chain, drawn, strict=True):
        matrices = matrices @ _inverse(change, values)
    return to_grid_units(matrices, size)


def _inverse(change: Augmentation, drawn: torch.Tensor) -> torch.Tensor:
    """The inverse of one change as matrices N×3×3, in pixels from the image's centre; drawn: N×2, from −1 to 1."""
    maps = identity(drawn)
    first, second = drawn.unbind(1)
    match change:
        case Shift():
            maps[:, 0, 2], maps[:, 1, 2] = first * change.shift, second * change.shift
        case Rotate():
            maps = rotation(first * change.rotate)
        case Scale():
            maps[:, 0, 0] = maps[:, 1, 1] = 1 / (1 + first * change.scale)
        case "flip":
            maps[:, 0, 0] = torch.where(first < 0, -1.0, 1.0)
    return maps


# Affine maps of images: matrices N×3×3 in pixels from the centre, and images seen through them.


def identity(like: torch.Tensor) -> torch.Tensor:
    """Matrices that change nothing, as many as `like` has rows."""
    return torch.eye(3, device=like.device).repeat(len(like), 1, 1)


def rotation(degrees: torch.Tensor) -> torch.Tensor:
    """Turns about the centre."""
    matrices, angle = identity(degrees), degrees * pi / 180
    matrices[:, 0, 0] = matrices[:, 1, 1] = angle.cos()
    matrices[:, 0, 1], matrices[:, 1, 0] = angle.sin(), -angle.sin()
    return matrices


def to_grid_units(matrices: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps N×3×3 in pixels from the centre, as N×2×3 in coordinates from −1 to 1."""
    height, width = size
    half = torch.tensor([width / 2, height / 2, 1.0], device=matrices.device)  # pixels; x stands before y
    return (matrices * half / half[:, None])[:, :2]


def warp(pixels: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Images N×C×H×W seen through `maps`, N×2×3: bilinear, and 0 (black) outside."""
    grid = affine_grid(maps, list(pixels.shape), align_corners=False)
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def crop(pixels: torch.Tensor, drawn: torch.Tensor, margin: int) -> torch.Tensor:
    """Images cut out of themselves with a black margin around, at one of (2·margin + 1)² places; drawn: N×2."""
    count, channels, height, width = pixels.shape
    down, across = to_integers(drawn, 2 * margin + 1).unbind(1)
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
    top, left = to_integers(drawn[:, 0], height) - side // 2, to_integers(drawn[:, 1], width) - side // 2
    inside_rows = _within(height, top, side).view(-1, 1, height, 1)
    inside_columns = _within(width, left, side).view(-1, 1, 1, width)
    return torch.where(inside_rows & inside_columns, fill, pixels)


def to_integers(drawn: torch.Tensor, count: int) -> torch.Tensor:
    """Numbers from −1 to 1 as whole ones from 0 to `count` − 1, each as likely."""
    return ((drawn + 1) / 2 * count).long().clamp_(0, count - 1)


def _within(length: int, start: torch.Tensor, side: int) -> torch.Tensor:
    places = torch.arange(length, device=start.device)
    return (places >= start[:, None]) & (places < start[:, None] + side)


# Changes of colours and levels: N×C×H×W, float32 from 0 to 255, with one number for each image. They do what the operations
# of the same names in Pillow and torchvision do.


def brightness(pixels: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Every level times the image's factor."""
    return (pixels * _per_image(factors)).clamp_(0, 255)


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
    step = _per_image(2 ** (8 - bits))
    return (pixels.round() / step).floor() * step


def solarize(pixels: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
    """Levels from the threshold on turned into their negatives."""
    return torch.where(pixels.round() >= _per_image(thresholds), 255 - pixels, pixels)


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
    return torch.lerp(other, pixels, _per_image(factors)).clamp_(0, 255)


def _per_image(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)


def randaugment(pixels: torch.Tensor, drawn: torch.Tensor, strength: float) -> torch.Tensor:
    """Images N×C×H×W, float32 from 0 to 255, changed n times, each by one of fourteen kinds, all of one strength.

    E. D. Cubuk, B. Zoph, J. Shlens, Q. V. Le, "RandAugment: practical automated data augmentation with a reduced search space",
    2019. The kinds, and what a strength of 30 means for each, are torchvision's; rotated and sheared images are resampled
    bilinearly.

    Args:
        pixels: the images.
        drawn: N×2n from −1 to 1, a kind and a direction for each change.
        strength: from 0 to 30.
    """
    pixels = pixels.clone()
    for kind, direction in (pair.unbind(1) for pair in drawn.view(len(drawn), -1, 2).unbind(1)):
        chosen = ((kind + 1) / 2 * len(KINDS)).long().clamp_(0, len(KINDS) - 1)
        signed = torch.where(direction < 0, -strength / 30, strength / 30)
        for index, change in enumerate(KINDS.values()):
            images = (chosen == index).nonzero().flatten()
            if len(images):
                pixels[images] = change(pixels[images], signed[images])
    return pixels


def _affine(row: int, column: int, most: float) -> Change:
    """An affine change of one entry of the matrix, in pixels, or in sides of the image for a distance."""

    def change(pixels: torch.Tensor, signed: torch.Tensor) -> torch.Tensor:
        matrices = identity(signed)
        height, width = pixels.shape[2:]
        side = (width, height)[row] if column == 2 else 1
        matrices[:, row, column] = signed * most * side
        return warp(pixels, to_grid_units(matrices, (height, width)))

    return change


def _rotated(pixels: torch.Tensor, signed: torch.Tensor) -> torch.Tensor:
    height, width = pixels.shape[2:]
    return warp(pixels, to_grid_units(rotation(signed * ROTATION), (height, width)))


def _blended(change: Change) -> Change:
    return lambda pixels, signed: change(pixels, 1 + signed * FACTOR)


KINDS: dict[str, Change] = {
    "identity": lambda pixels, _: pixels,
    "shear x": _affine(0, 1, SHEAR),
    "shear y": _affine(1, 0, SHEAR),
    "translate x": _affine(0, 2, TRANSLATION),
    "translate y": _affine(1, 2, TRANSLATION),
    "rotate": _rotated,
    "brightness": _blended(brightness),
    "colour": _blended(saturation),
    "contrast": _blended(contrast),
    "sharpness": _blended(sharpness),
    "posterize": lambda pixels, signed: posterize(pixels, 8 - (signed.abs() * 4).round()),
    "solarize": lambda pixels, signed: solarize(pixels, 255 * (1 - signed.abs())),
    "autocontrast": lambda pixels, _: autocontrast(pixels),
    "equalize": lambda pixels, _: equalize(pixels),
}
