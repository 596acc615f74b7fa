"""What one unit sees of the input, measured by gradients. Imports torch inside functions.

Which elements can reach a unit does not depend on the values of weights. So that no path is lost to a cancellation, a dead unit or
a pool's choice, the network is made positive and linear first: every weight is 1/fan-in, activations and normalisations of single
places are left out, max pooling averages. In float64, for float32 runs down to zero in deep networks; in eval mode; summed over the
channels of the unit and of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cnncli.arithmetic.receptive_field import Interval
from cnncli.layers import Layer
from cnncli.layers.activation import Identity
from cnncli.layers.norm import LayerNorm, LocalResponseNorm
from cnncli.layers.pool import AvgPool2d, MaxPool2d
from cnncli.lessons.capture import captured
from cnncli.lessons.receptive import Region, placed
from cnncli.lessons.subject import Asked, module_of
from cnncli.network import Network

if TYPE_CHECKING:
    import torch
    from torch import nn


class Measured(NamedTuple):
    """A region as gradients have it.

    box: first and last row and column with a gradient, padding left out · reached, of: elements with a gradient, and elements in
    the box · agrees: whether the box is the region that sizes give
    """

    box: tuple[Interval, ...]
    reached: int
    of: int
    agrees: bool


def measured(asked: Asked, regions: Sequence[Region]) -> list[Measured | None]:
    """Each region by the gradient of its unit; None where the unit's numbers cannot be told from those of others.

    Raises `RequestError` where the network holds a recorded operation that cannot be built.
    """
    gradients = through(positive(asked), asked.network, regions)
    return [_compared(region, each) for region, each in zip(regions, gradients, strict=True)]


def positive(asked: Asked) -> nn.Module:
    """The network's windows and paths alone, every number in them positive, float64, in eval mode."""
    from torch import nn

    linear = {node.name: _linear(node.layer) for node in asked.network.nodes}
    module = module_of(
        asked, replace(asked.network, nodes=tuple(n._replace(layer=linear[n.name]) for n in asked.network.nodes))
    )
    for node in asked.network.nodes:
        if linear[node.name] is not node.layer and node.name in dict(
            module.named_modules()
        ):  # a library's own has them still
            module.set_submodule(node.name, linear[node.name].module())
    for weight in module.parameters():
        nn.init.constant_(weight, 1 / weight[0].numel() if weight.dim() > 1 else 1.0)
    return module.double().eval().requires_grad_(requires_grad=False)


def _linear(layer: Layer) -> Layer:
    """What a layer is replaced by; itself where it is linear as it is."""
    if isinstance(layer, Identity | LocalResponseNorm | LayerNorm):
        return Identity()
    if isinstance(layer, MaxPool2d) and layer.dilation in {1, (1, 1)}:
        return AvgPool2d(
            kernel_size=layer.kernel_size, stride=layer.stride, padding=layer.padding, ceil_mode=layer.ceil_mode
        )
    return layer


def through(module: nn.Module, network: Network, regions: Sequence[Region]) -> list[torch.Tensor | None]:
    """The gradient of each region's unit with respect to the input, summed over channels: H×W, on an input of noise."""
    import torch

    shape = network.input
    x = torch.rand(1, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    outputs = run(module, network, [region.row.name for region in regions], x)
    found: list[torch.Tensor | None] = []
    for region in regions:
        value = chosen(region, outputs[region.row.name])
        gradient = None if value is None else torch.autograd.grad(value.sum(), x, retain_graph=True)[0]
        found.append(None if gradient is None else gradient[0].sum(0))
    return found


def run(module: nn.Module, network: Network, rows: Sequence[str], x: torch.Tensor) -> dict[str, torch.Tensor]:
    """The outputs of `rows` on the input `x`, as parts of one graph."""
    import torch

    with torch.enable_grad(), captured(module, network, rows) as outputs:
        module(x)
    return outputs


def chosen(region: Region, output: torch.Tensor) -> torch.Tensor | None:
    """The numbers of the region's unit, for each example of the batch; None where they cannot be told from those of others."""
    place = placed(region.field, tuple(output.shape[1:]), region.unit)
    if place is None:
        return None
    sizes, index = place
    whole: tuple[slice, ...] = (slice(None),)
    return output.reshape(-1, *(sizes or output.shape[1:]))[
        (*whole, *(slice(None) if at is None else at for at in index))
    ]


def _compared(region: Region, gradient: torch.Tensor | None) -> Measured | None:
    if gradient is None:
        return None
    box, reached = bounding(gradient)
    size = 1
    for low, high in box:
        size *= high - low + 1
    return Measured(box, reached, size, box == tuple(side.seen for side in region.sides))


def bounding(gradient: torch.Tensor) -> tuple[tuple[Interval, ...], int]:
    """The smallest box that holds all elements that are not zero, and how many there are; (0, −1) an axis for none."""
    places = gradient.nonzero()
    if not len(places):
        return ((0, -1),) * gradient.ndim, 0
    return tuple((int(axis.min()), int(axis.max())) for axis in places.T), len(places)
