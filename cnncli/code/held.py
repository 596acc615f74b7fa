"""Parameters and buffers that no module of torch's holds by itself: a class registers them by their names in the state dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from cnncli.code.layout import Argument, Call, positional
from cnncli.layers import Layer, Shape
from cnncli.network import Network
from cnncli.parts import Part

if TYPE_CHECKING:
    from torch import nn


class Weight(NamedTuple):
    """A tensor of a state dict.

    learned: a parameter, and no buffer · trained: it takes a gradient · kept: the state dict holds it
    """

    shape: Shape
    dtype: str = "float32"
    learned: bool = True
    trained: bool = True
    kept: bool = True


Weights = Mapping[str, Weight]
"""By their names in the state dict."""


def held_by(module: nn.Module) -> dict[str, Weight]:
    """All parameters and buffers of a module; one that has several names stands under each."""
    kept = module.state_dict().keys()
    parameters = dict(module.named_parameters(remove_duplicate=False))
    found = {**parameters, **dict(module.named_buffers(remove_duplicate=False))}
    return {
        name: Weight(
            tuple(each.shape),
            str(each.dtype).removeprefix("torch."),
            name in parameters,
            each.requires_grad or name not in parameters,
            name in kept,
        )
        for name, each in found.items()
    }


def held_in(network: Network, layers: Mapping[str, Layer]) -> dict[str, Weight]:
    """Those that a recorded network's rows name themselves; what nothing reads but parameters is not among them."""
    found: dict[str, Weight] = {}
    for node in network.nodes:
        layer = layers[node.name]
        held = () if not node.frozen else dict(getattr(layer, "learned", ()))
        learned = dict(getattr(layer, "learned", ()))
        found |= {name: Weight(shape, trained=name not in held) for name, shape in learned.items()}
        found |= {name: Weight(shape, learned=False) for name, shape in getattr(layer, "stored", ())}
    return found


def names(name: str, layer: Layer) -> set[str]:
    """What a layer's own module has in the state dict, where it is called `name`."""
    own = {*layer.weights, *layer.buffers}
    if "running_mean" in own:
        own.add("num_batches_tracked")
    return {f"{name}.{each}" for each in own}


def homes(bare: Iterable[str], whole: Part) -> dict[str, list[str]]:
    """The path of a part → the weights that its class registers: the innermost part whose path they begin with."""
    paths = {part.path for part in whole.parts()}
    found: dict[str, list[str]] = {}
    for name in bare:
        above = (name.rsplit(".", count)[0] for count in range(1, name.count(".") + 1))
        found.setdefault(next((path for path in above if path in paths), ""), []).append(name)
    return found


def made(weight: Weight) -> Call:
    """`nn.Parameter(torch.zeros(1, 1, 768))`."""
    sizes = positional([*map(str, weight.shape)] or ["()"])
    dtype = () if weight.dtype == "float32" else (Argument(f"torch.{weight.dtype}", "dtype="),)
    tensor = Argument(Call("torch.zeros", (*sizes, *dtype)))
    if not weight.learned:
        return Call("nn.Buffer", (tensor,) if weight.kept else (tensor, Argument("False", "persistent=")))
    return Call("nn.Parameter", (tensor,) if weight.trained else (tensor, Argument("False", "requires_grad=")))
