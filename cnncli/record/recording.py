"""Runs a module and gives back the network that it is, as far as it came."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnncli.build import NetworkModule
from cnncli.errors import RequestError
from cnncli.layers import Tensor
from cnncli.network import Network
from cnncli.record.examples import Batch, unlikely
from cnncli.record.fault import Fault, fault
from cnncli.record.lending import lent
from cnncli.record.modules import module_calls
from cnncli.record.recorder import Recorder

Inputs: TypeAlias = "Sequence[Any] | Mapping[str, Any]"
"""Positional or named arguments: `Tensor`s, lists, tuples and dicts of them, and plain values."""
LARGEST = 2**33
"""Bytes of weights up to which a module is run on the CPU where the meta device does not do."""


class Recording(NamedTuple):
    """What was recorded.

    network: up to the failure if there was one; its last node is then the call that failed · unused: parameters that nothing
    read, by name · failure: None where the module ran through · device: where it ran
    """

    network: Network
    unused: tuple[str, ...]
    failure: Fault | None
    device: str


def record(
    module: nn.Module,
    inputs: Inputs,
    *,
    name: str = "",
    device: str = "meta",
    training: bool = False,
) -> Recording:
    """The network that `module` is on `inputs`, called `name` (its class unless given).

    inputs: positional arguments, or named ones; a `Tensor` stands for a batch of such examples, or where its batch is None for
    itself · device: `meta` (the CPU where a module cannot run there) or `cpu` · training: in train mode instead of eval mode

    Raises `RequestError` for another device. A module that raises is no error here: see `Recording.failure`.
    """
    if device not in ("meta", "cpu"):
        raise RequestError(f"device {device!r} cannot be recorded on; write meta or cpu")
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    attempts = _attempts(module, list(_leaves(inputs)), device)
    found = None
    for place, batch in attempts:
        tried = _Attempt(module, inputs, name or type(module).__name__, place, batch, training).run()
        if tried.failure is None or tried.failure.certain:
            return tried
        found = tried
    assert found is not None  # noqa: S101
    return found


def _attempts(module: nn.Module, leaves: Sequence[Tensor], device: str) -> Iterator[tuple[str, Batch]]:
    """Where to run, and on how many examples, one after the other until one works."""
    declared = any(tensor.batch is not None for tensor in leaves)
    own = [each for each in (*module.parameters(), *module.buffers()) if not is_lazy(each)]
    if device == "meta" and declared:
        shapes = (*(leaf.shape for leaf in leaves), *(tuple(tensor.shape) for tensor in own))
        yield "meta", Batch(unlikely(size for shape in shapes for size in shape))
    if device == "meta":
        yield "meta", Batch(1, declared=declared)
    if device == "cpu" or sum(tensor.numel() * tensor.element_size() for tensor in own) <= LARGEST:
        yield "cpu", Batch(1, declared=declared)


@dataclass(frozen=True)
class _Attempt:
    """One run of a module on one device."""

    module: nn.Module
    inputs: Inputs
    name: str
    device: str
    batch: Batch
    training: bool
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def run(self) -> Recording:
        """Run the module; give back what was recorded, as far as it came."""
        with torch.random.fork_rng(devices=[]), lent(self.module, self.device, training=self.training) as own:
            recorder = Recorder(own, self.batch, self.device)
            args, kwargs = self._arguments(recorder)
            failure, outputs = None, []
            try:
                with torch.no_grad(), module_calls(recorder, self.module), recorder:
                    result = self.module(*args, **kwargs)
                outputs = recorder.flows(result)
            except Exception as error:  # noqa: BLE001  (whatever somebody else's module raises)
                failure = fault(error, recorder)
            unused = () if failure else recorder.rows.add_unused(name for name, _ in self.module.named_parameters())
            network = recorder.drafts.network(self.name, self.tensors, outputs, _blocks(self.module))
        if failure is not None:
            failure = failure._replace(row=network.nodes[-1].name)
        return Recording(network, unused, failure, self.device)

    def _arguments(self, recorder: Recorder) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The module's arguments: tensors for specs."""
        if isinstance(self.inputs, Mapping):
            return (), {key: self._value(recorder, key, each) for key, each in self.inputs.items()}
        names = _argument_names(self.module, len(self.inputs))
        return tuple(self._value(recorder, key, each) for key, each in zip(names, self.inputs, strict=True)), {}

    def _value(self, recorder: Recorder, name: str, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, Tensor):
            return self._input(recorder, name, value)
        if isinstance(value, Mapping):
            return {key: self._value(recorder, f"{name}_{key}", each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._value(recorder, f"{name}_{at}", each) for at, each in enumerate(value))
        return value

    def _input(self, recorder: Recorder, name: str, spec: Tensor) -> torch.Tensor:
        sizes = list(spec.shape)
        if spec.batch is not None:
            sizes.insert(spec.batch, self.batch.size)
        dtype: torch.dtype = getattr(torch, spec.dtype)
        if self.device == "meta" or not dtype.is_floating_point:
            tensor = torch.zeros(sizes, dtype=dtype, device=self.device)
        else:
            tensor = torch.rand(sizes, dtype=dtype)
        example = spec if spec.batch is None else Tensor(spec.shape, spec.dtype)
        while name in recorder.drafts.taken or name in recorder.drafts.paths:
            name += "_"
        self.tensors[name] = example
        recorder.input(name, tensor, example)
        return tensor


def _leaves(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)


def _argument_names(module: nn.Module, count: int) -> list[str]:
    """`input` where there is one; else what the module's forward calls them."""
    if isinstance(module, NetworkModule):
        return list(module._network.inputs)
    if count == 1:
        return ["input"]
    named = [
        each.name for each in inspect.signature(module.forward).parameters.values() if each.kind is not each.VAR_KEYWORD
    ]
    return [named[at] if at < len(named) and named[at] not in named[:at] else f"input_{at}" for at in range(count)]


def _blocks(module: nn.Module) -> dict[str, str]:
    """What each path is an instance of: modules that hold others, plain containers left out."""
    if isinstance(module, NetworkModule):
        return dict(module._network.blocks)
    return {
        path: type(each).__name__
        for path, each in module.named_modules()
        if path
        and next(each.children(), None) is not None
        and not type(each).__module__.startswith("torch.nn.modules.cont")
    }
