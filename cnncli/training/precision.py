"""The precision of a run: its dtype, autocast with the convolutions that must not be cast, and loss scaling for float16.

In bfloat16 and float16 on the CPU, oneDNN (seen with torch 2.14) leaves entries of a convolution's weight gradient unwritten:
those of taps that lie in the padding at every window, of which padded maps of 1×1 and 2×2 have many. What stands there is what the
memory held before, where the true gradient is 0. Such convolutions run in float32, which has not been seen to do so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple, Self

import torch
from torch.overrides import TorchFunctionMode

from cnncli.analysis.report import Row, report
from cnncli.arithmetic.windows import Window, same, transposed
from cnncli.layers._convolution import Convolution
from cnncli.layers.partial_conv import PartialConv2d
from cnncli.layers.traced import Operation
from cnncli.layers.wrapped import Given
from cnncli.network import Network

MARGIN = 1.1  # times as fast as float32 that bfloat16 must be, for it is less exact
FAR = 4.0  # times as slow as at the race is far slower
STEPS, STRETCH = 10, 2.0  # over so many steps, and seconds, at least

FOR_GOOD = "write train.precision: {} for a run that always ends with the same bytes"


class Race(NamedTuple):
    """Seconds per image that the forward and the backward pass take."""

    float32: float
    bfloat16: float

    @property
    def winner(self) -> torch.dtype:
        """bfloat16 where it is clearly faster."""
        return torch.bfloat16 if self.float32 > MARGIN * self.bfloat16 else torch.float32

    @property
    def note(self) -> str:
        """What was measured, and how to choose for good."""
        ratio, numbers = self.float32 / self.bfloat16, name_of(self.winner)
        measured = f"a step in bfloat16 was measured to be {ratio:.2g} times as fast as in float32"
        return f"train.precision: auto is {numbers}: {measured}; {FOR_GOOD.format(numbers)}"


@dataclass
class Precision:
    """The precision of a run, which may fall back from bfloat16 to float32 on the way.

    Attributes:
        dtype: of the forward pass now.
        race: what chose it, None where the recipe or the device did.
        fallback: epoch and step, from 1, before which bfloat16 was given up for float32.
    """

    dtype: torch.dtype
    race: Race | None = None
    fallback: tuple[int, int] | None = None
    _usual: float = field(default=0.0, repr=False)  # seconds an image
    _taken: list[tuple[float, int]] = field(default_factory=list, repr=False)  # seconds and images of the last steps

    def __post_init__(self) -> None:
        """Expect steps to take what they took in the race."""
        if self.race and not self._usual:
            self._usual = self.race.bfloat16

    @property
    def memory(self) -> dict[str, Any]:
        """What checkpoints and env.json hold of it, as plain values."""
        memory: dict[str, Any] = {"precision": name_of(self.dtype)}
        if self.race:
            memory["precision_race"] = self.race._asdict()
        if self.fallback:
            memory["precision_left"] = dict(zip(("epoch", "step"), self.fallback, strict=True))
        return memory

    @classmethod
    def from_saved(cls, memory: Mapping[str, Any]) -> Self | None:
        """Return the precision that `memory` holds, None where it holds none."""
        dtype = getattr(torch, str(memory.get("precision")), None)
        if not isinstance(dtype, torch.dtype):
            return None
        race, left = memory.get("precision_race"), memory.get("precision_left")
        return cls(dtype, Race(**race) if race else None, (left["epoch"], left["step"]) if left else None)

    def far_slower(self, seconds: float, images: int) -> bool:
        """Record a step, and return whether steps have been far slower than expected for some time."""
        if self.race is None or self.dtype == torch.float32:
            return False
        self._taken.append((seconds, images))
        if len(self._taken) < STEPS or sum(seconds for seconds, _ in self._taken) < STRETCH:
            return False
        now = median(seconds / images for seconds, images in self._taken)
        self._taken.clear()
        slower = now > FAR * self._usual
        if slower:
            self._usual = now  # should it stay with bfloat16 all the same, nothing faster is expected from now on
        return slower

    def fall_back(self, epoch: int, step: int) -> None:
        """Compute in float32 from that step on, counted from 1 as the epoch is."""
        self.dtype, self.fallback = torch.float32, (epoch, step)

    @property
    def fallback_note(self) -> str:
        """Where bfloat16 was given up, and how to choose for good; "" where it was not."""
        if self.fallback is None:
            return ""
        slower = "steps in bfloat16 had become far slower, and slower than in float32, which they are in from there on"
        return f"epoch {self.fallback[0]}, step {self.fallback[1]}: {slower}; {FOR_GOOD.format('float32 or bfloat16')}"


def name_of(dtype: torch.dtype) -> str:
    """Return the name as in a recipe, such as `bfloat16`."""
    return str(dtype).removeprefix("torch.")


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
class Autocast:
    """Autocasting of convolutions and matrix products to `dtype`, while weights stay float32.

    Attributes:
        exact: whether the network may hold convolutions that must stay float32 too; finding them takes 10 μs an operation.
    """

    dtype: torch.dtype
    device: torch.device
    exact: bool = True

    def __call__(self) -> AbstractContextManager[object]:
        """Return the context for a forward pass."""
        return nullcontext() if self.dtype == torch.float32 else self._autocast()

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        exactly = ExactConvolutions() if self.exact and self.device.type == "cpu" else nullcontext()
        with torch.autocast(self.device.type, self.dtype), exactly:
            yield


class ExactConvolutions(TorchFunctionMode):
    """Run convolutions with idle taps in float32, forward and backward, whoever calls them."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        names, options = _CONVOLUTIONS.get(func), dict(kwargs or {})
        if names is not None:
            call = dict(zip(names, args, strict=False)) | options
            dtype, kernel = _compute_dtype(call["input"]), call["weight"].shape[2:]
            window = {name: call.get(name, OPTIONS[name]) for name in OPTIONS if name in names}
            if dtype in REDUCED and needs_float32(call["input"].shape[-len(kernel) :], kernel, **window):
                with torch.autocast("cpu", enabled=False):
                    float32 = {name: x.float() if isinstance(x, torch.Tensor) else x for name, x in call.items()}
                    return func(**float32).to(dtype)
        return func(*args, **options)


def _compute_dtype(image: torch.Tensor) -> torch.dtype | None:
    """Return what a convolution of `image` would compute in on the CPU, None on another device."""
    if image.device.type != "cpu":
        return None
    cast = torch.is_autocast_enabled("cpu") and image.dtype != torch.float64
    return torch.get_autocast_dtype("cpu") if cast else image.dtype


def needs_float32(  # noqa: PLR0913  (a convolution's arguments)
    sizes: Sequence[int],
    kernel: Sequence[int],
    *,
    stride: Axes = 1,
    padding: str | Axes = 0,
    dilation: Axes = 1,
    output_padding: Axes | None = None,
) -> bool:
    """Return whether a convolution must not compute in reduced precision: a tap of it lies in the padding at every window.

    The weight gradient of a transposed convolution is that of the convolution from its output to its input.

    Args:
        sizes: of the maps, for each axis.
        kernel: taps, for each axis.
        stride: as torch takes it, as are the others.
        padding: `same`, `valid`, or how much.
        dilation: between taps.
        output_padding: of a transposed convolution, None of another.
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
    """Return an argument's value for an axis; torch takes one for all, alone or in a sequence."""
    if isinstance(value, int):
        return value
    return value[axis] if len(value) == axes else value[0]


def _sides(padding: str | Axes, axis: int, axes: int, kernel: int, dilation: int) -> tuple[int, int]:
    if isinstance(padding, str):
        return same(kernel, dilation) if padding == "same" else (0, 0)
    both = _at(padding, axis, axes)
    return both, both


def may_need_float32(network: Network) -> bool:
    """Return whether a convolution of `network` has idle taps, or may have: yes where a row says nothing of its windows."""
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


FIRST, GROWTH, BACKOFF, INTERVAL = 2.0**16, 2.0, 0.5, 2000  # those of torch.amp.GradScaler; powers of two lose no bit


class LossScaler:
    """Loss scaling, which keeps float16's small gradients from vanishing (Micikevicius et al., "Mixed precision training", 2017).

    The loss is multiplied by a scale before the backward pass, and the gradients are divided by it after. A step whose gradients
    overflow is skipped and halves the scale; 2,000 steps without an overflow double it. All of that stays on the device, so that
    no step waits for it.

    Attributes:
        scale: float32, one number; 65,536 at first.
        grown: steps without an overflow since the scale changed.
        skipped: steps of the run that were skipped.
    """

    def __init__(self, device: torch.device) -> None:
        self.scale = torch.full((), FIRST, device=device)
        self.grown = torch.zeros((), dtype=torch.int32, device=device)
        self.skipped = torch.zeros((), dtype=torch.int32, device=device)

    def scale_loss(self, loss: torch.Tensor) -> torch.Tensor:
        """Return what the backward pass starts from."""
        return loss * self.scale

    def unscale(self, gradients: Sequence[torch.Tensor], loss: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Divide the gradients by the scale, in place, and choose the next one.

        Args:
            gradients: of the scaled loss.
            loss: of the step, not scaled.

        Returns:
            Two numbers that are 1 or 0: whether a gradient is not finite, and whether that is none of the scale's doing, because
            the loss is not finite itself or because there is nothing left to halve.
        """
        overflow = torch.zeros_like(self.scale)
        torch._amp_foreach_non_finite_check_and_unscale_(list(gradients), overflow, self.scale.reciprocal())
        lost = overflow * torch.logical_or(~loss.isfinite(), self.scale <= 1)
        torch._amp_update_scale_(self.scale, self.grown, overflow, GROWTH, BACKOFF, INTERVAL)
        self.skipped += overflow.to(torch.int32)
        return overflow, lost

    @property
    def memory(self) -> dict[str, torch.Tensor]:
        """What a checkpoint holds of it."""
        return {"scale": self.scale, "grown": self.grown, "skipped": self.skipped}
