"""What a recipe asks for, brought together: data on the device, the network, and how they are to meet."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import ceil

import torch

from cnncli.datasets import dataset
from cnncli.models import edition, network
from cnncli.network import Network
from cnncli.recipe import Recipe
from cnncli.report import report
from cnncli.train import device as devices
from cnncli.train.augment import draw
from cnncli.train.images import Images, Scale, divided, placed, scale_of
from cnncli.train.schedule import Rate, rate
from cnncli.train.seeds import generator

EVALUATED_AT_ONCE = 1 << 26  # bytes of activations, so that they stay near the processor


@dataclass(frozen=True, kw_only=True)
class Job:
    """A recipe with everything it needs; nothing in it changes while it is trained."""

    recipe: Recipe
    network: Network
    classes: tuple[str, ...]
    scale: Scale
    train: Images
    val: Images | None
    test: Images
    device: torch.device
    precision: torch.dtype
    memory_format: torch.memory_format

    @property
    def steps_an_epoch(self) -> int:
        """Steps, the last one perhaps with fewer images."""
        return ceil(len(self.train) / self.recipe.data.batch_size)

    @property
    def rate(self) -> Rate:
        """The learning rate of each step, counted from 0."""
        steps = self.steps_an_epoch
        return rate(self.recipe.schedule, self.recipe.optimizer.lr, steps=self.recipe.train.epochs * steps, epoch=steps)

    @property
    def evaluation_batch(self) -> int:
        """Images to evaluate at once."""
        an_image = max(1, report(self.network).totals.activation_bytes)
        return min(max(EVALUATED_AT_ONCE // an_image, 1), 1024)

    def order(self, epoch: int) -> tuple[torch.Tensor, ...]:
        """The indices of the training images, a tensor a step: a function of seed and epoch."""
        shuffled = torch.randperm(len(self.train), generator=generator("order", self.recipe.seed, epoch))
        return self._by_step(shuffled)

    def maps(self, epoch: int) -> tuple[torch.Tensor | None, ...]:
        """How each image is warped, a tensor a step: a function of seed, epoch and position in the epoch; None for not at all."""
        chain = self.recipe.data.augment
        if not chain:
            return (None,) * self.steps_an_epoch
        drawn = draw(chain, len(self.train), self.train.size[1:], generator("augment", self.recipe.seed, epoch))
        return self._by_step(drawn)

    def _by_step(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        step, values = self.recipe.data.batch_size, values.to(self.device)
        return tuple(values[start : start + step] for start in range(0, len(values), step))

    def casting(self) -> AbstractContextManager[object]:
        """What the forward pass runs in."""
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.precision)


def prepare(recipe: Recipe, device: str = "auto") -> Job:
    """Load the data and place everything; raises `DataError`, and `RequestError` for a device that is not there."""
    where = devices.device(device)
    source = dataset(recipe.data.name)
    described = network_of(recipe)
    channels, height, width = described.inputs["input"].shape
    stored, test = source.load()
    train, val = divided(stored, val=recipe.data.val, limit=recipe.data.limit, seed=recipe.seed)
    scale = scale_of(train, channels)
    order = devices.memory_format(recipe.train.memory_format, where)
    put = partial(placed, scale=scale, size=(channels, height, width), device=where, memory_format=order)
    return Job(
        recipe=recipe,
        network=described,
        classes=source.classes,
        scale=scale,
        train=put(train),
        val=put(val) if val is not None else None,
        test=put(test),
        device=where,
        precision=devices.precision(recipe.train.precision, where),
        memory_format=order,
    )


def network_of(recipe: Recipe) -> Network:
    """The network that `recipe` names, for the classes of its data set and the size of its images."""
    model, side = recipe.model, recipe.data.resize
    usual = edition(model.name)[2].input
    classes = len(dataset(recipe.data.name).classes)
    return network(
        model.name, input=(usual[0], side, side) if side else None, **{**model.arguments, "classes": classes}
    )
