"""Pooling, resizing and padding."""

from __future__ import annotations

from typing import Any

import torch

from cnncli.layers import Layer
from cnncli.layers.adaptive import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
)
from cnncli.layers.mirror_pad import MirrorPad
from cnncli.layers.pool import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from cnncli.layers.resize import MODES, PixelShuffle, Upsample, ZeroPad1d, ZeroPad2d, ZeroPad3d
from cnncli.layers.shape import ChannelShuffle
from cnncli.tracing.said import Reader, Said, Says, ints

Ints = int | tuple[int, ...] | list[int]
PADS: dict[int, type[Layer]] = {2: ZeroPad1d, 4: ZeroPad2d, 6: ZeroPad3d}


def _max_pool(kind: type[MaxPool1d | MaxPool2d | MaxPool3d]) -> Says:
    def max_pool(
        reader: Reader,
        input: torch.Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Said | None:
        if return_indices:
            return None
        layer = kind(
            kernel_size=ints(kernel_size),
            stride=ints(stride) if stride else None,  # torch takes [] for None
            padding=ints(padding),
            dilation=ints(dilation),
            ceil_mode=ceil_mode,
        )
        return Said(layer, (input,))

    return max_pool


def _avg_pool(kind: type[AvgPool1d]) -> Says:
    def avg_pool(
        reader: Reader,
        input: torch.Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Said:
        arguments: dict[str, Any] = {"divisor_override": divisor_override} if kind is not AvgPool1d else {}
        layer = kind(
            kernel_size=ints(kernel_size),
            stride=ints(stride) if stride else None,
            padding=ints(padding),
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            **arguments,
        )
        return Said(layer, (input,))

    return avg_pool


def _adaptive(kind: type[Layer]) -> Says:
    def adaptive(
        reader: Reader,
        input: torch.Tensor,
        output_size: Any,
        return_indices: bool = False,
    ) -> Said | None:
        if return_indices:
            return None
        size = tuple(output_size) if isinstance(output_size, tuple | list) else output_size
        arguments: dict[str, Any] = {"output_size": size}
        return Said(kind(**arguments), (input,))

    return adaptive


def interpolate(
    reader: Reader,
    input: torch.Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Said | None:
    """Nearest, linear and cubic; others are rows without a field."""
    if mode not in MODES or antialias or recompute_scale_factor:
        return None
    arguments: dict[str, Any] = {
        "size": tuple(size) if isinstance(size, tuple | list) else size,
        "scale_factor": tuple(scale_factor) if isinstance(scale_factor, tuple | list) else scale_factor,
    }
    return Said(Upsample(mode=mode, align_corners=align_corners, **arguments), (input,))


def pad(
    reader: Reader,
    input: torch.Tensor,
    pad: Ints,
    mode: str = "constant",
    value: float | None = None,
) -> Said | None:
    """Zeros around the last axes, or what they hold, where the batch is not among them."""
    sides = ints(pad)
    if value or not isinstance(sides, tuple) or len(sides) not in PADS:
        return None
    axes = len(sides) // 2
    if len(reader.shape(input)) < axes or any(reader.dim(input, axis) == 0 for axis in range(-axes, 0)):
        return None
    arguments: dict[str, Any] = {"padding": sides}
    layer = PADS[len(sides)](**arguments) if mode == "constant" else MirrorPad(padding=sides, mode=mode)
    return Said(layer, (input,))


def pixel_shuffle(reader: Reader, input: torch.Tensor, upscale_factor: int) -> Said:
    """Channels become positions."""
    return Said(PixelShuffle(upscale_factor=upscale_factor), (input,))


def channel_shuffle(reader: Reader, input: torch.Tensor, groups: int) -> Said:
    """Channels dealt out over groups."""
    return Said(ChannelShuffle(groups=groups), (input,))


CALLS = {
    "max_pool1d": _max_pool(MaxPool1d),
    "max_pool2d": _max_pool(MaxPool2d),
    "max_pool3d": _max_pool(MaxPool3d),
    "avg_pool1d": _avg_pool(AvgPool1d),
    "avg_pool2d": _avg_pool(AvgPool2d),
    "avg_pool3d": _avg_pool(AvgPool3d),
    "adaptive_avg_pool1d": _adaptive(AdaptiveAvgPool1d),
    "adaptive_avg_pool2d": _adaptive(AdaptiveAvgPool2d),
    "adaptive_avg_pool3d": _adaptive(AdaptiveAvgPool3d),
    "adaptive_max_pool1d": _adaptive(AdaptiveMaxPool1d),
    "adaptive_max_pool2d": _adaptive(AdaptiveMaxPool2d),
    "adaptive_max_pool3d": _adaptive(AdaptiveMaxPool3d),
    "interpolate": interpolate,
    "pad": pad,
    "pixel_shuffle": pixel_shuffle,
    "channel_shuffle": channel_shuffle,
}
