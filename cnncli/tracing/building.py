"""Builds a module to be looked at: its shapes are its own, its weights are nobody's.

Most of the time that a constructor takes goes into random numbers, and most of the memory into the weights that hold them; a
recording needs neither. What a constructor computes with (widths, positions, anchors) has its numbers
as ever: it comes from `arange`, `linspace` and the like.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnncli.tracing.garbage import settled, uncollected

Built = TypeVar("Built")
Function: TypeAlias = Callable[..., Any]

RANDOM: frozenset[Function] = frozenset(
    {Tensor.uniform_, Tensor.normal_, nn.init.uniform_, nn.init.normal_, nn.init.trunc_normal_}
)
"""What fills a tensor with random numbers."""
FILLING: frozenset[Function] = RANDOM | {Tensor.fill_, Tensor.zero_, nn.init.constant_, nn.init.ones_, nn.init.zeros_}
"""What fills a tensor; all of these hand back the one they fill, and refuse none by its shape."""
WEIGHTS: frozenset[Function] = frozenset({torch.empty, torch.rand, torch.randn, torch.zeros, torch.ones, torch.full})
"""What makes weights, or the running means beside them, where it makes real numbers."""


LARGE = 2**20
"""Numbers in a tensor that is a weight, and no constant, where its constructor leaves it empty."""


def built(factory: Callable[[], Built]) -> Built:
    """What `factory` makes, its weights on the meta device, where they have no memory; on the CPU where they cannot be there.

    No weight is initialised: on the CPU they are zeros where they would be random. Raises what `factory` raises on the CPU.
    """
    settled()
    with uncollected(), torch.random.fork_rng(devices=[]):
        with suppress(Exception):  # whatever somebody else's constructor raises; a fault of its own is raised again
            found = _without_memory(factory)
            if isinstance(found, nn.Module):
                _FACTORIES[found] = factory
            return found
        with _Zeros():
            return factory()


_FACTORIES: WeakKeyDictionary[nn.Module, Callable[[], Any]] = WeakKeyDictionary()
"""What made the modules that have no memory."""


def numbered(module: nn.Module) -> None:
    """Give buffers that no state dict holds their numbers, where `built` left them without: it is built again for these alone."""
    kept = module.state_dict().keys()
    buffers = {name: each for name, each in module.named_buffers(remove_duplicate=False) if name not in kept}
    lacking = [name for name, each in buffers.items() if each.is_meta]
    if not lacking or module not in _FACTORIES:
        return
    with suppress(Exception), uncollected(), torch.random.fork_rng(devices=[]), _Numbers():
        again = dict(_FACTORIES[module]().named_buffers(remove_duplicate=False))
        for name in lacking:
            path, _, last = name.rpartition(".")
            if name in again and again[name].shape == buffers[name].shape:
                module.get_submodule(path)._buffers[last] = again[name]


def _without_memory(factory: Callable[[], Built]) -> Built:
    with warnings.catch_warnings(), _Meta():
        warnings.filterwarnings("ignore", ".*copying from a non-meta parameter")  # weights that it loads
        return factory()


class _Bare(TorchFunctionMode):
    """While entered, weights are not filled."""

    def __torch_function__(
        self, func: Function, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        """Run a function, or hand back the tensor that it would fill."""
        del types
        kwargs = kwargs or {}
        if func in FILLING:
            filled = args[0] if args else kwargs["tensor"]
            if filled.is_meta or (func in RANDOM and isinstance(filled, nn.Parameter)):
                return filled
        if (
            func is nn.init.kaiming_uniform_
        ):  # does its sums out of sight; this one has the same checks, and does them here
            with self:
                return nn.init.kaiming_normal_(*args, **kwargs)
        return self.run(func, args, kwargs)

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run a function that fills no weights."""
        raise NotImplementedError


class _Meta(_Bare):
    """The same, and weights have no memory."""

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run a function; what it makes is on the meta device where it is weights."""
        if function in WEIGHTS and _is_real(kwargs.get("dtype")) and not {"device", "out"} & _given(kwargs):
            kwargs = {**kwargs, "device": "meta"}
        return function(*args, **kwargs)


class _Zeros(_Bare):
    """The same, and what nobody fills is zero."""

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run a function; where it would leave numbers as they are in memory they are zeros."""
        return (torch.zeros if function is torch.empty else function)(*args, **kwargs)


class _Numbers(_Zeros):
    """The same, and parameters are let be: what is large and nobody writes to takes no memory."""

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run a function, unless it overwrites a parameter."""
        name = getattr(function, "__name__", "")
        overwrites = name.endswith("_") and not name.endswith("__") and name != "requires_grad_"
        if args and isinstance(args[0], nn.Parameter) and overwrites:
            return args[0]
        if function is torch.empty:
            found: torch.Tensor = function(*args, **kwargs)
            return found if found.numel() > LARGE or found.is_meta else torch.zeros_like(found)
        return super().run(function, args, kwargs)


def _is_real(dtype: torch.dtype | None) -> bool:
    return dtype is None or dtype.is_floating_point


def _given(kwargs: Mapping[str, object]) -> set[str]:
    return {name for name, value in kwargs.items() if value is not None}
