"""Convolutions, transposed convolutions and pools: windows that slide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cnncli.errors import RequestError
from cnncli.formats.onnx.values import Op, Said, Value
from cnncli.layers import Layer, Pairs, Shape, Tensor
from cnncli.layers.adaptive import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
)
from cnncli.layers.conv import Conv1d, Conv2d, Conv3d
from cnncli.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from cnncli.layers.pool import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d

CONVOLUTIONS: tuple[type[Any], ...] = (Conv1d, Conv2d, Conv3d)
TRANSPOSED: tuple[type[Any], ...] = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
MAX: tuple[type[Any], ...] = (MaxPool1d, MaxPool2d, MaxPool3d)
AVERAGE: tuple[type[Any], ...] = (AvgPool1d, AvgPool2d, AvgPool3d)
GLOBAL_MAX: tuple[type[Any], ...] = (AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d)
GLOBAL_AVERAGE: tuple[type[Any], ...] = (AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d)


def of_axes(kinds: tuple[type[Any], ...], axes: int) -> type[Any]:
    """The kind for as many axes; raises `LookupError`."""
    if not 1 <= axes <= len(kinds):
        raise LookupError
    return kinds[axes - 1]


def _windows(op: Op, sizes: Shape, kernel: Shape) -> dict[str, Any]:
    """Stride and dilation, one value an axis, and padding before and after."""
    ones = (1,) * len(kernel)
    stride, dilation = (tuple(op.attributes.get(name, ones)) for name in ("strides", "dilations"))
    return {"stride": stride, "dilation": dilation, "padding": _sides(op, sizes, kernel, stride, dilation)}


def _sides(op: Op, sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pairs:
    """Padding in numbers; SAME_UPPER and SAME_LOWER make as many outputs as strides fit, and differ in the side of an odd one."""
    auto, axes = op.word("auto_pad", "NOTSET"), len(kernel)
    if auto == "VALID":
        return ((0, 0),) * axes
    if auto in {"SAME_UPPER", "SAME_LOWER"}:
        totals = [
            max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True)
        ]
        halves = [(total // 2, total - total // 2) for total in totals]
        return tuple((low, high) if auto == "SAME_UPPER" else (high, low) for low, high in halves)
    pads = op.attributes.get("pads", (0,) * 2 * axes)
    return tuple(zip(pads[:axes], pads[axes:], strict=True))


def conv(op: Op) -> Said | None:
    """Conv: input, kernel, bias."""
    return _conv(op, op.constant(1), op.get(2))


def quantized_conv(op: Op) -> Said | None:
    """QLinearConv, whose scales and zero points are settings."""
    return _conv(op, op.constant(3), op.get(8))


def integer_conv(op: Op) -> Said | None:
    """ConvInteger."""
    return _conv(op, op.constant(1), None)


def _conv(op: Op, weight: Value, bias: Value | None) -> Said | None:
    kernel, groups = weight.shape[2:], op.attributes.get("group", 1)
    layer = of_axes(CONVOLUTIONS, len(kernel))(
        in_channels=weight.shape[1] * groups,
        out_channels=weight.shape[0],
        kernel_size=kernel,
        groups=groups,
        bias=bias is not None,
        **_windows(op, op.x.shape[2:], kernel),
    )
    return Said(layer, (op.x,), _weights(weight, bias))


def conv_transpose(op: Op) -> Said | None:
    """ConvTranspose; padding that takes more from one side than the other is output padding on that other."""
    weight, bias = op.constant(1), op.get(2)
    kernel, groups = weight.shape[2:], op.attributes.get("group", 1)
    windows = _windows(op, op.x.shape[2:], kernel)
    axes = list(zip(op.x.shape[2:], op.output()[2:], kernel, windows["stride"], windows["dilation"], strict=True))
    whole = [(n - 1) * s + (k - 1) * d + 1 for n, _, k, s, d in axes]
    before = _taken(op, windows["padding"], [full - m for full, (_, m, *_) in zip(whole, axes, strict=True)])
    extra = tuple(m - full + 2 * low for (_, m, *_), full, low in zip(axes, whole, before, strict=True))
    layer = of_axes(TRANSPOSED, len(kernel))(
        in_channels=weight.shape[0],
        out_channels=weight.shape[1] * groups,
        kernel_size=kernel,
        groups=groups,
        bias=bias is not None,
        **windows | {"padding": before, "output_padding": extra},
    )
    return Said(layer, (op.x,), _weights(weight, bias))


def _taken(op: Op, padding: Pairs, totals: list[int]) -> Shape:
    """What is taken from the near side of each axis; totals: what is taken from both, output padding counted against it."""
    auto = op.word("auto_pad", "NOTSET")
    if "output_shape" not in op.attributes and not auto.startswith("SAME"):
        return tuple(low for low, _ in padding)
    both = [max(0, total) for total in totals]
    return tuple(total // 2 if auto == "SAME_UPPER" else total - total // 2 for total in both)


def _weights(weight: Value, bias: Value | None) -> dict[str, Value]:
    return {"weight": weight} if bias is None else {"weight": weight, "bias": bias}


def _pool(kinds: tuple[type[Any], ...], more: Callable[[Op], dict[str, Any]]) -> Callable[[Op], Said | None]:
    def pool(op: Op) -> Said | None:
        kernel = tuple(op.attributes["kernel_shape"])
        kind, windows = of_axes(kinds, len(kernel)), _windows(op, op.x.shape[2:], kernel)
        if kinds is AVERAGE and set(windows.pop("dilation")) != {1}:
            return None
        arguments = {"kernel_size": kernel} | windows | more(op)
        arguments["ceil_mode"] = bool(op.attributes.get("ceil_mode", 0))
        found = next(_pools(kind, arguments, op.x.seen.tensor, op.makes().tensor), None)
        return Said(found, (op.x,)) if found and op.lone else None

    return pool


def _pools(kind: type[Any], arguments: dict[str, Any], x: Tensor, y: Tensor) -> Iterator[Layer]:
    """Torch's pools with the same windows: they start where the near padding does, and there are as many of them.

    Torch pads both sides alike; where ONNX pads them differently, rounding up may make up for it.
    """
    pairs, ceils = arguments.pop("padding"), arguments.pop("ceil_mode")
    for ceil in (ceils, not ceils):
        try:
            layer = kind(padding=tuple(before for before, _ in pairs), ceil_mode=ceil, **arguments)
            if layer.outputs((x,)) == (y,):
                yield layer
        except RequestError:
            continue


def global_pool(kinds: tuple[type[Any], ...]) -> Callable[[Op], Said | None]:
    """A reader of one number for each channel."""
    return lambda op: Said(of_axes(kinds, len(op.x.shape) - 2)(), (op.x,))


OPS = {
    "Conv": conv,
    "QLinearConv": quantized_conv,
    "ConvInteger": integer_conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": _pool(MAX, lambda _: {}),
    "AveragePool": _pool(AVERAGE, lambda op: {"count_include_pad": bool(op.attributes.get("count_include_pad", 0))}),
    "GlobalAveragePool": global_pool(GLOBAL_AVERAGE),
    "GlobalMaxPool": global_pool(GLOBAL_MAX),
}
