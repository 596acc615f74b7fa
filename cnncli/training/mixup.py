"""Images of a batch mixed with each other while training: mixup and CutMix, drawn for each step.

An image is joined by another of its batch, and the loss by the other's label, in the same shares. The image itself keeps the larger
share, so that its own label is the one that accuracy is counted by.
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

    partners: for each image the index of the one that joins it · share: what the image itself keeps, from 1/2 to 1 · box: top,
    left, height and width of what is cut out of the partner, as shares of the image; None where levels are mixed
    """

    partners: torch.Tensor
    share: float
    box: tuple[float, float, float, float] | None


def draw(mixup: float, cutmix: float, count: int, generator: torch.Generator) -> Mix | None:
    """What a batch of `count` images gets: one of the two, as likely each where both are above 0; None where neither is.

    The share is drawn from a beta distribution with both parameters `mixup` (Zhang et al., 2017) or `cutmix` (Yun et al., 2019):
    0.2 hardly mixes most batches, at 1 all shares are as likely.
    """
    if not mixup and not cutmix:
        return None
    numbers: list[float] = torch.rand(3, generator=generator).tolist()
    cut = bool(cutmix) and (not mixup or numbers[0] < 1 / 2)
    drawn = _beta(cutmix if cut else mixup, generator)
    share, partners = max(drawn, 1 - drawn), torch.randperm(count, generator=generator)
    side = sqrt(1 - share)
    box = (numbers[1] * (1 - side), numbers[2] * (1 - side), side, side) if cut else None
    return Mix(partners=partners, share=share, box=box)


def mixed(mix: Mix, images: torch.Tensor) -> torch.Tensor:
    """Images N×C×H×W with the share of their partners in them; what comes in is not changed."""
    others = images[mix.partners.to(images.device)]
    if mix.box is None:
        return torch.lerp(others, images, mix.share)
    rows, columns = window(mix, (images.shape[2], images.shape[3]))
    cut = images.clone()
    cut[:, :, rows, columns] = others[:, :, rows, columns]
    return cut


def window(mix: Mix, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the box, in whole pixels of images of height and width `size`."""
    if mix.box is None:
        raise ValueError(mix)
    (top, left, height, width), (rows, columns) = mix.box, size
    first_row, first_column = round(top * rows), round(left * columns)
    return slice(first_row, first_row + round(height * rows)), slice(
        first_column, first_column + round(width * columns)
    )


def mixed_loss(mix: Mix, loss: Loss, scores: torch.Tensor, labels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The loss by both labels, in the shares that both have of the pixels. size: height and width of the images"""
    share = _share(mix, size)
    others = labels[mix.partners.to(labels.device)]
    return share * loss(scores, labels) + (1 - share) * loss(scores, others)


def _share(mix: Mix, size: tuple[int, int]) -> float:
    """What an image itself kept: of whole pixels, where some were cut out."""
    if mix.box is None:
        return mix.share
    rows, columns = window(mix, size)
    cut: int = (rows.stop - rows.start) * (columns.stop - columns.start)
    return 1 - cut / (size[0] * size[1])


def _beta(alpha: float, generator: torch.Generator) -> float:
    """From the beta distribution with both parameters `alpha`, as one of two gammas' share of their sum."""
    # The public distributions take no generator; this is what they call.
    gammas = torch._standard_gamma(torch.full((2,), alpha, dtype=torch.float64), generator=generator)  # noqa: SLF001
    first, second = map(float, gammas)
    return first / (first + second) if first + second else 1.0
