"""The modules of a run: the one that trains, its compiled forward pass, and the running mean of its weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import nn

from cnncli.build import build
from cnncli.errors import RequestError
from cnncli.network import Network
from cnncli.sources.networks import module_for
from cnncli.sources.recipes import Model
from cnncli.text import truncate


def make_module(model: Model, network: Network, classes: int) -> nn.Module:
    """Make the module of `network`, with frozen layers frozen; its initial weights are drawn from torch's random numbers.

    Args:
        model: what the recipe names; a library's own module is used where that is one.
        network: what `model` names, as data.
        classes: how many there are to tell apart.
    """
    module = module_for(model.name, network.input, model.arguments, classes)
    if module is None:
        return build(network)
    for node in network.nodes:
        if node.frozen:
            name = node.shares or node.name  # of a layer, or of a parameter
            for path, weight in module.named_parameters():
                if path == name or path.startswith(f"{name}."):
                    weight.requires_grad = False
    return module


class Compiled:
    """The forward pass of `module` by `torch.compile`; that takes some seconds at the first batch and needs a C++ compiler."""

    def __init__(self, module: nn.Module) -> None:
        from torch._dynamo.exc import TorchDynamoException  # here: it takes more than a second to import

        self._run: Any = torch.compile(module)
        self._failure = TorchDynamoException

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the scores; raises `RequestError` where torch cannot compile here."""
        try:
            scores: torch.Tensor = self._run(images)
        except self._failure as error:
            raise RequestError(
                f"train.compile: torch cannot compile here ({_why(error)}); write compile: false"
            ) from error
        return scores


def _why(error: Exception) -> str:
    """Return the first line of what went wrong inside; the rest says how to debug torch."""
    lines = str(getattr(error, "inner_exception", error)).splitlines()
    return truncate(next((line.strip() for line in lines if line.strip()), type(error).__name__), 200)


class WeightAverage:
    """An exponential moving average of the weights, which often classifies better than the last ones do.

    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    Attributes:
        module: a copy whose weights and statistics are the averages; in evaluation mode, and never trained.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        """Start from the weights of `module`; a step keeps the fraction `decay` of the average."""
        self.module = deepcopy(module).eval().requires_grad_(requires_grad=False)
        self._decay = decay
        self._mean = [*self.module.parameters(), *self.module.buffers()]
        self._trained = [*module.parameters(), *module.buffers()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step of the run, counted from 0.

        Early steps keep less, (1 + step)/(10 + step) at most, so that the initial weights are soon forgotten.
        """
        keep = min(self._decay, (1 + step) / (10 + step))
        floats = [pair for pair in zip(self._mean, self._trained, strict=True) if pair[0].is_floating_point()]
        torch._foreach_lerp_([mean for mean, _ in floats], [now for _, now in floats], 1 - keep)
        for mean, now in zip(self._mean, self._trained, strict=True):
            if not mean.is_floating_point():  # how many batches a normalisation has seen
                mean.copy_(now)
