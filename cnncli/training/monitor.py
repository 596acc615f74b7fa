"""Looks at every layer on a few of the training steps, and changes no number of them.

Nothing waits for the device on such a step: what was found stays there until the epoch is over.
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

WEIGHTS_SEEN = 8192  # numbers of a weight that are compared after the step: enough for the length of the change
OUTPUTS_SEEN = 16_384  # numbers of an output that statistics are of: the deviation is within 1 % of that of all
FLAT = 0.95**0.5  # of its way to its end, a tanh's slope is 5 % of its largest, and so is a sigmoid's

_ROLES: dict[str, tuple[type[nn.Module], ...]] = {
    RELU: (nn.ReLU, nn.ReLU6),
    SQUASHING: (nn.Sigmoid, nn.Tanh, ScaledTanh),
    BATCH_NORM: (_BatchNorm,),
}


class Watch:
    """Takes the observations of a run.

    history: those that were read · hooked: whether layers can be hooked, which they cannot in a compiled network
    """

    def __init__(self, module: nn.Module, *, hooked: bool = True) -> None:
        """Nothing has been seen yet."""
        roles = {name: (layer, role) for name, layer in module.named_modules() if (role := _role(layer)) is not None}
        self.modules = {name: layer for name, (layer, _) in roles.items()}
        self.history = History(tuple(Layer(name, type(layer).__name__, role) for name, (layer, role) in roles.items()))
        self.hooked = hooked
        self._sight: Sight | None = None
        self._unread: list[Sight] = []

    def go_on(self, history: History) -> None:
        """Add to what was seen of the same network before."""
        if history.layers == self.history.layers:
            self.history = history

    def begin(self, step: int, epoch: int, steps: int) -> None:
        """Look at the step of the run that comes now, from 0, if it is one of those that are looked at. steps: of an epoch"""
        self._sight = Sight(self, step, epoch) if watched(step, steps) else None
        if self._sight:
            self._unread.append(self._sight)

    def forward(self, images: torch.Tensor) -> AbstractContextManager[None]:
        """What the forward pass runs in. images: those it begins with"""
        return self._sight.forward(images) if self._sight else nullcontext()

    def backward(self) -> None:
        """The gradients are there, and the weights not moved yet."""
        if self._sight:
            self._sight.backward()

    def moved(self) -> None:
        """The weights have been moved."""
        if self._sight:
            self._sight.moved()

    def read(self) -> None:
        """Bring what was found into `history`; waits for the device."""
        for sight in self._unread:
            last = self.history.last
            self.history = self.history.added(sight.observation(0 if last is None else last.place + 1))
        self._unread.clear()


class _Before(NamedTuple):
    """A weight before the step. sample: some of its numbers · norm: their 2-norm"""

    sample: torch.Tensor
    norm: torch.Tensor


class Sight:
    """Looks at one step: at its forward pass, at its gradients, and at what it changed."""

    def __init__(self, watch: Watch, step: int, epoch: int) -> None:
        self._watch, self._step, self._epoch = watch, step, epoch
        self._found: dict[tuple[str, str], torch.Tensor] = {}
        self._input: tuple[torch.Tensor, torch.Tensor] | None = None
        self._images = 0
        self._weights = {
            name: weight for name, layer in watch.modules.items() if (weight := _trained(layer)) is not None
        }
        self._before: dict[str, _Before] = {}

    @contextmanager
    def forward(self, images: torch.Tensor) -> Iterator[None]:
        """Look at the outputs of the layers as they run for the first time in here. images: those they run on"""
        self._images = len(images)
        self._input = _moments(_sample(images, OUTPUTS_SEEN))
        with ExitStack() as hooks:
            for name, layer in self._watch.modules.items() if self._watch.hooked else ():
                hooks.callback(layer.register_forward_hook(partial(self._output, name)).remove)
            yield

    @torch.no_grad()
    def backward(self) -> None:
        """Look at the gradients, and remember the weights that are about to change."""
        for name, weight in self._weights.items():
            if weight.grad is None:
                continue
            self._found[name, "gradient"] = torch.linalg.vector_norm(weight.grad)
            self._found[name, "weight"] = torch.linalg.vector_norm(weight)
            sample = _sample(weight, WEIGHTS_SEEN).clone()
            self._before[name] = _Before(sample, torch.linalg.vector_norm(sample))

    @torch.no_grad()
    def moved(self) -> None:
        """Look at how far the step has moved the weights."""
        for name, (sample, norm) in self._before.items():
            change = torch.linalg.vector_norm(_sample(self._weights[name], WEIGHTS_SEEN) - sample)
            self._found[name, "update"] = change / norm
        self._before.clear()

    def observation(self, place: int) -> Observation:
        """What was found; waits for the device. place: how many there were before it"""
        inputs = list(self._input or ())
        numbers = _numbers([*self._found.values(), *inputs])
        found = dict(zip(self._found, numbers, strict=False))
        mean, deviation = numbers[len(found) :] if inputs else (None, None)
        seen = tuple(Seen(*(found.get((name, what)) for what in Seen._fields)) for name in self._watch.modules)
        return Observation(self._step, self._epoch, place, self._images, mean, deviation, seen)

    @torch.no_grad()
    def _output(self, name: str, layer: nn.Module, _inputs: object, output: object) -> None:
        """A forward hook."""
        if not isinstance(output, torch.Tensor) or not output.is_floating_point() or (name, "mean") in self._found:
            return
        some = _sample(output, OUTPUTS_SEEN)
        self._found[name, "mean"], self._found[name, "deviation"] = _moments(some)
        share = _idle(layer, output, some)
        if share is not None:
            self._found[name, "idle"] = share


def _role(layer: nn.Module) -> str | None:
    """What a layer is to the rules; None for what there is nothing to look at in: containers, pools, flattening."""
    role = next((role for role, types in _ROLES.items() if isinstance(layer, types)), None)
    return role or (WEIGHTS if _weight(layer) is not None else None)


def _weight(layer: nn.Module) -> nn.Parameter | None:
    """Its own weight: the first of its parameters with at least two axes, else the first of all."""
    own = list(layer.parameters(recurse=False))
    return next((each for each in own if each.ndim > 1), own[0] if own else None)


def _trained(layer: nn.Module) -> nn.Parameter | None:
    weight = _weight(layer)
    return weight if weight is not None and weight.requires_grad else None


def _idle(layer: nn.Module, output: torch.Tensor, some: torch.Tensor) -> torch.Tensor | None:
    """The share of a layer's units that do nothing, or of `some` of its outputs that are at an end; None where it has neither."""
    if isinstance(layer, _ROLES[RELU]):
        others = [axis for axis in range(output.ndim) if axis != 1]  # N×C or N×C×H×W
        # The sum is 0 where all are, as none is negative; the largest would tell the same, thirty times as slowly.
        return (output.sum(others) == 0).float().mean() if output.ndim > 1 else None
    if not isinstance(layer, _ROLES[SQUASHING]):
        return None
    middle, reach = (0.5, 0.5) if isinstance(layer, nn.Sigmoid) else (0.0, getattr(layer, "amplitude", 1.0))
    return ((some - middle).abs() > FLAT * reach).float().mean()


def _moments(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation."""
    variance, mean = torch.var_mean(values, correction=0)
    return mean, variance.sqrt()


def _sample(values: torch.Tensor, most: int) -> torch.Tensor:
    """At most so many of them, evenly spread in memory, which takes no copy of the rest."""
    if values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last):
        values = values.permute(0, 2, 3, 1)
    apart = -(-values.numel() // most) | 1  # odd, so as not to meet the same column of a matrix in every row
    return values.detach().reshape(-1)[::apart].float()


def _numbers(tensors: Sequence[torch.Tensor]) -> list[float | None]:
    """With four digits; waits for the device, once."""
    if not tensors:
        return []
    values: list[float] = torch.stack([tensor.float() for tensor in tensors]).tolist()
    return [float(f"{value:.4g}") if isfinite(value) else None for value in values]


EVERY = 50  # steps from one question to the device to the next


class Health:
    """Looks at every gradient before it is used.

    broken: 0, and 1 from the first gradient on that holds an infinity or a NaN: from then on no step moves a weight, so
    the weights stay those before the step that would have spoilt them. An overflow that a smaller loss scale may cure only
    leaves out its own step
    """

    def __init__(self, device: torch.device) -> None:
        self.broken = torch.zeros((), device=device)
        self._device = device
        self._sound = torch.zeros((), device=device)
        self._one = torch.ones((), device=device)
        self._known = 0  # steps that are known to be sound
        self._random: list[list[torch.Tensor]] = []  # before each step since then

    def begin(self) -> None:
        """Take note of where a step's random numbers begin, so that it can be taken once more (0.8 μs)."""
        self._random.append(random_state(self._device))

    def look(self, gradients: Sequence[torch.Tensor]) -> torch.Tensor:
        """Take note of one step's gradients; 1 where the step must not be taken, else 0."""
        # One pass over all of them, the one that torch.amp.GradScaler makes (LeNet, CPU: 11 μs; their norm takes 70 μs).
        torch._amp_foreach_non_finite_check_and_unscale_(list(gradients), self.broken, self._one)
        self._sound += 1 - self.broken
        return self.broken

    def look_scaled(self, gradients: Sequence[torch.Tensor], scaling: LossScaler, loss: torch.Tensor) -> torch.Tensor:
        """The same for gradients of a scaled loss, which are divided by the scale; loss: of the step, not scaled."""
        overflow, lost = scaling.unscale(gradients, loss)
        self.broken = torch.maximum(self.broken, lost)
        self._sound += 1 - self.broken
        return torch.maximum(self.broken, overflow)

    def broke_after(self) -> int | None:
        """How many of the steps looked at were sound, if one was not; waits for the device."""
        if self.broken.item():
            return int(self._sound.item())
        self._known += len(self._random)
        self._random.clear()
        return None

    def random_before(self, step: int) -> list[torch.Tensor]:
        """Where the random numbers of a step stood, counted from 0, that was looked at since all were known to be sound."""
        return self._random[step - self._known]


def finite(tensor: torch.Tensor) -> bool:
    """Whether all numbers in it are; waits for the device."""
    return bool(tensor.isfinite().all().item())


def spoilt(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """The name of the first of `tensors` that is not finite; waits for the device."""
    if not tensors or torch.stack([tensor.isfinite().all() for tensor in tensors.values()]).all().item():
        return None
    return next(name for name, tensor in tensors.items() if not finite(tensor))


def first_break(module: nn.Module, loss: Callable[[], torch.Tensor]) -> str | None:
    """Where the numbers of one step cease to be finite, in words: a layer's output, the loss, or a gradient.

    loss: takes the step's forward pass once more. Outputs are looked at in the order in which the layers run, gradients in that in
    which the backward pass comes to them. None where everything is finite this time.
    """
    watch = _FirstNonFinite()
    with ExitStack() as hooks:
        for name, layer in module.named_modules():
            if not any(layer.children()):
                hooks.callback(layer.register_forward_hook(partial(watch.output, name)).remove)
        for name, weight in module.named_parameters():
            if (hook := watch.gradient(name, weight)) is not None:
                hooks.callback(hook.remove)
        value = loss()
        watch.look("the loss", value)
        if watch.found is None:
            torch.autograd.backward(value)
    return watch.found


class _FirstNonFinite:
    """Keeps the name of the first tensor that is not finite."""

    def __init__(self) -> None:
        self.found: str | None = None

    def look(self, name: str, tensor: torch.Tensor) -> None:
        if self.found is None and not finite(tensor):
            self.found = name

    def output(self, name: str, _layer: nn.Module, _inputs: object, given: object) -> None:
        """A forward hook."""
        for tensor in given if isinstance(given, tuple) else (given,):
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                self.look(f"the output of {name}", tensor)
                self.gradient(f"the output of {name}", tensor)

    def gradient(self, name: str, tensor: torch.Tensor) -> RemovableHandle | None:
        """Look at its gradient when the backward pass comes to it."""
        if not tensor.requires_grad:
            return None
        handle: RemovableHandle = tensor.register_hook(partial(self.look, f"the gradient of {name}"))  # type: ignore[no-untyped-call]
        return handle
