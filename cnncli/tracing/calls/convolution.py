"""Convolutions and transposed convolutions."""

from __future__ import annotations

from typing import Any

import torch

from cnncli.layers import Layer
from cnncli.layers.conv import Conv1d, Conv2d, Conv3d
from cnncli.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from cnncli.tracing.said import Reader, Said, Says, ints, weights

Ints = int | tuple[int, ...] | list[int]


def _convolution(kind: type[Layer]) -> Says:
    def conv(
        reader: Reader,
        input: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
        stride: Ints = 1,
        padding: Ints | str = 0,
        dilation: Ints = 1,
        groups: int = 1,
    ) -> Said:
        arguments: dict[str, Any] = {
            "in_channels": weight.shape[1] * groups,
            "out_channels": weight.shape[0],
            "kernel_size": tuple(weight.shape[2:]),
            "stride": ints(stride),
            "padding": padding if isinstance(padding, str) else ints(padding),
            "dilation": ints(dilation),
            "groups": groups,
            "bias": bias is not None,
        }
        return Said(kind(**arguments), (input,), weights(weight=weight, bias=bias))

    return conv


def _transposed(kind: type[Layer]) -> Says:
    def conv_transpose(
        reader: Reader,
        input: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        dilation: Ints = 1,
    ) -> Said:
        arguments: dict[str, Any] = {
            "in_channels": weight.shape[0],
            "out_channels": weight.shape[1] * groups,
            "kernel_size": tuple(weight.shape[2:]),
            "stride": ints(stride),
            "padding": ints(padding),
            "output_padding": ints(output_padding),
            "dilation": ints(dilation),
            "groups": groups,
            "bias": bias is not None,
        }
        return Said(kind(**arguments), (input,), weights(weight=weight, bias=bias))

    return conv_transpose


CALLS = {
    "conv1d": _convolution(Conv1d),
    "conv2d": _convolution(Conv2d),
    "conv3d": _convolution(Conv3d),
    "conv_transpose1d": _transposed(ConvTranspose1d),
    "conv_transpose2d": _transposed(ConvTranspose2d),
    "conv_transpose3d": _transposed(ConvTranspose3d),
}
