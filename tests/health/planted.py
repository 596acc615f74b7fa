"""Networks made to fail, each in one way, on real images; and the loop that finds out what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn

from cnncli.errors import NonFiniteError
from cnncli.health.finding import Finding
from cnncli.recipe import load
from cnncli.train.diagnosis import blown_up
from cnncli.train.images import Images
from cnncli.train.job import Job, prepare
from cnncli.train.loop import train
from cnncli.train.state import State, begin

Labels = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class Failure(NamedTuple):
    """overrides: of the recipe `lenet-mnist` · said: kinds, all of which are to be found · labels, module: what else is spoilt."""

    overrides: tuple[str, ...]
    said: tuple[str, ...]
    labels: Labels | None = None
    module: Callable[[nn.Module], None] | None = None
    recipe: str = "lenet-mnist"


def small_weights(module: nn.Module) -> None:
    """Normal with deviation 0.01, biases 0, as many notebooks do."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


RELU = ("model.activation=relu", "model.pool=max")
STEPS = ("limit=26000",)  # 102 an epoch
FAILURES: dict[str, Failure] = {
    "torch's own first weights under sigmoids": Failure((*STEPS, "train.init=default"), ("vanishing", "guessing")),
    "small first weights under sigmoids": Failure(STEPS, ("vanishing", "guessing"), module=small_weights),
    "ReLUs killed by a large rate": Failure((*STEPS, *RELU, "lr=1"), ("dead", "guessing")),
    "inputs from 0 to 255": Failure((*STEPS, "data.normalize=raw"), ("unnormalised",)),
    "inputs from 0 to 1": Failure((*STEPS, "data.normalize=unit"), ("unnormalised",)),
    "shuffled labels": Failure(
        (*STEPS, *RELU, "lr=0.1"),
        ("shuffled-labels", "guessing"),
        lambda labels, drawn: labels[torch.randperm(len(labels), generator=drawn)],
    ),
    "constant labels": Failure(STEPS, ("constant-labels",), lambda labels, _: torch.full_like(labels, 3)),
    "an exploding rate": Failure((*STEPS, *RELU, "lr=5"), ("exploding",)),
    "an exploding rate that sigmoids bound": Failure((*STEPS, "lr=100"), ("exploding", "guessing")),
    "batch normalisation with batches of one": Failure(
        (*RELU, "norm=batch", "lr=0.01", "batch_size=1", "limit=200"), ("batch-norm",)
    ),
    "weights that do not move": Failure((*STEPS, "lr=1e-12"), ("frozen", "guessing")),
    "a rate a hundred times too low": Failure((*STEPS, "lr=0.009"), ("slow", "guessing")),
    "VGG without norm at torch's own first weights": Failure(
        ("data.name=mnist", "resize=32", "limit=13000", "batch_size=128", "train.init=default"),
        ("fading", "guessing"),
        recipe="vgg11-small-fashion-mnist",
    ),
}


def job_of(failure: Failure, seed: int) -> Job:
    """Two epochs on the CPU."""
    job = prepare(load(failure.recipe, [*failure.overrides, "train.epochs=2", f"seed={seed}"]), "cpu")
    if failure.labels is None or not isinstance(job.train, Images):
        return job
    labels = failure.labels(job.train.labels, torch.Generator().manual_seed(seed))
    return replace(job, train=replace(job.train, labels=labels))


def planted(failure: Failure, seed: int) -> tuple[State, list[Finding]]:
    """What was said within two epochs."""
    job = job_of(failure, seed)
    state = begin(job)
    if failure.module is not None:
        failure.module(state.module)
    try:
        for _ in train(job, state):
            pass
    except NonFiniteError as error:
        state.findings.append(blown_up(state, str(error).partition(";")[0], job.recipe.optimizer.lr))
    return state, state.findings
