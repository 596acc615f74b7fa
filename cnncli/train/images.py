"""Images in memory, as a batch for the network: chosen by index, sized, warped, normalised; all of it on tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch

from cnncli.datasets import Split
from cnncli.datasets.resize import fit, fit_images, statistics
from cnncli.errors import RequestError
from cnncli.train.augment import warp
from cnncli.train.seeds import generator

Batch = tuple[torch.Tensor, torch.Tensor]

ROOM = 1 << 30  # bytes: what more would be taken by images at the network's size is sized batch by batch


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Mean and deviation of each channel over the training images, of values from 0 to 1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Images:
    """A split on the device it is used on.

    pixels: uint8, at the network's size or still as stored · labels: int64 · size: C×H×W for the network ·
    factor, offset: C×1×1; pixel · factor + offset has mean 0 and deviation 1 over the training images
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    size: tuple[int, int, int]
    factor: torch.Tensor
    offset: torch.Tensor
    memory_format: torch.memory_format

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: torch.Tensor, maps: torch.Tensor | None = None) -> Batch:
        """The images at `indices`, float32, seen through `maps` (`augment.draw`) if there are any; and their labels."""
        return self._ready(self.pixels.index_select(0, indices), maps), self.labels.index_select(0, indices)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """All images, as they lie."""
        for start in range(0, len(self), batch_size):
            stop = start + batch_size
            yield self._ready(self.pixels[start:stop], None), self.labels[start:stop]

    def _ready(self, pixels: torch.Tensor, maps: torch.Tensor | None) -> torch.Tensor:
        values = fit_images(pixels, self.size).to(torch.float32, memory_format=self.memory_format)
        if maps is not None:
            values = warp(values, maps).contiguous(memory_format=self.memory_format)
        return values.mul_(self.factor).add_(self.offset)  # after the warp: what it lets in is black, not grey


def scale_of(split: Split, channels: int) -> Scale:
    """Mean and deviation of the images as they are stored, in as many channels as the network takes."""
    _, height, width = split.images.shape[1:]
    mean, deviation = statistics(fit_images(split.images, (channels, int(height), int(width))))
    return Scale(mean=mean, deviation=deviation)


def placed(
    split: Split, *, scale: Scale, size: tuple[int, int, int], device: torch.device, memory_format: torch.memory_format
) -> Images:
    """`split` on `device`, at the network's `size` where that does not take too much memory."""
    if len(split) * prod(size) <= ROOM:
        split = fit(split, size)
    deviation = [spread or 1.0 for spread in scale.deviation]  # a channel of one value has none
    factor = torch.tensor([1 / (255 * spread) for spread in deviation])
    offset = torch.tensor([-mean / spread for mean, spread in zip(scale.mean, deviation, strict=True)])
    return Images(
        pixels=split.images.to(device),
        labels=split.labels.to(device),
        size=size,
        factor=factor.view(-1, 1, 1).to(device),
        offset=offset.view(-1, 1, 1).to(device),
        memory_format=memory_format,
    )


def divided(split: Split, *, val: float, limit: int | None, seed: int) -> tuple[Split, Split | None]:
    """What to train on and, for a fraction `val` above 0, what to validate on; a function of `seed`.

    Both are drawn class by class, in the shares that the classes have; `limit` cuts what is left for training.
    """
    order = _by_shares(split.labels, generator("split", seed))
    held = round(val * len(split))
    if held == len(split):
        raise RequestError(f"data.val {val} leaves none of {len(split):,} images to train on; make it smaller")
    train, rest = order[held:][:limit].sort().values, order[:held]
    return _part(split, train), _part(split, rest.sort().values) if held else None


def _by_shares(labels: torch.Tensor, shuffled: torch.Generator) -> torch.Tensor:
    """The indices of `labels`, in an order of which every beginning has the classes in about their shares."""
    order = torch.randperm(len(labels), generator=shuffled)
    within = torch.empty(len(labels), dtype=torch.float64)
    for members in (order[labels[order] == label] for label in range(int(labels.max()) + 1)):
        within[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    return order[within[order].argsort(stable=True)]


def _part(split: Split, indices: torch.Tensor) -> Split:
    if len(indices) == len(split):
        return split
    return Split(images=split.images[indices], labels=split.labels[indices])
