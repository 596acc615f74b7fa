"""Receptive fields measured by gradient.

Which inputs reach a unit does not depend on the weights' values. So that no path is lost to a cancellation, a dead unit or a pool's
choice, the module is made positive and linear first: weights become 1/fan-in, activations and response normalisation are left out,
max pooling averages. float64, eval mode, summed over channels: the gradient is positive exactly where the unit sees something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from cnncli.analysis.report import Row, _Walk
from cnncli.arithmetic.receptive_field import Field
from cnncli.layers import Shape
from cnncli.network import Network

LEFT_OUT = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Tanh, nn.LocalResponseNorm)


def linear(module: nn.Module) -> nn.Module:
    """The same windows and paths, positive and linear."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
        elif isinstance(child, LEFT_OUT):
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.BatchNorm2d):
            child.reset_running_stats()
        else:
            linear(child)
    for parameter in module.parameters(recurse=False):
        nn.init.constant_(parameter, 1 / parameter[0].numel() if parameter.dim() > 1 else 1.0)
    return module


def seen(module: nn.Module, shape: Shape, units: Mapping[str, Shape]) -> dict[str, list[tuple[int, int]]]:
    """For each node, the first and last row and column of the input that reach the unit at its place in `units`."""
    outputs: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:  # noqa: ANN401
        return lambda _module, _inputs, output: outputs.__setitem__(name, output)

    hooks = [module.get_submodule(name).register_forward_hook(keep(name)) for name in units]
    x = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    module(x)
    for hook in hooks:
        hook.remove()
    boxes: dict[str, list[tuple[int, int]]] = {}
    for name, unit in units.items():
        value = outputs[name][(0, slice(None), *unit)].sum()
        (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
        places = gradient.sum((0, 1)).nonzero()
        boxes[name] = [(int(axis.min()), int(axis.max())) for axis in places.T]
    return boxes


def claimed(field: Field, unit: Shape) -> list[tuple[int, int]]:
    """What the report says the unit sees."""
    return [reach.of(place) for reach, place in zip(field.axes, unit or (0, 0), strict=True)]


def agree(module: nn.Module, shape: Shape, rows: Mapping[str, Row]) -> None:
    """At the first, middle and last unit of every row the gradient's bounding box is what the report says, per axis.

    module: made `linear` · rows: by the path of the module whose output they are
    """
    for share in (0.0, 0.5, 1.0):
        units = {name: tuple(int(share * (count - 1)) for count in row.call.y.shape[1:]) for name, row in rows.items()}
        wanted = {name: claimed(field, units[name]) for name, row in rows.items() if (field := row.field) is not None}
        assert seen(module, shape, units) == wanted


def fields_of_outputs(network: Network) -> list[Field]:
    """Of each of the network's outputs, none of which may be unknown."""
    walk = _Walk(network, 1)
    for node in network.nodes:
        walk.step(node)
    found = [walk.take(name).field for name in network.outputs]
    assert None not in found
    return [field for field in found if field is not None]
