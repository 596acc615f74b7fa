"""Images as batches for the network, in memory or streamed from files: chosen by index, resized, augmented, normalised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import torch

from cnncli.data import Files, Split
from cnncli.data.loading import Loaded
from cnncli.data.memory import budget
from cnncli.data.reading import Read, read, tensor
from cnncli.data.resize import fit, fit_images, statistics
from cnncli.errors import DataError, RequestError
from cnncli.sources.recipes import Augmentation, Recipe
from cnncli.training.augment import apply
from cnncli.training.device import generator

Part = Split | Files
Batch = tuple[torch.Tensor, torch.Tensor]
Step = tuple[torch.Tensor, torch.Tensor | None]
"""The indices of a batch, and what `augment.draw` drew for it, if its images are to be changed."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Mean and standard deviation of each channel over the training images, of values from 0 to 1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What makes pixels ready for the network.

    Attributes:
        size: C×H×W for the network.
        factor: C×1×1; pixel · factor + offset has mean 0 and standard deviation 1 over the training images.
        offset: C×1×1.
        augment: how training images are changed.
    """

    size: tuple[int, int, int]
    factor: torch.Tensor
    offset: torch.Tensor
    device: torch.device
    memory_format: torch.memory_format
    augment: tuple[Augmentation, ...] = ()

    def __call__(self, pixels: torch.Tensor, drawn: torch.Tensor | None = None) -> torch.Tensor:
        """Return uint8 images on the device as float32, resized, augmented as `drawn` says, normalised."""
        values = fit_images(pixels, self.size).to(torch.float32, memory_format=self.memory_format)
        if drawn is not None:
            changed = apply(self.augment, values, drawn, fill=-self.offset / self.factor)
            values = changed.contiguous(memory_format=self.memory_format)
        return values.mul_(self.factor).add_(self.offset)  # after the changes: what they let in is black, not grey


@dataclass(frozen=True, kw_only=True)
class Images:
    """A split on the device it is used on.

    Attributes:
        pixels: uint8, at the network's size or still as stored.
        labels: int64.
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    finish: Finish

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: torch.Tensor, drawn: torch.Tensor | None = None) -> Batch:
        """Return the images at `indices`, float32, augmented as `drawn` says if it is given; and their labels."""
        return self.finish(_at(self.pixels, indices), drawn), self.labels.index_select(0, indices)

    def batches(self, steps: Sequence[Step]) -> Iterator[Batch]:
        """Yield a batch for each step."""
        return (self.chosen(indices, drawn) for indices, drawn in steps)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Yield all images, in the order in which they are stored."""
        for start in range(0, len(self), batch_size):
            stop = start + batch_size
            yield self.finish(self.pixels[start:stop]), self.labels[start:stop]


def fixed_scale(normalize: str, channels: int) -> Scale | None:
    """Return the scale that `data.normalize` asks for where it does not depend on the images."""
    deviation = {"unit": 1.0, "raw": 1 / 255}.get(normalize)
    return Scale(mean=(0.0,) * channels, deviation=(deviation,) * channels) if deviation else None


def scale_of(images: torch.Tensor, channels: int) -> Scale:
    """Compute mean and standard deviation of uint8 images at their own size, in as many channels as the network takes."""
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
    """Return the normalisation by `scale`, on `device`."""
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
    """Put `split` on the device, at the network's size where that does not take too much memory."""
    if len(split) * prod(finish.size) <= room(finish.device):
        split = fit(split, finish.size)
    pixels = split.images.to(finish.device).contiguous(memory_format=finish.memory_format)
    return Images(pixels=pixels, labels=split.labels.to(finish.device), finish=finish)


def _at(pixels: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Return the images at `indices`, in the memory format of `pixels` (indexing by itself would change it: 4 μs an image)."""
    if pixels.is_contiguous(memory_format=torch.channels_last):
        return pixels.permute(0, 2, 3, 1).index_select(0, indices).permute(0, 3, 1, 2)
    return pixels.index_select(0, indices)


def room(device: torch.device) -> int:
    """Return the bytes that images at the network's size may take on `device`; what would take more is resized batch by batch."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return min(free // 4, budget())
    return budget()


def train_and_val(loaded: Loaded, recipe: Recipe) -> tuple[Part, Part | None]:
    """Return what to train on, cut at `data.limit`, and what to validate on: the set's own split if it has one, else `data.val`."""
    held_out = recipe.data.val if loaded.val is None else 0.0
    train, val = divided(loaded.train, val=held_out, limit=recipe.data.limit, seed=recipe.seed)
    return train, loaded.val if val is None else val


def divided(split: Part, *, val: float, limit: int | None, seed: int) -> tuple[Part, Part | None]:
    """Split into what to train on and, for a fraction `val` above 0, what to validate on; a function of `seed`.

    Both are stratified, drawn class by class; `limit` cuts what is left for training.
    """
    order = _stratified(split.labels, generator("split", seed))
    held_out = round(val * len(split))
    if held_out == len(split):
        raise RequestError(f"data.val {val} leaves none of {len(split):,} images to train on; make it smaller")
    train, rest = order[held_out:][:limit].sort().values, order[:held_out]
    return _part(split, train), _part(split, rest.sort().values) if held_out else None


def _stratified(labels: torch.Tensor, shuffled: torch.Generator) -> torch.Tensor:
    """Return the indices of `labels`, in an order of which every beginning has about the whole's class proportions."""
    order = torch.randperm(len(labels), generator=shuffled)
    within = torch.empty(len(labels), dtype=torch.float64)
    for members in (order[labels[order] == label] for label in range(int(labels.max()) + 1)):
        within[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    return order[within[order].argsort(stable=True)]


def _part(split: Part, indices: torch.Tensor) -> Part:
    return split if len(indices) == len(split) else split.part(indices)


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """A split too large for memory, used as `Images` are: files are read every epoch, by processes ahead of the network.

    Those processes only read, rotate and resize; what is drawn at random and all arithmetic happens as for images in memory. So a
    run comes to the same bits whether its images were prepared or streamed, and by however many processes.

    Attributes:
        labels: int64, on the device.
        workers: as `read` takes them.
    """

    files: Files
    labels: torch.Tensor
    finish: Finish
    workers: int | None

    def __len__(self) -> int:
        return len(self.files)

    def chosen(self, indices: torch.Tensor, drawn: torch.Tensor | None = None) -> Batch:
        """Return the images at `indices`, float32, augmented as `drawn` says if it is given; and their labels."""
        return next(self.batches([(indices, drawn)]))

    def batches(self, steps: Sequence[Step]) -> Iterator[Batch]:
        """Yield a batch for each step; raises `DataError` for an image that cannot be read."""
        plan = [indices.tolist() for indices, _ in steps]
        for (indices, drawn), batch in zip(steps, self._read(plan), strict=True):
            yield self.finish(self._pixels(batch), drawn), self.labels.index_select(0, indices)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Yield all images, in the order in which they are stored."""
        plan = [range(start, min(start + batch_size, len(self))) for start in range(0, len(self), batch_size)]
        for indices, batch in zip(plan, self._read(plan), strict=True):
            yield self.finish(self._pixels(batch)), self.labels[indices.start : indices.stop]

    def _read(self, plan: Sequence[Sequence[int]]) -> Iterator[Read]:
        return read(self.files.paths, self.finish.size, plan, self.workers)

    def _pixels(self, batch: Read) -> torch.Tensor:
        if batch.bad:
            raise DataError(f"{batch.bad[0][1]}; mend or remove it, or write data.on_bad_image: skip")
        return tensor(batch.pixels, self.finish.size).to(self.finish.device)


def streamed(files: Files, finish: Finish, workers: int | None) -> Streamed:
    """Return `files` as batches on the device of `finish`."""
    return Streamed(files=files, labels=files.labels.to(finish.device), finish=finish, workers=workers)
