"""The first weights of a network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

WEIGHTED = (_ConvNd, nn.Linear)

_DRAW: dict[str, Callable[[torch.Tensor], object]] = {
    "xavier": nn.init.xavier_uniform_,
    "kaiming": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
    "default": lambda _: None,
}


def initialise(module: nn.Module, init: str) -> None:
    """Draw the weights of convolutions and dense layers anew, by the name of `train.init`; biases stay as torch drew them.

    xavier: uniform, variance 2/(fan-in + fan-out) (Glorot and Bengio, 2010) · kaiming: uniform, 2/fan-in (He et al., 2015)
    """
    for layer in module.modules():
        if isinstance(layer, WEIGHTED) and layer.weight.requires_grad:
            _DRAW[init](layer.weight)
