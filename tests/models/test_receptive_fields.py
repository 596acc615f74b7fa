"""Receptive fields of the built-in networks, measured by gradient.

Which inputs reach a unit does not depend on the weights' values. So that no path is lost to a cancellation, a dead unit or a pool's
choice, the module is made positive and linear first: weights become 1/fan-in, activations and response normalisation are left out,
max pooling averages. float64, eval mode, summed over channels: the gradient is positive exactly where the unit sees something.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cnncli.build import build
from cnncli.field import Field
from cnncli.models import network
from cnncli.network import Network
from cnncli.report import report

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


def seen(module: nn.Module, written: Network, units: dict[str, tuple[int, ...]]) -> dict[str, list[tuple[int, int]]]:
    """For each node, the first and last row and column of the input that reach the unit at its place in `units`."""
    outputs: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:  # noqa: ANN401
        return lambda _module, _inputs, output: outputs.__setitem__(name, output)

    hooks = [module.get_submodule(name).register_forward_hook(keep(name)) for name in units]
    x = torch.rand(1, *written.inputs["input"].shape, dtype=torch.float64, requires_grad=True)
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


def claimed(field: Field, unit: tuple[int, ...]) -> list[tuple[int, int]]:
    """What the report says the unit sees."""
    return [reach.of(place) for reach, place in zip(field.axes, unit or (0, 0), strict=True)]


CASES = [
    ("lenet", (1, 28, 28)),
    ("lenet", (1, 31, 42)),
    ("lenet@classic", (1, 32, 32)),
    ("lenet@paper", (1, 32, 32)),
    ("alexnet", (1, 97, 131)),
    ("alexnet@paper", (3, 113, 71)),
    ("vgg11", (1, 64, 83)),
    ("nin", (1, 97, 131)),
    ("nin@paper", (3, 32, 41)),
    ("nin@caffe", (3, 97, 131)),
    ("googlenet", (1, 65, 96)),
    ("resnet18", (3, 65, 96)),
]
SLOW = [
    ("vgg16", (1, 224, 224)),
    ("googlenet@paper", (3, 131, 224)),
    ("resnet50", (3, 131, 97)),
    ("densenet121", (3, 97, 64)),
    ("mobilenet_v2", (3, 131, 97)),
]


@pytest.mark.parametrize(("source", "size"), [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)])
def test_first_middle_and_last_unit_see_what_the_report_says(source: str, size: tuple[int, ...]) -> None:
    """At every node whose module runs once, the bounding box of the gradient is the interval of the report, per axis."""
    small = {"vgg11": {"ratio": 16, "hidden": 8}, "vgg16": {"ratio": 32, "hidden": 8}}.get(source, {})
    written = network(source, input=size, **small)
    rows = {row.name: row for row in report(written).rows if ":" not in row.name}
    module = linear(build(written).double().eval())
    shared = {node.shares for node in written.nodes}
    for share in (0.0, 0.5, 1.0):
        units = {
            name: tuple(int(share * (count - 1)) for count in row.call.y.shape[1:])
            for name, row in rows.items()
            if name not in shared and row.layer.weights
        }
        boxes = seen(module, written, units)
        wanted = {name: claimed(field, units[name]) for name in units if (field := rows[name].field) is not None}
        assert boxes == wanted
