"""Calls of modules while one is recorded, and modules that are one row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import get_ident
from typing import Any

from torch import nn
from torch.jit import ScriptModule

from cnncli.build import NetworkModule
from cnncli.layers import OWN, Layer
from cnncli.layers.activation import Identity
from cnncli.layers.conv import Conv1d, Conv2d, Conv3d
from cnncli.layers.dropout import StochasticDepth
from cnncli.layers.linear import Linear
from cnncli.tracing.lending import is_quantized
from cnncli.tracing.recorder import Recorder

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
