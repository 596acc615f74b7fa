"""Tensors to call a module with, for the specs that stand for them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import nn

from cnncli.build import NetworkModule
from cnncli.layers import Tensor
from cnncli.tracing.draft import identifier
from cnncli.tracing.recorder import Recorder

Inputs: TypeAlias = "Sequence[Any] | Mapping[str, Any]"
"""Positional or named arguments: `Tensor`s, lists, tuples and dicts of them, and plain values. A `torch.Tensor` is an input without
a batch axis, whose numbers are those that a run on the CPU sees."""


@dataclass(frozen=True)
class Arguments:
    """Makes the arguments of a run, and tells its recorder about them. tensors: the network's inputs by name, once made"""

    recorder: Recorder
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def make(self, inputs: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and named arguments: a tensor for each spec."""
        if isinstance(inputs, Mapping):
            return (), {name: self._value(name, each) for name, each in inputs.items()}
        names = _names(self.recorder.lent.module, len(inputs))
        return tuple(map(self._value, names, inputs)), {}

    def _value(self, name: str, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, Tensor):
            return self._input(name, value)
        if isinstance(value, torch.Tensor):
            return self._input(name, spec_of(value), value)
        if isinstance(value, Mapping):
            return {key: self._value(f"{name}_{identifier(str(key))}", each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            found = [self._value(f"{name}_{at}", each) for at, each in enumerate(value)]
            return type(value)(*found) if hasattr(value, "_fields") else type(value)(found)
        return value

    def _input(self, name: str, spec: Tensor, numbers: torch.Tensor | None = None) -> torch.Tensor:
        """A tensor that flows into the network; unless they are given, real numbers are random ones, whole numbers are zeros."""
        device, batch = self.recorder.device, self.recorder.marks.batch
        sizes = list(spec.shape)
        if spec.batch is not None:
            sizes.insert(spec.batch, batch.size)
        dtype: torch.dtype = getattr(torch, spec.dtype)
        random = device != "meta" and (dtype.is_floating_point or dtype.is_complex)
        tensor = torch.rand(sizes).to(dtype) if random else torch.zeros(sizes, dtype=dtype, device=device)
        if numbers is not None and device != "meta":
            tensor = numbers.detach().to(device, copy=True)
        while name in self.tensors or name in self.recorder.lent.modules:
            name += "_"
        self.tensors[name] = spec if spec.batch is None else Tensor(spec.shape, spec.dtype)
        self.recorder.input(name, tensor, self.tensors[name])
        return tensor


def spec_of(tensor: torch.Tensor) -> Tensor:
    """A tensor that has no batch axis, as data."""
    return Tensor(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), None)


def leaves(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    """All specs within `value`."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, torch.Tensor):
        yield spec_of(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)


def _names(module: nn.Module, count: int) -> list[str]:
    """`input` where there is one; else what the module's forward calls them."""
    if isinstance(module, NetworkModule):
        return list(module._network.inputs)
    if count == 1:
        return ["input"]
    parameters = inspect.signature(module.forward).parameters.values()
    named = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    return [named[at] if at < len(named) else f"input_{at}" for at in range(count)]
