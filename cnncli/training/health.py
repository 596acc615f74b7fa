"""Whether the numbers are still finite, without waiting for the device at every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from cnncli.training.device import random_state
from cnncli.training.precision import LossScaler

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
    watch = _Watch()
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


class _Watch:
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
