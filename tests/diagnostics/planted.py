"""Networks made to fail, each in one way, on real images, and what is said of them within two epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn

from cnncli.errors import NonFiniteError
from cnncli.sources.recipes import load
from cnncli.training.images import Images
from cnncli.training.loop import train
from cnncli.training.run import divergence
from cnncli.training.setup import Setup, prepare
from cnncli.training.state import State, initial_state

Labels = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class Failure(NamedTuple):
    """said: kinds that are to be found · overrides: of the recipe · labels, module: what a recipe cannot spoil."""

    said: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    labels: Labels | None = None
    module: Callable[[nn.Module], None] | None = None
    recipe: str = "lenet-mnist"


def small_weights(module: nn.Module) -> None:
    """Normal with deviation 0.01, biases 0, as in many a notebook."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def shuffled(labels: torch.Tensor, drawn: torch.Generator) -> torch.Tensor:
    """The same, each at another image."""
    return labels[torch.randperm(len(labels), generator=drawn)]


MNIST = ("data.name=mnist", "data.limit=46000")  # 180 steps an epoch in batches of 256
DIGITS = ("data.name=digits", "data.batch_size=8")  # 180
RELU = ("model.activation=relu", "model.pool=max")
VGG = ("data.resize=32", "data.batch_size=128", "data.limit=23000", "train.init=default")
ONES = (*RELU, "model.norm=batch", "optimizer.lr=0.01", "data.batch_size=1", "data.limit=200")
FAILURES: dict[str, Failure] = {
    "torch's own first weights under sigmoids": Failure(("vanishing", "guessing"), ("train.init=default",)),
    "small first weights under sigmoids": Failure(("vanishing", "guessing"), module=small_weights),
    "ReLUs killed by a large rate": Failure(("dead",), (*RELU, "optimizer.lr=0.7")),
    "inputs from 0 to 255": Failure(("unnormalised",), ("data.normalize=raw",)),
    "inputs from 0 to 1": Failure(("unnormalised",), ("data.normalize=unit",)),
    "shuffled labels": Failure(("shuffled-labels", "guessing"), (*RELU, "optimizer.lr=0.1"), shuffled),
    "constant labels": Failure(("constant-labels",), labels=lambda labels, _: torch.full_like(labels, 3)),
    "an exploding rate": Failure(("exploding",), (*RELU, "optimizer.lr=5")),
    "an exploding rate that sigmoids bound": Failure(("exploding", "saturated", "guessing"), ("optimizer.lr=100",)),
    "batch normalisation with batches of one": Failure(("batch-norm",), ONES),
    "weights that do not move": Failure(("frozen", "guessing"), ("optimizer.lr=1e-12",)),
    "a rate a thousand times too low": Failure(("slow", "guessing"), ("optimizer.lr=0.001",)),
    "small first weights under ReLUs": Failure(
        ("fading", "guessing"), (*RELU, "optimizer.lr=0.1"), module=small_weights
    ),
    "VGG at torch's own first weights": Failure(("vanishing", "guessing"), VGG, recipe="vgg11-small-fashion-mnist"),
}


def setup_of(failure: Failure, images: tuple[str, ...], seed: int) -> Setup:
    """Two epochs on the CPU. images: `MNIST` or `DIGITS`; what the failure sets itself stays."""
    keys = {text.partition("=")[0]: text for text in (*images, *failure.overrides)}
    if images is DIGITS and failure.recipe != "lenet-mnist":
        keys |= {"data.batch_size": DIGITS[1]}
    setup = prepare(load(failure.recipe, [*keys.values(), "train.epochs=2", f"seed={seed}"]), "cpu")
    if failure.labels is None or not isinstance(setup.train, Images):
        return setup
    labels = failure.labels(setup.train.labels, torch.Generator().manual_seed(seed))
    return replace(setup, train=replace(setup.train, labels=labels))


def trained(failure: Failure, images: tuple[str, ...], seed: int) -> State:
    """After two epochs, or where it blew up."""
    setup = setup_of(failure, images, seed)
    state = initial_state(setup)
    if failure.module is not None:
        failure.module(state.module)
    try:
        for _ in train(setup, state):
            pass
    except NonFiniteError as error:
        state.findings.append(divergence(state, str(error), setup.recipe.optimizer.lr))
    return state
