"""The recipe of a network that has none: optimizer, learning rate, batch size and initial weights from what it contains."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10, prod, sqrt

from cnncli.analysis.report import report
from cnncli.formats.strict_yaml import KeyPath, Value
from cnncli.layers import Layer
from cnncli.layers.activation import (
    Hardsigmoid,
    Hardtanh,
    Identity,
    LogSigmoid,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnncli.layers.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, InstanceNorm2d, LayerNorm
from cnncli.layers.rms_norm import RMSNorm
from cnncli.network import Network, source
from cnncli.recipe.draft import Draft
from cnncli.sources.recipes import Recipe, checked, network_of
from cnncli.text import truncate

CHANGE = 0.1
"""How much of what the network computes one step may change, when all weights move the same way."""
HIGHEST = 3e-3  # learning rate of AdamW
FINE_TUNED = 0.1  # of that rate, where the weights are pretrained
STEPS, LARGEST, SMALLEST = 40, 256, 16  # steps an epoch at least, and images a step
_NORMALISING = (BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, InstanceNorm2d, LayerNorm, RMSNorm)
_BOUNDED = (Sigmoid, Tanh, ScaledTanh, Hardtanh, Hardsigmoid, LogSigmoid)


def default_recipe(model: str, data: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe that trains the network `model` on the data set `data`, with `overrides` set.

    AdamW along one cycle for 10 epochs: each step moves each weight by about the learning rate, whatever the activations do to the
    gradients, and that rises slowly and ends near 0. It is what `learning_rate` says, a tenth of it with `model.weights`.
    Initial weights are drawn as `initial_weights` says, batches are as large as `batch_size` says.
    Raises `RequestError`.
    """
    values: dict[str, Value] = {"kind": "recipe", "model": {"name": model}, "data": {"name": data}}
    origins: dict[KeyPath, str] = {
        (): "the default recipe",
        ("model", "name"): f"model.name={truncate(model)}",
        ("data", "name"): f"data.name={truncate(data)}",
    }
    draft = checked(Draft(values, origins), overrides)
    values |= {
        "data": {"name": data, "batch_size": batch_size(training_images(draft))},
        "optimizer": {"name": "adamw", "lr": usual_lr(draft)},
        "schedule": {"name": "onecycle"},
        "train": {"init": draft.train.init if draft.train.init == "default" else initial_weights(network_of(draft))},
    }
    return checked(Draft(values, origins), overrides)


def usual_lr(recipe: Recipe) -> float:
    """Return the learning rate of AdamW that suits what `recipe` trains, to two digits."""
    rate = learning_rate(network_of(recipe)) * (FINE_TUNED if recipe.model.weights else 1)
    return round(rate, 1 - floor(log10(rate)))


def learning_rate(network: Network) -> float:
    """Return the learning rate of AdamW at which a step changes what `network` computes by a tenth, 0.003 at most.

    A layer of fan-in n starts with weights of about √(2/n). A step of `lr` in the same direction for each changes what comes out
    by lr·√(n/2) of itself. Layers in a row multiply, so their changes add up; behind a normalisation each starts from 1 again,
    and over blocks that are normalised changes add up like independent ones, by their squares. What counts is the worst path:
    the largest sum over layers without a normalisation between, or the root of all squares if that is more.
    """
    sums: dict[str, tuple[float, float]] = dict.fromkeys(network.inputs, (0.0, 0.0))
    worst = 0.0
    for row in report(network).rows:
        before = [sums[(source(name, sums) or (name, 0))[0]] for name in row.inputs]
        run, squares = (max((sums_before[index] for sums_before in before), default=0.0) for index in (0, 1))
        fans = [prod(shape[1:]) for shape in row.layer.weights.values() if len(shape) > 1]
        if isinstance(row.layer, _NORMALISING):
            run = 0.0
        run, squares = run + sum(sqrt(fan / 2) for fan in fans), squares + sum(fan / 2 for fan in fans)
        sums[row.name] = (run, squares)
        worst = max(worst, run, sqrt(squares))
    return min(HIGHEST, CHANGE / worst) if worst else HIGHEST


def initial_weights(network: Network) -> str:
    """Return `xavier` where most activations are bounded (sigmoid, tanh) or there are none; else `kaiming`, for ReLU and its kin.

    `positive` where the scores themselves go through a ReLU, as NiN's do: the first steps would push those of whole classes
    below 0, from where no gradient comes back.
    """
    activations = [node.layer for node in network.nodes if is_activation(node.layer)]
    bounded = sum(isinstance(layer, _BOUNDED) for layer in activations)
    through = scores_through(network)
    if through is not None:
        return "positive" if isinstance(through[1], ReLU | ReLU6) else "xavier"
    return "xavier" if 2 * bounded >= len(activations) else "kaiming"


def scores_through(network: Network) -> tuple[str, Layer] | None:
    """Return the last node with weights and the activation behind it, if there is one: the scores go through that."""
    weighted, last = "", None
    for node in network.nodes:
        if node.layer.weights or node.shares:
            weighted, last = node.shares or node.name, None
        elif is_activation(node.layer):
            last = node.layer
    return (weighted, last) if weighted and last is not None else None


def is_activation(layer: Layer) -> bool:
    """Return whether it is an activation, other than a softmax."""
    return isinstance(layer, Identity) and type(layer) is not Identity and not isinstance(layer, Softmax)


def batch_size(images: int) -> int:
    """Return the largest power of two up to 256 that gives `images` 40 steps an epoch or more; 16 at least."""
    size = LARGEST
    while size > SMALLEST and size * STEPS > images:
        size //= 2
    return size


def training_images(recipe: Recipe) -> int:
    """Return the images of an epoch, without those for validation, cut at `data.limit`."""
    from cnncli.data import dataset

    source = dataset(recipe.data.name)
    held_out = round(recipe.data.val * source.train) if source.val is None else 0
    images = source.train - held_out
    return min(images, recipe.data.limit or images)
