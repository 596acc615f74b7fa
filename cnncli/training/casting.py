"""The numbers that a forward pass computes in, and the convolutions that must not compute in reduced ones.

In bfloat16 and float16 on the CPU, oneDNN (seen with torch 2.14) leaves entries of a convolution's weight gradient unwritten: those
of taps that lie in the padding at every window, of which padded maps of 1×1 and 2×2 have many. What stands there is what the
memory held before, where the true gradient is 0. Such convolutions run in float32, which has not been seen to do so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from cnncli.analysis.report import Row, report
from cnncli.arithmetic.windows import Window, same, transposed
from cnncli.layers._convolution import Convolution
from cnncli.layers.partial_conv import PartialConv2d
from cnncli.layers.traced import Operation
from cnncli.layers.wrapped import Given
from cnncli.network import Network

Axes = int | Sequence[int]
"""A number for all axes, or one for each."""

OPTIONS = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
REDUCED = (torch.bfloat16, torch.float16)

_PLAIN = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_SPREAD = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_CONVOLUTIONS: dict[Callable[..., torch.Tensor], tuple[str, ...]] = {
    **dict.fromkeys((torch.conv1d, torch.conv2d, torch.conv3d), _PLAIN),
    **dict.fromkeys((torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d), _SPREAD),
}


@dataclass(frozen=True)
class Casting:
    """Where convolutions and matrix products compute in `numbers`, while weights stay float32.

    exact: whether the network may hold convolutions that must stay float32 too; finding them takes 10 μs an operation
    """

    numbers: torch.dtype
    device: torch.device
    exact: bool = True

    def __call__(self) -> AbstractContextManager[object]:
        """What the forward pass runs in."""
        return nullcontext() if self.numbers == torch.float32 else self._autocast()

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        exactly = ExactConvolutions() if self.exact and self.device.type == "cpu" else nullcontext()
        with torch.autocast(self.device.type, self.numbers), exactly:
            yield


class ExactConvolutions(TorchFunctionMode):
    """Runs convolutions with idle taps in float32, forward and backward, whoever calls them."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        """Called in place of every operation of torch."""
        names, options = _CONVOLUTIONS.get(func), dict(kwargs or {})
        if names is not None:
            given = dict(zip(names, args, strict=False)) | options
            numbers, kernel = _numbers(given["input"]), given["weight"].shape[2:]
            window = {name: given.get(name, OPTIONS[name]) for name in OPTIONS if name in names}
            if numbers in REDUCED and needs_float32(given["input"].shape[-len(kernel) :], kernel, **window):
                with torch.autocast("cpu", enabled=False):
                    wide = {name: _float32(value) for name, value in given.items()}
                    return func(**wide).to(numbers)
        return func(*args, **options)


def _numbers(image: torch.Tensor) -> torch.dtype | None:
    """Those that a convolution of `image` would compute in on the CPU; None on another device."""
    if image.device.type != "cpu":
        return None
    cast = torch.is_autocast_enabled("cpu") and image.dtype != torch.float64
    return torch.get_autocast_dtype("cpu") if cast else image.dtype


def _float32(value: object) -> object:
    return value.float() if isinstance(value, torch.Tensor) else value


def needs_float32(  # noqa: PLR0913  (a convolution's arguments)
    sizes: Sequence[int],
    kernel: Sequence[int],
    *,
    stride: Axes = 1,
    padding: str | Axes = 0,
    dilation: Axes = 1,
    output_padding: Axes | None = None,
) -> bool:
    """Whether a convolution of maps of these sizes must not be reduced: a tap of it lies in the padding at every window.

    output_padding: of a transposed convolution, None of another. The weight gradient of a transposed one is that of the convolution
    from its output to its input.
    """
    axes = len(kernel)
    for axis, (inputs, taps) in enumerate(zip(sizes, kernel, strict=True)):
        apart, step = _at(dilation, axis, axes), _at(stride, axis, axes)
        before, after = _sides(padding, axis, axes, taps, apart)
        window = Window(taps, step, before, after, apart)
        if output_padding is None:
            size, count = inputs, window.count(inputs)
            if axis == 2 and count == 1 < step:  # a wrong result, https://github.com/pytorch/pytorch/issues/169688
                return True
        else:
            size, count = transposed(inputs, window, _at(output_padding, axis, axes)), inputs
        if window.idle(size, count):
            return True
    return False


def _at(value: Axes, axis: int, axes: int) -> int:
    """An argument's number for an axis; torch takes one for all, alone or in a sequence."""
    if isinstance(value, int):
        return value
    return value[axis] if len(value) == axes else value[0]


def _sides(padding: str | Axes, axis: int, axes: int, kernel: int, dilation: int) -> tuple[int, int]:
    if isinstance(padding, str):
        return same(kernel, dilation) if padding == "same" else (0, 0)
    both = _at(padding, axis, axes)
    return both, both


def may_need_float32(network: Network) -> bool:
    """Whether a convolution of `network` has idle taps, or may have: yes where a row says nothing of its windows."""
    return any(map(_may_need_float32, report(network).rows))


def _may_need_float32(row: Row) -> bool:
    layer = row.layer.layer if isinstance(row.layer, Given) else row.layer
    if isinstance(layer, Convolution | PartialConv2d):
        padding: Any = layer.padding
        if isinstance(padding, tuple) and isinstance(padding[0], tuple):
            return False  # the module pads first, and the convolution has no padding of its own
        options = {name: getattr(layer, name) for name in ("dilation", "output_padding") if hasattr(layer, name)}
        return needs_float32(
            row.call.x.shape[-len(layer.kernel) :], layer.kernel, stride=layer.stride, padding=padding, **options
        )
    if isinstance(layer, Operation) or layer.idles:
        return row.macs != 0 or any(len(shape) > 2 for shape in layer.weights.values())
    return layer.kind.startswith("conv")
