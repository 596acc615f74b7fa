"""The first weights of a network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from cnncli.layers.activation import ReLU, ReLU6
from cnncli.network import Network
from cnncli.training.default_recipe import scores_through

WEIGHTED = (_ConvNd, nn.Linear)

_DRAW: dict[str, Callable[[torch.Tensor], object]] = {
    "xavier": nn.init.xavier_uniform_,
    "positive": nn.init.xavier_uniform_,
    "kaiming": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
}


def initialise(module: nn.Module, network: Network, init: str) -> None:
    """Draw the weights of convolutions and dense layers anew, by the name of `train.init`; biases stay as torch drew them.

    xavier: uniform, variance 2/(fan-in + fan-out) (Glorot and Bengio, 2010) · kaiming: uniform, 2/fan-in (He et al., 2015) ·
    positive: xavier, but scores that go through a ReLU, as NiN's do, get biases of 1, as AlexNet's ReLUs do (Krizhevsky et al.,
    2012, section 5): around 0 the first steps push them below it, from where no gradient comes back
    """
    if init == "default":
        return
    for layer in module.modules():
        if isinstance(layer, WEIGHTED) and layer.weight.requires_grad:
            _DRAW[init](layer.weight)
    if init != "positive":
        return
    last, activation = scores_through(network) or ("", None)
    bias = getattr(dict(module.named_modules()).get(last), "bias", None)
    if isinstance(activation, ReLU | ReLU6) and isinstance(bias, nn.Parameter) and bias.requires_grad:
        nn.init.ones_(bias)
