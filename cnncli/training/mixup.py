"""Mixup and CutMix: images of a batch mixed with each other in training, drawn for each step.

An image is mixed with another of its batch, and the loss with the other's label, in the same proportion. The image itself keeps the
larger part, so that its own label is the one that accuracy is counted by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import torch

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From scores and labels to their mean loss."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What is drawn for one batch.

    Attributes:
        partners: for each image the index of the one that is mixed in.
        fraction: what the image itself keeps, from 1/2 to 1 (lambda of the papers).
        box: top, left, height and width of what is cut out of the partner, as fractions of the image; None for mixup.
    """

    partners: torch.Tensor
    fraction: float
    box: tuple[float, float, float, float] | None


def draw(mixup: float, cutmix: float, count: int, generator: torch.Generator) -> Mix | None:
    """Draw for a batch of `count` images: one of the two, as likely each where both are above 0; None where neither is.

    The fraction is drawn from a beta distribution with both parameters `mixup` (Zhang et al., 2017) or `cutmix` (Yun et al., 2019):
    0.2 hardly mixes most batches, at 1 all fractions are as likely.
    """
    if not mixup and not cutmix:
        return None
    numbers: list[float] = torch.rand(3, generator=generator).tolist()
    cut = bool(cutmix) and (not mixup or numbers[0] < 1 / 2)
    drawn = _beta(cutmix if cut else mixup, generator)
    fraction, partners = max(drawn, 1 - drawn), torch.randperm(count, generator=generator)
    side = sqrt(1 - fraction)
    box = (numbers[1] * (1 - side), numbers[2] * (1 - side), side, side) if cut else None
    return Mix(partners=partners, fraction=fraction, box=box)


def mixed(mix: Mix, images: torch.Tensor) -> torch.Tensor:
    """Return images N×C×H×W with their partners mixed in; the images given are not changed."""
    others = images[mix.partners.to(images.device)]
    if mix.box is None:
        return torch.lerp(others, images, mix.fraction)
    rows, columns = window(mix, (images.shape[2], images.shape[3]))
    cut = images.clone()
    cut[:, :, rows, columns] = others[:, :, rows, columns]
    return cut


def window(mix: Mix, size: tuple[int, int]) -> tuple[slice, slice]:
    """Return rows and columns of the box, in whole pixels of images of height and width `size`."""
    if mix.box is None:
        raise ValueError(mix)
    (top, left, height, width), (rows, columns) = mix.box, size
    first_row, first_column = round(top * rows), round(left * columns)
    return slice(first_row, first_row + round(height * rows)), slice(
        first_column, first_column + round(width * columns)
    )


def mixed_loss(mix: Mix, loss: Loss, scores: torch.Tensor, labels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return the loss by both labels, in proportion to their pixels; size: height and width of the images."""
    kept = _kept(mix, size)
    others = labels[mix.partners.to(labels.device)]
    return kept * loss(scores, labels) + (1 - kept) * loss(scores, others)


def _kept(mix: Mix, size: tuple[int, int]) -> float:
    """Return the fraction that an image itself kept: of whole pixels, where some were cut out."""
    if mix.box is None:
        return mix.fraction
    rows, columns = window(mix, size)
    cut: int = (rows.stop - rows.start) * (columns.stop - columns.start)
    return 1 - cut / (size[0] * size[1])


def _beta(alpha: float, generator: torch.Generator) -> float:
    """Draw from the beta distribution with both parameters `alpha`, as one of two gammas over their sum."""
    # The public distributions take no generator; this is what they call.
    gammas = torch._standard_gamma(torch.full((2,), alpha, dtype=torch.float64), generator=generator)  # noqa: SLF001
    first, second = map(float, gammas)
    return first / (first + second) if first + second else 1.0
