"""Images at another size, and their mean and deviation: what stands between a data source and a network's input."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import TYPE_CHECKING

from cnncli.data import Split
from cnncli.errors import DataError, ShapeError

if TYPE_CHECKING:
    import torch

CHUNK = 1 << 24  # float32 values of one chunk, 64 MiB: the working memory of `fit`, however many images there are
LUMA = (0.299, 0.587, 0.114)  # R, G, B in grey: ITU-R BT.601


def fit(split: Split, size: tuple[int, int, int]) -> Split:
    """`split` at C×H×W: the same object where it has that size, else resized as `fit_images` does."""
    images = fit_images(split.images, size)
    return split if images is split.images else Split(images=images, labels=split.labels)


def fit_images(images: torch.Tensor, size: tuple[int, int, int]) -> torch.Tensor:
    """uint8 images N×C×H×W as uint8 N×`size`; the same tensor where they have that size.

    Bilinear, with antialiasing along the axes that shrink; grey becomes RGB by repetition, RGB grey by luma.
    The result takes N·C·H·W bytes: 3.0 GB for 60,000 grey images at 224×224. Raises `ShapeError` for other channels.
    """
    import torch

    if tuple(images.shape[1:]) == size:
        return images
    if images.shape[1] != size[0] and {int(images.shape[1]), size[0]} != {1, 3}:
        raise ShapeError(f"cannot make {size[0]}-channel images of {images.shape[1]} channels", fix="use 1 or 3")
    fitted = torch.empty((len(images), *size), dtype=torch.uint8)
    step = max(1, CHUNK // max(prod(images.shape[1:]), prod(size)))
    for start in range(0, len(images), step):
        fitted[start : start + step] = _resample(images[start : start + step], size)
    return fitted


def statistics(images: torch.Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation (divided by the count) per channel of images/255, for uint8 N×C×H×W.

    Summed in integers from each channel's histogram, so exact up to the last rounding, for any number of images.
    A channel of one value has deviation 0: do not divide by it. Raises `DataError` where there are no images.
    """
    if not images.numel():
        raise DataError("there are no images to take the mean of")
    found = [moments(_counts(images[:, channel])) for channel in range(images.shape[1])]
    return tuple(mean for mean, _ in found), tuple(deviation for _, deviation in found)


def _resample(images: torch.Tensor, size: tuple[int, int, int]) -> torch.Tensor:
    """One chunk, N×1×H×W or N×`size`: a lone channel is repeated where it is stored."""
    values = images.float()
    if size[0] < values.shape[1]:
        values = (values * values.new_tensor(LUMA).view(3, 1, 1)).sum(dim=1, keepdim=True)
    if tuple(values.shape[2:]) != size[1:]:
        values = _interpolate(values, size[1], size[2])
    return values.round_().clamp_(0, 255).byte()


def _interpolate(values: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Bilinear, antialiased: along an axis that grows that is plain bilinear."""
    from torch.nn.functional import interpolate

    if width == 1:  # lying down: torch 2.14 resizes the columns of an image one pixel wide wrongly
        return interpolate(values.mT, (width, height), mode="bilinear", antialias=True).mT
    return interpolate(values, (height, width), mode="bilinear", antialias=True)


def moments(counts: Sequence[int]) -> tuple[float, float]:
    """Mean and deviation, divided by 255, of as many values of each level from 0 to 255 as `counts` says."""
    number = sum(counts)
    first = sum(level * count for level, count in enumerate(counts))
    second = sum(level * level * count for level, count in enumerate(counts))
    return first / number / 255, sqrt(number * second - first * first) / number / 255


def _counts(levels: torch.Tensor) -> list[int]:
    """How often each level from 0 to 255 occurs."""
    counts = [0] * 256
    step = max(1, CHUNK // levels[0].numel())
    for start in range(0, len(levels), step):
        found = levels[start : start + step].flatten().bincount(minlength=256).tolist()
        counts = [count + more for count, more in zip(counts, found, strict=True)]
    return counts
