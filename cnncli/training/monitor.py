"""Monitoring of training: statistics of every layer on a few steps, and whether gradients are finite on every step.

It changes no number of the training, and does not wait for the device at every step: what is measured stays there until it is
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from math import isfinite
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

from cnncli.build.modules import ScaledTanh
from cnncli.diagnostics.observation import (
    BATCH_NORM,
    RELU,
    SQUASHING,
    WEIGHTS,
    History,
    Layer,
    Observation,
    Seen,
    watched,
)
from cnncli.training.device import random_state
from cnncli.training.precision import LossScaler

WEIGHT_SAMPLE = 8192  # values of a weight that are compared after the step: enough for the length of the change
OUTPUT_SAMPLE = 16_384  # values of an output that statistics are of: their deviation is within 1 % of that of all
FLAT = 0.95**0.5  # of its way to its end, a tanh's slope is 5 % of its largest, and so is a sigmoid's

_ROLES: dict[str, tuple[type[nn.Module], ...]] = {
    RELU: (nn.ReLU, nn.ReLU6),
    SQUASHING: (nn.Sigmoid, nn.Tanh, ScaledTanh),
    BATCH_NORM: (_BatchNorm,),
}


class LayerMonitor:
    """Observes the layers of a module while it is trained.

    Attributes:
        history: the observations that were read.
        hooked: whether layers can be hooked, which they cannot in a compiled network.
    """

    def __init__(self, module: nn.Module, *, hooked: bool = True) -> None:
        roles = {name: (layer, role) for name, layer in module.named_modules() if (role := _role(layer)) is not None}
        self.modules = {name: layer for name, (layer, _) in roles.items()}
        self.history = History(tuple(Layer(name, type(layer).__name__, role) for name, (layer, role) in roles.items()))
        self.hooked = hooked
        self._step: StepMonitor | None = None
        self._unread: list[StepMonitor] = []

    def resume(self, history: History) -> None:
        """Add to earlier observations of the same network."""
        if history.layers == self.history.layers:
            self.history = history

    def begin(self, step: int, epoch: int, steps: int) -> None:
        """Observe the step of the run that comes now, from 0, if it is one of those that are; steps: of an epoch."""
        self._step = StepMonitor(self, step, epoch) if watched(step, steps) else None
        if self._step:
            self._unread.append(self._step)

    def forward(self, images: torch.Tensor) -> AbstractContextManager[None]:
        """Return the context for the forward pass, which begins with `images`."""
        return self._step.forward(images) if self._step else nullcontext()

    def after_backward(self) -> None:
        """Observe the gradients, before the optimizer's step."""
        if self._step:
            self._step.after_backward()

    def after_update(self) -> None:
        """Observe how far the optimizer's step has moved the weights."""
        if self._step:
            self._step.after_update()

    def read(self) -> None:
        """Add what was observed to `history`; waits for the device."""
        for step in self._unread:
            last = self.history.last
            self.history = self.history.added(step.observation(0 if last is None else last.place + 1))
        self._unread.clear()


class _Before(NamedTuple):
    """A weight before the step: some of its values, and their 2-norm."""

    sample: torch.Tensor
    norm: torch.Tensor


class StepMonitor:
    """Observes one step: its forward pass, its gradients, and what it changed."""

    def __init__(self, monitor: LayerMonitor, step: int, epoch: int) -> None:
        self._monitor, self._step, self._epoch = monitor, step, epoch
        self._statistics: dict[tuple[str, str], torch.Tensor] = {}
        self._input: tuple[torch.Tensor, torch.Tensor] | None = None
        self._images = 0
        self._weights = {
            name: weight
            for name, layer in monitor.modules.items()
            if (weight := _weight(layer)) is not None and weight.requires_grad
        }
        self._before: dict[str, _Before] = {}

    @contextmanager
    def forward(self, images: torch.Tensor) -> Iterator[None]:
        """Observe the outputs of the layers as they run on `images` for the first time."""
        self._images = len(images)
        self._input = _moments(_sample(images, OUTPUT_SAMPLE))
        with ExitStack() as hooks:
            for name, layer in self._monitor.modules.items() if self._monitor.hooked else ():
                hooks.callback(layer.register_forward_hook(partial(self._output, name)).remove)
            yield

    @torch.no_grad()
    def after_backward(self) -> None:
        """Observe the gradients, and keep the weights that are about to change."""
        for name, weight in self._weights.items():
            if weight.grad is None:
                continue
            self._statistics[name, "gradient"] = torch.linalg.vector_norm(weight.grad)
            self._statistics[name, "weight"] = torch.linalg.vector_norm(weight)
            sample = _sample(weight, WEIGHT_SAMPLE).clone()
            self._before[name] = _Before(sample, torch.linalg.vector_norm(sample))

    @torch.no_grad()
    def after_update(self) -> None:
        """Observe how far the step has moved the weights."""
        for name, (sample, norm) in self._before.items():
            change = torch.linalg.vector_norm(_sample(self._weights[name], WEIGHT_SAMPLE) - sample)
            self._statistics[name, "update"] = change / norm
        self._before.clear()

    def observation(self, place: int) -> Observation:
        """Return what was observed; waits for the device. place: how many observations there were before it."""
        inputs = list(self._input or ())
        values = _rounded([*self._statistics.values(), *inputs])
        statistics = dict(zip(self._statistics, values, strict=False))
        mean, deviation = values[len(statistics) :] if inputs else (None, None)
        seen = tuple(Seen(*(statistics.get((name, what)) for what in Seen._fields)) for name in self._monitor.modules)
        return Observation(self._step, self._epoch, place, self._images, mean, deviation, seen)

    @torch.no_grad()
    def _output(self, name: str, layer: nn.Module, _inputs: object, output: object) -> None:
        if not isinstance(output, torch.Tensor) or not output.is_floating_point() or (name, "mean") in self._statistics:
            return
        sample = _sample(output, OUTPUT_SAMPLE)
        self._statistics[name, "mean"], self._statistics[name, "deviation"] = _moments(sample)
        idle = _idle_fraction(layer, output, sample)
        if idle is not None:
            self._statistics[name, "idle"] = idle


def _role(layer: nn.Module) -> str | None:
    """Return what a layer is to the rules; None where there is nothing to observe: containers, pools, flattening."""
    role = next((role for role, types in _ROLES.items() if isinstance(layer, types)), None)
    return role or (WEIGHTS if _weight(layer) is not None else None)


def _weight(layer: nn.Module) -> nn.Parameter | None:
    """Return the first of its own parameters with at least two axes, else the first of all."""
    parameters = list(layer.parameters(recurse=False))
    return next((weight for weight in parameters if weight.ndim > 1), parameters[0] if parameters else None)


def _idle_fraction(layer: nn.Module, output: torch.Tensor, sample: torch.Tensor) -> torch.Tensor | None:
    """Return the fraction of a ReLU's dead units, or of a squashing layer's outputs (of `sample`) that are saturated, else None."""
    if isinstance(layer, _ROLES[RELU]):
        others = [axis for axis in range(output.ndim) if axis != 1]  # N×C or N×C×H×W
        # The sum is 0 where all are, as none is negative; the largest would tell the same, thirty times as slowly.
        return (output.sum(others) == 0).float().mean() if output.ndim > 1 else None
    if not isinstance(layer, _ROLES[SQUASHING]):
        return None
    middle, reach = (0.5, 0.5) if isinstance(layer, nn.Sigmoid) else (0.0, getattr(layer, "amplitude", 1.0))
    return ((sample - middle).abs() > FLAT * reach).float().mean()


def _moments(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation."""
    variance, mean = torch.var_mean(values, correction=0)
    return mean, variance.sqrt()


def _sample(values: torch.Tensor, most: int) -> torch.Tensor:
    """Return at most so many of them, evenly spread in memory, without a copy of the rest."""
    if values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last):
        values = values.permute(0, 2, 3, 1)
    stride = -(-values.numel() // most) | 1  # odd, so as not to meet the same column of a matrix in every row
    return values.detach().reshape(-1)[::stride].float()


def _rounded(tensors: Sequence[torch.Tensor]) -> list[float | None]:
    """Return the values with four digits, None for what is not finite; waits for the device, once."""
    if not tensors:
        return []
    values: list[float] = torch.stack([tensor.float() for tensor in tensors]).tolist()
    return [float(f"{value:.4g}") if isfinite(value) else None for value in values]


EVERY = 50  # steps from one wait for the device to the next


class FiniteCheck:
    """Checks every gradient before it is used.

    Attributes:
        broken: 0, and 1 from the first gradient on that holds an infinity or a NaN: from then on no step moves a weight, so the
            weights stay those before the step that would have spoilt them. An overflow that a smaller loss scale may cure only
            skips its own step.
    """

    def __init__(self, device: torch.device) -> None:
        self.broken = torch.zeros((), device=device)
        self._device = device
        self._sound = torch.zeros((), device=device)
        self._one = torch.ones((), device=device)
        self._known = 0  # steps that are known to be sound
        self._random: list[list[torch.Tensor]] = []  # before each step since then

    def before_step(self) -> None:
        """Keep the state of the random numbers before a step, so that it can be taken once more (0.8 μs)."""
        self._random.append(random_state(self._device))

    def check(self, gradients: Sequence[torch.Tensor]) -> torch.Tensor:
        """Check the gradients of a step; return 1 where the step must not be taken, else 0."""
        # One pass over all of them, the one that torch.amp.GradScaler makes (LeNet, CPU: 11 μs; their norm takes 70 μs).
        torch._amp_foreach_non_finite_check_and_unscale_(list(gradients), self.broken, self._one)
        self._sound += 1 - self.broken
        return self.broken

    def check_scaled(self, gradients: Sequence[torch.Tensor], scaler: LossScaler, loss: torch.Tensor) -> torch.Tensor:
        """Do the same for gradients of a scaled loss, which are divided by the scale; loss: of the step, not scaled."""
        overflow, lost = scaler.unscale(gradients, loss)
        self.broken = torch.maximum(self.broken, lost)
        self._sound += 1 - self.broken
        return torch.maximum(self.broken, overflow)

    def sound_steps(self) -> int | None:
        """Return how many of the steps checked were sound, None if all were; waits for the device."""
        if self.broken.item():
            return int(self._sound.item())
        self._known += len(self._random)
        self._random.clear()
        return None

    def random_before(self, step: int) -> list[torch.Tensor]:
        """Return the random state before a step, counted from 0, that was checked since all were known to be sound."""
        return self._random[step - self._known]


def finite(tensor: torch.Tensor) -> bool:
    """Return whether all values are finite; waits for the device."""
    return bool(tensor.isfinite().all().item())


def nonfinite(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """Return the name of the first of `tensors` that is not finite; waits for the device."""
    if not tensors or torch.stack([tensor.isfinite().all() for tensor in tensors.values()]).all().item():
        return None
    return next(name for name, tensor in tensors.items() if not finite(tensor))


def first_nonfinite(module: nn.Module, loss: Callable[[], torch.Tensor]) -> str | None:
    """Name what ceases to be finite first in one step: a layer's output, the loss, or a gradient.

    Outputs are checked in the order in which the layers run, gradients in that in which the backward pass comes to them.

    Args:
        module: in training.
        loss: takes the step's forward pass once more.

    Returns:
        Its name in words, None where everything is finite this time.
    """
    first = _FirstNonFinite()
    with ExitStack() as hooks:
        for name, layer in module.named_modules():
            if not any(layer.children()):
                hooks.callback(layer.register_forward_hook(partial(first.check_output, name)).remove)
        for name, weight in module.named_parameters():
            if (hook := first.check_gradient(name, weight)) is not None:
                hooks.callback(hook.remove)
        value = loss()
        first.check("the loss", value)
        if first.name is None:
            torch.autograd.backward(value)
    return first.name


class _FirstNonFinite:
    """Keeps the name of the first tensor that is not finite."""

    def __init__(self) -> None:
        self.name: str | None = None

    def check(self, name: str, tensor: torch.Tensor) -> None:
        if self.name is None and not finite(tensor):
            self.name = name

    def check_output(self, name: str, _layer: nn.Module, _inputs: object, output: object) -> None:
        for tensor in output if isinstance(output, tuple) else (output,):
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                self.check(f"the output of {name}", tensor)
                self.check_gradient(f"the output of {name}", tensor)

    def check_gradient(self, name: str, tensor: torch.Tensor) -> RemovableHandle | None:
        """Check its gradient when the backward pass comes to it."""
        if not tensor.requires_grad:
            return None
        handle: RemovableHandle = tensor.register_hook(partial(self.check, f"the gradient of {name}"))  # type: ignore[no-untyped-call]
        return handle
