"""What a recipe asks for, brought together: data on the device, the network, and how they are to meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import torch

from cnncli.data import Files, Split, dataset
from cnncli.data.loading import Loaded, Wanted, load, sample
from cnncli.data.progress import Progress
from cnncli.network import Network
from cnncli.sources.recipes import Recipe, network_of
from cnncli.training import device as devices
from cnncli.training.augment import draw
from cnncli.training.device import generator
from cnncli.training.evaluate import usual_batch
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
from cnncli.training.schedule import Rate, rate


@dataclass(frozen=True, kw_only=True)
class Job:
    """A recipe with everything it needs; nothing in it changes while it is trained.

    skipped: paths of images that were left out because they cannot be read · precision: None where a race is to choose it ·
    notes: what a user should know about the images
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
        """Images of each split that there is."""
        splits = {"train": self.train, "val": self.val, "test": self.test}
        return {name: len(images) for name, images in splits.items() if images is not None}

    @property
    def steps_an_epoch(self) -> int:
        """Steps, the last one perhaps with fewer images."""
        return ceil(len(self.train) / self.images_a_step)

    @property
    def images_a_step(self) -> int:
        """Images that one step of the optimizer learns from, `data.batch_size` of them at once."""
        return self.recipe.data.batch_size * self.recipe.train.accumulate

    @cached_property
    def rate(self) -> Rate:
        """The learning rate of each step, counted from 0."""
        steps = self.steps_an_epoch
        return rate(self.recipe.schedule, self.recipe.optimizer.lr, steps=self.recipe.train.epochs * steps, epoch=steps)

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
        """The indices of the training images, a tensor a step: a function of seed and epoch."""
        shuffled = torch.randperm(len(self.train), generator=generator("order", self.recipe.seed, epoch))
        return self._by_step(shuffled)

    def steps(self, epoch: int) -> list[Step]:
        """What each step of an epoch trains on; what changes an image is drawn from seed, epoch and its position in the epoch."""
        if not self.recipe.data.augment:
            return [(indices, None) for indices in self.order(epoch)]
        drawn = draw(self.recipe.data.augment, len(self.train), generator("augment", self.recipe.seed, epoch))
        return list(zip(self.order(epoch), self._by_step(drawn), strict=True))

    def _by_step(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        step, values = self.images_a_step, values.to(self.device)
        return tuple(values[start : start + step] for start in range(0, len(values), step))


def prepare(recipe: Recipe, device: str = "auto", progress: Progress | None = None) -> Job:
    """Load the data and place everything; raises `DataError`, and `RequestError` for a device that is not there."""
    where = devices.device(device)
    source = dataset(recipe.data.name)
    described = network_of(recipe)
    channels, height, width = described.input
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
    order = devices.memory_format(recipe.train.memory_format, where)
    ready = finish(scale, size=wanted.size, device=where, memory_format=order, augment=recipe.data.augment)
    return Job(
        recipe=recipe,
        network=described,
        classes=source.classes,
        scale=scale,
        train=_put(train, ready, wanted),
        val=_put(val, ready, wanted) if val is not None else None,
        test=_put(loaded.test, ready, wanted),
        skipped=loaded.skipped,
        device=where,
        precision=devices.precision(recipe.train.precision, where),
        memory_format=order,
        notes=(*source.notes, *_not_held_out(recipe, loaded)),
    )


def _not_held_out(recipe: Recipe, loaded: Loaded) -> list[str]:
    share = recipe.data.val
    if loaded.val is None or not share:
        return []
    return [f"the data set's own validation split is used; data.val: {share:g} holds nothing out"]


def _put(part: Split | Files, ready: Finish, wanted: Wanted) -> Images | Streamed:
    return placed(part, ready) if isinstance(part, Split) else streamed(part, ready, wanted.workers)
