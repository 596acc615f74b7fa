"""Images in memory, as a batch for the network: chosen by index, sized, changed, normalised; all of it on tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import torch

from cnncli.data import Files, Split
from cnncli.data.loading import Loaded
from cnncli.data.memory import budget
from cnncli.data.resize import fit, fit_images, statistics
from cnncli.errors import RequestError
from cnncli.sources.recipes import Augmentation, Recipe
from cnncli.training.augment import apply
from cnncli.training.device import generator

Part = Split | Files
Batch = tuple[torch.Tensor, torch.Tensor]
Step = tuple[torch.Tensor, torch.Tensor | None]
"""The indices of a batch, and what `augment.draw` drew for it, if its images are to be changed."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Mean and deviation of each channel over the training images, of values from 0 to 1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What makes pixels ready for the network.

    size: C×H×W for the network · factor, offset: C×1×1; pixel · factor + offset has mean 0 and deviation 1 over the training
    images · augment: how training images are changed
    """

    size: tuple[int, int, int]
    factor: torch.Tensor
    offset: torch.Tensor
    device: torch.device
    memory_format: torch.memory_format
    augment: tuple[Augmentation, ...] = ()

    def __call__(self, pixels: torch.Tensor, drawn: torch.Tensor | None = None) -> torch.Tensor:
        """uint8 images on the device as float32, sized, changed as `drawn` says, normalised."""
        values = fit_images(pixels, self.size).to(torch.float32, memory_format=self.memory_format)
        if drawn is not None:
            changed = apply(self.augment, values, drawn, fill=-self.offset / self.factor)
            values = changed.contiguous(memory_format=self.memory_format)
        return values.mul_(self.factor).add_(self.offset)  # after the changes: what they let in is black, not grey


@dataclass(frozen=True, kw_only=True)
class Images:
    """A split on the device it is used on.

    pixels: uint8, at the network's size or still as stored · labels: int64
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    finish: Finish

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: torch.Tensor, drawn: torch.Tensor | None = None) -> Batch:
        """The images at `indices`, float32, changed as `drawn` says if anything is; and their labels."""
        return self.finish(_at(self.pixels, indices), drawn), self.labels.index_select(0, indices)

    def batches(self, steps: Sequence[Step]) -> Iterator[Batch]:
        """A batch for each step."""
        return (self.chosen(indices, drawn) for indices, drawn in steps)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """All images, as they lie."""
        for start in range(0, len(self), batch_size):
            stop = start + batch_size
            yield self.finish(self.pixels[start:stop]), self.labels[start:stop]


def fixed_scale(normalize: str, channels: int) -> Scale | None:
    """What `data.normalize` asks for where it does not depend on the images."""
    deviation = {"unit": 1.0, "raw": 1 / 255}.get(normalize)
    return Scale(mean=(0.0,) * channels, deviation=(deviation,) * channels) if deviation else None


def scale_of(images: torch.Tensor, channels: int) -> Scale:
    """Mean and deviation of uint8 images at their own size, in as many channels as the network takes."""
    _, height, width = images.shape[1:]
    mean, deviation = statistics(fit_images(images, (channels, int(height), int(width))))
    return Scale(mean=mean, deviation=deviation)


def finish(
    scale: Scale,
    *,
    size: tuple[int, int, int],
    device: torch.device,
    memory_format: torch.memory_format,
    augment: tuple[Augmentation, ...] = (),
) -> Finish:
    """Normalisation by `scale`, on `device`."""
    deviation = [spread or 1.0 for spread in scale.deviation]  # a channel of one value has none
    factor = torch.tensor([1 / (255 * spread) for spread in deviation])
    offset = torch.tensor([-mean / spread for mean, spread in zip(scale.mean, deviation, strict=True)])
    return Finish(
        size=size,
        factor=factor.view(-1, 1, 1).to(device),
        offset=offset.view(-1, 1, 1).to(device),
        device=device,
        memory_format=memory_format,
        augment=augment,
    )


def placed(split: Split, finish: Finish) -> Images:
    """`split` on the device, at the network's size where that does not take too much memory."""
    if len(split) * prod(finish.size) <= room(finish.device):
        split = fit(split, finish.size)
    pixels = split.images.to(finish.device).contiguous(memory_format=finish.memory_format)
    return Images(pixels=pixels, labels=split.labels.to(finish.device), finish=finish)


def _at(pixels: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """The images at `indices`, in the order in memory that `pixels` has (indexing by itself would change it: 4 μs an image)."""
    if pixels.is_contiguous(memory_format=torch.channels_last):
        return pixels.permute(0, 2, 3, 1).index_select(0, indices).permute(0, 3, 1, 2)
    return pixels.index_select(0, indices)


def room(device: torch.device) -> int:
    """Bytes that images at the network's size may take on `device`; what would take more is sized batch by batch."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return min(free // 4, budget())
    return budget()


def train_and_val(loaded: Loaded, recipe: Recipe) -> tuple[Part, Part | None]:
    """What to train on, cut at `data.limit`, and what to validate on: the set's own split where it brings one, else `data.val`."""
    held_out = recipe.data.val if loaded.val is None else 0.0
    train, val = divided(loaded.train, val=held_out, limit=recipe.data.limit, seed=recipe.seed)
    return train, loaded.val if val is None else val


def divided(split: Part, *, val: float, limit: int | None, seed: int) -> tuple[Part, Part | None]:
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


def _part(split: Part, indices: torch.Tensor) -> Part:
    return split if len(indices) == len(split) else split.part(indices)
