"""A module lent for a run: other tensors stand in for its own, and everything is put back whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.jit import ScriptModule
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from cnncli.tracing.signature import is_dense


@dataclass(frozen=True)
class Lent:
    """A module while it is lent.

    modules: every module by its path · own: every tensor that stands in by its name; one that has several goes by the first ·
    instead: the one that stands in for each of the module's own, by the id of that
    """

    module: nn.Module
    modules: dict[str, nn.Module]
    own: dict[str, torch.Tensor]
    instead: dict[int, torch.Tensor]


@contextmanager
def lent(module: nn.Module, device: str, *, training: bool) -> Iterator[Lent]:
    """Lend `module`, in train or eval mode, with tensors on `device` ("meta" or "cpu") in place of its own.

    On the meta device they have no memory; on the CPU they are copies, so that nothing that is done to them shows. What TorchScript
    has compiled keeps its own. Afterwards every attribute of every module is as it was.
    """
    modules = dict(module.named_modules())
    held = [_Compiled(each) if isinstance(each, ScriptModule) else _Held(each) for each in modules.values()]
    try:
        instead: dict[int, torch.Tensor] = {}
        for each in modules.values():
            if isinstance(each, ScriptModule):
                each.training = training
            else:
                each.__dict__["training"] = training
                _exchange(each, device, instead)
        yield Lent(module, modules, _named(modules), instead)
    finally:
        for state in held:
            state.restore()


def _exchange(module: nn.Module, device: str, instead: dict[int, torch.Tensor]) -> None:
    for own in _tensors(module):
        for name, tensor in own.items():
            if tensor is not None:
                if id(tensor) not in instead:
                    instead[id(tensor)] = _stand_in(tensor, device)
                own[name] = instead[id(tensor)]


def _named(modules: dict[str, nn.Module]) -> dict[str, torch.Tensor]:
    found: dict[int, tuple[str, torch.Tensor]] = {}
    for path, module in modules.items():
        for own in _tensors(module):
            for name, tensor in own.items():
                if tensor is not None:
                    found.setdefault(id(tensor), (f"{path}.{name}" if path else name, tensor))
        for name, tensor in _packed(module).items():
            found[id(tensor)] = (f"{path}.{name}" if path else name, tensor)
    return dict(found.values())


def _packed(module: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    """The numbers of a quantized layer, which torch keeps in a form of its own and hands out when asked."""
    if not is_quantized(module) or isinstance(module, ScriptModule):
        return {}
    asked = {name: getattr(module, name) for name in ("weight", "bias") if callable(getattr(module, name, None))}
    return {name: tensor.detach() for name, ask in asked.items() if isinstance(tensor := ask(), torch.Tensor)}


def is_quantized(module: nn.Module) -> bool:
    """Whether a module is one of those that torch.ao.quantization makes."""
    return any(kind.__module__.startswith("torch.ao.nn.quantized.") for kind in type(module).__mro__)


def _tensors(module: nn.Module) -> tuple[dict[str, Any], ...]:
    return module._parameters, module._buffers


def _stand_in(tensor: torch.Tensor, device: str) -> torch.Tensor:
    if device == "meta" and tensor.is_meta:
        return tensor
    if isinstance(tensor, UninitializedParameter | UninitializedBuffer):
        kind: Any = type(tensor)
        return kind(tensor.requires_grad, device=device, dtype=tensor.dtype)  # type: ignore[no-any-return]
    with torch.no_grad():
        if not is_dense(tensor):
            new = tensor.detach().clone()
        elif device == "meta":
            new = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device=device)
        else:
            new = torch.zeros_like(tensor, device=device) if tensor.is_meta else tensor.detach().to(device, copy=True)
    return nn.Parameter(new, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else new


class _Compiled:
    """The mode of a module that TorchScript compiled; its tensors stay where they are."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.training = module, module.training

    def restore(self) -> None:
        """Put the mode back."""
        self.module.training = self.training


class _Held:
    """A module's attributes as they are now, and what stands in those that are containers."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.kind = module, type(module)
        self.attributes: dict[str, Any] = module.__dict__.copy()
        containers: list[Any] = [each for each in self.attributes.values() if isinstance(each, dict | list | set)]
        self.contents = [(each, each.copy() if each else ()) for each in containers]

    def restore(self) -> None:
        """Put everything back."""
        self.module.__class__ = self.kind
        self.module.__dict__.clear()
        self.module.__dict__.update(self.attributes)
        for value, copy in self.contents:
            if isinstance(value, list):
                value[:] = copy
            elif value or copy:
                value.clear()
                value.update(copy)
