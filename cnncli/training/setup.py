"""From a recipe to everything that training needs: data on the device, the network, the learning rate of each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import torch

from cnncli.analysis.report import report
from cnncli.data import Files, Split, dataset
from cnncli.data.loading import Wanted, load, sample
from cnncli.data.progress import Progress
from cnncli.network import Network
from cnncli.sources.recipes import Recipe, network_of
from cnncli.training import device as devices
from cnncli.training.augment import draw
from cnncli.training.device import generator
from cnncli.training.images import (
    Finish,
    Images,
    Scale,
    Step,
    Streamed,
    finish,
    fixed_scale,
    placed,
    scale_of,
    streamed,
    train_and_val,
)
from cnncli.training.precision import may_need_float32
from cnncli.training.schedule import Schedule, lr_schedule

AT_ONCE = 1 << 26  # bytes of activations, so that they stay near the processor
MOST = 1024  # images


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A recipe with everything it needs; nothing in it changes during training.

    Attributes:
        recipe: what to train and how.
        network: as data.
        classes: their names.
        scale: of the training images, for normalisation.
        train: images to train on.
        val: images to validate on, if any.
        test: images to test on.
        skipped: paths of images that were left out because they cannot be read.
        device: to train on.
        precision: of the forward pass, None where a race is to choose it.
        memory_format: of batches and weights.
        notes: what a user should know about the images.
    """

    recipe: Recipe
    network: Network
    classes: tuple[str, ...]
    scale: Scale
    train: Images | Streamed
    val: Images | Streamed | None
    test: Images | Streamed
    skipped: tuple[str, ...]
    device: torch.device
    precision: torch.dtype | None
    memory_format: torch.memory_format
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of images of each split."""
        splits = {"train": self.train, "val": self.val, "test": self.test}
        return {name: len(images) for name, images in splits.items() if images is not None}

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch, the last one perhaps with fewer images."""
        return ceil(len(self.train) / self.images_per_step)

    @property
    def images_per_step(self) -> int:
        """Images that one step of the optimizer learns from, `data.batch_size` of them at once."""
        return self.recipe.data.batch_size * self.recipe.train.accumulate

    @cached_property
    def lr(self) -> Schedule:
        """The learning rate of each step, counted from 0."""
        steps = self.steps_per_epoch
        return lr_schedule(
            self.recipe.schedule, self.recipe.optimizer.lr, steps=self.recipe.train.epochs * steps, epoch=steps
        )

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Training images of each class."""
        return tuple(torch.bincount(self.train.labels, minlength=len(self.classes)).tolist())

    @cached_property
    def needs_float32(self) -> bool:
        """Whether the network may hold convolutions that must not compute in reduced precision."""
        return may_need_float32(self.network)

    @property
    def evaluation_batch(self) -> int:
        """Images to evaluate at once."""
        return usual_batch(self.network)

    def order(self, epoch: int) -> tuple[torch.Tensor, ...]:
        """Return the indices of the training images, a tensor for each step: a function of seed and epoch."""
        shuffled = torch.randperm(len(self.train), generator=generator("order", self.recipe.seed, epoch))
        return self._by_step(shuffled)

    def steps(self, epoch: int) -> list[Step]:
        """Return what each step of an epoch trains on; augmentation is drawn from seed, epoch and the position in the epoch."""
        if not self.recipe.data.augment:
            return [(indices, None) for indices in self.order(epoch)]
        drawn = draw(self.recipe.data.augment, len(self.train), generator("augment", self.recipe.seed, epoch))
        return list(zip(self.order(epoch), self._by_step(drawn), strict=True))

    def _by_step(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        step, values = self.images_per_step, values.to(self.device)
        return tuple(values[start : start + step] for start in range(0, len(values), step))


def usual_batch(network: Network) -> int:
    """Return how many images to evaluate at once."""
    image_bytes = max(1, report(network).totals.activation_bytes)
    return min(max(AT_ONCE // image_bytes, 1), MOST)


def prepare(recipe: Recipe, device: str = "auto", progress: Progress | None = None) -> Setup:
    """Load the data and place everything; raises `DataError`, and `RequestError` for a device that does not exist."""
    where = devices.device(device)
    source = dataset(recipe.data.name)
    network = network_of(recipe)
    channels, height, width = network.input
    wanted = Wanted(
        size=(channels, height, width),
        on_bad_image=recipe.data.on_bad_image,
        cache=recipe.data.cache,
        workers=recipe.data.workers,
    )
    loaded = load(source, wanted, progress)
    train, val = train_and_val(loaded, recipe)
    scale = fixed_scale(recipe.data.normalize, channels) or scale_of(
        sample(train, wanted, everything=not loaded.sampled), channels
    )
    memory_format = devices.memory_format(recipe.train.memory_format, where)
    ready = finish(scale, size=wanted.size, device=where, memory_format=memory_format, augment=recipe.data.augment)
    fraction = recipe.data.val if loaded.val is not None else 0
    unused = (
        [f"the data set's own validation split is used; data.val: {fraction:g} holds nothing out"] if fraction else []
    )
    return Setup(
        recipe=recipe,
        network=network,
        classes=source.classes,
        scale=scale,
        train=_put(train, ready, wanted),
        val=_put(val, ready, wanted) if val is not None else None,
        test=_put(loaded.test, ready, wanted),
        skipped=loaded.skipped,
        device=where,
        precision=devices.precision(recipe.train.precision, where),
        memory_format=memory_format,
        notes=(*source.notes, *unused),
    )


def _put(part: Split | Files, ready: Finish, wanted: Wanted) -> Images | Streamed:
    return placed(part, ready) if isinstance(part, Split) else streamed(part, ready, wanted.workers)
