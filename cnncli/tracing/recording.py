"""Runs a module and gives back the network that it is, as far as it came."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from signal import SIGTERM
from threading import get_ident
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn
from torch.jit import ScriptModule
from torch.nn.parameter import is_lazy

from cnncli.build import NetworkModule
from cnncli.errors import RequestError
from cnncli.layers import OWN, Layer, Tensor
from cnncli.layers.activation import Identity
from cnncli.layers.batch_axis import unlikely
from cnncli.layers.conv import Conv1d, Conv2d, Conv3d
from cnncli.layers.dropout import StochasticDepth
from cnncli.layers.linear import Linear
from cnncli.network import Network
from cnncli.tracing.draft import identifier
from cnncli.tracing.examples import Batch
from cnncli.tracing.fault import Fault, fault
from cnncli.tracing.garbage import uncollected
from cnncli.tracing.lending import Lent, is_quantized, lent
from cnncli.tracing.recorder import Recorder
from cnncli.tracing.transforms import torch_calls

# Tensors to call a module with, for the specs that stand for them.

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


# Calls of modules while one is recorded, and modules that are one row.

CONVOLUTIONS: dict[type[nn.Module], type[Conv1d | Conv2d | Conv3d]] = {
    nn.Conv1d: Conv1d,
    nn.Conv2d: Conv2d,
    nn.Conv3d: Conv3d,
}


def carried(modules: Iterable[nn.Module]) -> dict[int, Layer]:
    """The specs of those among `modules` that are one row whatever they call, by the modules' ids.

    Those are what `build` made for a spec that torch.nn has no module for, convolutions whose padding is not zeros, which torch
    pads first, quantized ones, and torchvision's stochastic depth, which does nothing in eval mode.
    """
    found: dict[int, Layer] = {}
    for each in modules:
        if isinstance(each, NetworkModule):
            found |= _built(each)
        elif type(each) in CONVOLUTIONS and each.padding_mode != "zeros":
            found[id(each)] = _convolution(type(each), each, bias=each.bias is not None)
        elif is_quantized(each) and (layer := _unquantized(each)):
            found[id(each)] = layer
        elif _skipped(each):
            found[id(each)] = _skipping(each)
    return found


def _skipped(module: Any) -> bool:  # noqa: ANN401
    name = f"{type(module).__module__}.{type(module).__name__}"
    return name == "torchvision.ops.stochastic_depth.StochasticDepth" and bool(module.p)


def _skipping(module: Any) -> Layer:  # noqa: ANN401
    return StochasticDepth(p=module.p, mode=module.mode)


def _built(module: NetworkModule) -> dict[int, Layer]:
    nodes = {node.shares or node.name: node.layer for node in reversed(module._network.nodes)}
    own = {name: layer for name, layer in nodes.items() if _needs_own(layer)}
    return {id(module.get_submodule(name)): layer for name, layer in own.items()}


def _needs_own(layer: Layer) -> bool:
    return layer.home == OWN or bool(getattr(layer, "sided", False)) or type(layer) is Identity


def _unquantized(module: Any) -> Layer | None:  # noqa: ANN401
    """What a quantized layer does, as the layer that it was made from."""
    names = {kind.__name__ for kind in type(module).__mro__}
    if "Linear" in names:
        return Linear(in_features=module.in_features, out_features=module.out_features, bias=module.bias() is not None)
    kind = next((kind for kind in CONVOLUTIONS if kind.__name__ in names), None)
    return None if kind is None else _convolution(kind, module, bias=module.bias() is not None)


def _convolution(kind: type[nn.Module], module: Any, *, bias: bool) -> Layer:  # noqa: ANN401
    return CONVOLUTIONS[kind](
        in_channels=module.in_channels,
        out_channels=module.out_channels,
        kernel_size=module.kernel_size,
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        groups=module.groups,
        bias=bias,
        padding_mode=module.padding_mode,
    )


@contextmanager
def module_calls(recorder: Recorder) -> Iterator[None]:
    """While entered, what modules do on this thread is recorded under their paths."""
    original, thread, specs = nn.Module.__call__, get_ident(), carried(recorder.lent.modules.values())
    paths = {id(each): path for path, each in recorder.lent.modules.items()}

    def call(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        path = paths.get(id(module)) if get_ident() == thread else None
        if path is None or recorder.silent:
            return original(module, *args, **kwargs)
        outside = recorder.visit, recorder.module
        recorder.visit = recorder.drafts.enter(path, recorder.visit) if path else recorder.drafts.root
        recorder.module = module
        try:
            layer = None if kwargs else specs.get(id(module))
            if layer is None and not isinstance(module, ScriptModule):
                return original(module, *args, **kwargs)
            return recorder.stop(module, layer, partial(original, module), args, kwargs)
        except BaseException as error:
            recorder.note(error)
            raise
        finally:
            recorder.visit, recorder.module = outside

    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]


LARGEST = 2**33
"""Bytes of weights up to which a module is run on the CPU where the meta device does not do."""


class Recording(NamedTuple):
    """What was recorded.

    network: up to the failure if there was one; its last node is then the call that failed · unused: parameters that nothing
    read, by name; they have rows at the end · failure: None where the module ran through · device: where it ran
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

    Raises `RequestError` for another device. A module that raises is no error here: see `Recording.failure`; what is raised by
    the recorder's own fault is raised again.
    """
    if device not in ("meta", "cpu"):
        raise RequestError(f"device {device!r} cannot be recorded on; write meta or cpu")
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    way = _Way(module, inputs, name or type(module).__name__, training)
    batched = any(tensor.batch is not None for tensor in leaves(inputs))
    tries = ([("meta", True)] if batched else []) + [("meta", False)] if device == "meta" else []
    best: Recording | None = None
    for place, many in (*tries, ("cpu", False)):
        if best is not None and (best.failure is None or (place == "cpu" and _bytes(module) > LARGEST)):
            break
        found, mixed = way.run(place, many=many)
        if found.failure is None and mixed:  # examples were compared with each other: one alone says what one costs
            alone, _ = way.run(place, many=False)
            return found if alone.failure else alone
        refusal = best.failure if best is not None and best.failure is not None and best.failure.certain else None
        if best is not None and refusal is not None and (found.failure is None or found.failure[:2] == refusal[:2]):
            return best  # what takes a batch of one for something else is no better than what many fail for
        if found.failure is None or (found.failure.certain and not many):
            return found
        best = found
    assert best is not None  # noqa: S101  (there is at least one try)
    if best.failure is not None and best.failure.ours is not None:
        raise best.failure.ours
    return best


class _Way(NamedTuple):
    """What is run, and what the network is called."""

    module: nn.Module
    inputs: Inputs
    name: str
    training: bool

    def run(self, device: str, *, many: bool) -> tuple[Recording, bool]:
        """Run the module on one example or on many; what was recorded, and whether examples were compared with each other."""
        with uncollected(), torch.random.fork_rng(devices=[]), lent(self.module, device, training=self.training) as own:
            batch = Batch(
                self._many(own) if many else 1, declared=any(each.batch is not None for each in leaves(self.inputs))
            )
            recorder = Recorder(own, batch, device)
            arguments = Arguments(recorder)
            failure, outputs = None, []
            try:
                args, kwargs = arguments.make(self.inputs)
                with torch.no_grad(), module_calls(recorder), torch_calls(recorder), recorder:
                    result = self.module(*args, **kwargs)
                    result = list(result) if isinstance(result, Iterator) else result
                outputs = recorder.flows(result)
            except BaseException as error:  # whatever somebody else's module raises
                if isinstance(error, KeyboardInterrupt) or getattr(error, "code", None) == 128 + SIGTERM:
                    raise  # the program is told to end
                failure = fault(error, recorder)
            unused = () if failure else recorder.rows.add_unused()
            network = recorder.drafts.network(self.name, arguments.tensors, outputs, _blocks(self.module, own.modules))
            unread = {} if failure else recorder.rows.unread
            network = replace(network, decided=tuple(recorder.decided), unread=unread)
        if failure is not None:
            failure = failure._replace(row=network.nodes[-1].name)
        return Recording(network, unused, failure, device), batch.mixed

    def _many(self, own: Lent) -> int:
        shapes = [tensor.shape for tensor in own.own.values() if not is_lazy(tensor)]
        return unlikely(size for shape in (*shapes, *(leaf.shape for leaf in leaves(self.inputs))) for size in shape)


def _bytes(module: nn.Module) -> int:
    own = (each for each in (*module.parameters(), *module.buffers()) if not is_lazy(each))
    return sum(tensor.numel() * tensor.element_size() for tensor in own)


def _blocks(module: nn.Module, modules: Mapping[str, nn.Module]) -> dict[str, str]:
    """What each path is an instance of: modules that hold others, plain containers left out."""
    if isinstance(module, NetworkModule):
        return dict(module._network.blocks)
    plain = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
    return {
        path: type(each).__name__
        for path, each in modules.items()
        if path and any(each._modules.values()) and type(each) not in plain
    }
