"""Activations, softmax and dropout."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cnncli.layers import Layer
from cnncli.layers.activation import (
    CELU,
    ELU,
    GELU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from cnncli.layers.dropout import Dropout, Dropout2d
from cnncli.tracing.said import Reader, Said, Says


def _plain(kind: type[Layer]) -> Says:
    def activation(reader: Reader, input: torch.Tensor) -> Said:
        return Said(kind(), (input,))

    return activation


def _in_place(kind: type[Layer], **names: object) -> Says:
    """names: the layer's arguments in torch's order, with their defaults."""

    def activation(
        reader: Reader, input: torch.Tensor, *values: object, inplace: bool = False, **named: object
    ) -> Said:
        given: dict[str, Any] = {**dict(zip((*names, "inplace"), values, strict=False)), **named}
        return Said(kind(**{"inplace": inplace, **names, **given}), (input,))

    return activation


def hardtanh(
    reader: Reader,
    input: torch.Tensor,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> Said:
    """ReLU6 is a hardtanh from 0 to 6, to torch.nn as well."""
    if (min_val, max_val) == (0, 6) and type(reader.module) is not nn.Hardtanh:
        return Said(ReLU6(inplace=inplace), (input,))
    return Said(Hardtanh(min_val=min_val, max_val=max_val, inplace=inplace), (input,))


def gelu(reader: Reader, input: torch.Tensor, approximate: str = "none") -> Said:
    """The normal distribution, or a formula for it."""
    return Said(GELU(approximate=approximate), (input,))


def softplus(reader: Reader, input: torch.Tensor, beta: float = 1.0, threshold: float = 20.0) -> Said:
    """A smooth ReLU."""
    return Said(Softplus(beta=beta, threshold=threshold), (input,))


def prelu(reader: Reader, input: torch.Tensor, weight: torch.Tensor) -> Said:
    """A learned slope."""
    return Said(PReLU(num_parameters=weight.numel()), (input,), {"weight": weight})


def _softmax(kind: type[Softmax]) -> Says:
    def softmax(
        reader: Reader,
        input: torch.Tensor,
        dim: int | None = None,
        _stacklevel: int = 3,
        dtype: torch.dtype | None = None,
    ) -> Said | None:
        if dim is None or dtype not in (None, input.dtype):
            return None
        return Said(kind(dim=reader.dim(input, dim)), (input,))

    return softmax


def _dropout(kind: type[Dropout]) -> Says:
    def dropout(
        reader: Reader,
        input: torch.Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Said:
        return Said(kind(p=p, inplace=inplace), (input,))

    return dropout


CALLS = {
    "relu": _in_place(ReLU),
    "relu6": _in_place(ReLU6),
    "selu": _in_place(SELU),
    "silu": _in_place(SiLU),
    "mish": _in_place(Mish),
    "hardswish": _in_place(Hardswish),
    "hardsigmoid": _in_place(Hardsigmoid),
    "leaky_relu": _in_place(LeakyReLU, negative_slope=0.01),
    "elu": _in_place(ELU, alpha=1.0),
    "celu": _in_place(CELU, alpha=1.0),
    "hardtanh": hardtanh,
    "sigmoid": _plain(Sigmoid),
    "tanh": _plain(Tanh),
    "logsigmoid": _plain(LogSigmoid),
    "gelu": gelu,
    "softplus": softplus,
    "prelu": prelu,
    "softmax": _softmax(Softmax),
    "log_softmax": _softmax(LogSoftmax),
    "dropout": _dropout(Dropout),
    "dropout2d": _dropout(Dropout2d),
}
