"""Parameters and buffers that no module of torch's holds by itself: a class registers them by their names in the state dict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnncli.formats.python.layout import Argument, Call, positional
from cnncli.formats.python.methods import literal
from cnncli.layers import Layer, Shape
from cnncli.network import Network
from cnncli.network.blocks import Part

if TYPE_CHECKING:
    import torch
    from torch import nn

FEW = 16
"""How many numbers are written out."""


class Weight(NamedTuple):
    """A tensor of a state dict.

    learned: a parameter, and no buffer · trained: it takes a gradient · kept: the state dict holds it · numbered: of what no state
    dict holds, whether its numbers are known · value: the expression that makes them, where there is a short one
    """

    shape: Shape
    dtype: str = "float32"
    learned: bool = True
    trained: bool = True
    kept: bool = True
    numbered: bool = False
    value: Call | None = None

    @property
    def tabled(self) -> bool:
        """Whether its numbers go into a file beside the code."""
        return not self.kept and self.numbered and self.value is None


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
            numbered := name not in kept and not each.is_meta,
            expression(each) if numbered else None,
        )
        for name, each in found.items()
    }


def expression(values: torch.Tensor) -> Call | None:
    """What makes a tensor to the bit, where that is short: one number throughout, a range, a few numbers."""
    import torch

    dtype = str(values.dtype)
    if values.numel() == 0 or values.is_complex() or values.is_quantized or values.is_sparse:
        return None
    named = () if values.dtype in (torch.float32, torch.int64, torch.bool) else (Argument(dtype, "dtype="),)
    flat = values.detach().cpu().flatten()
    numbers: list[float] = flat.tolist() if flat.numel() <= FEW else [*flat[:2].tolist(), flat[-1].item()]
    if flat.numel() > 1 and bool((flat == flat[0]).all()) and not _negative_zero(flat):
        sizes = Call("", positional([*map(str, values.shape)]))
        exact = (Argument(dtype, "dtype="),) if values.dtype != torch.float32 else ()
        return Call("torch.full", (Argument(sizes), Argument(_number(numbers[0], flat.dtype)), *exact))
    if not flat.is_floating_point() and values.dim() == 1 and len(flat) > 2 and values.dtype != torch.bool:
        first, step = int(numbers[0]), int(numbers[1] - numbers[0])
        if step and torch.equal(flat, torch.arange(first, first + step * len(flat), step, dtype=flat.dtype)):
            end = [first + step * len(flat)]
            ends = end if (first, step) == (0, 1) else [first, *end] if step == 1 else [first, *end, step]
            return Call("torch.arange", (*positional([*map(str, ends)]), *named))
    if flat.numel() > FEW:
        return None
    places = iter(numbers)
    return Call("torch.tensor", (Argument(_nested(places, tuple(values.shape), flat.dtype)), *named))


def _negative_zero(flat: torch.Tensor) -> bool:
    return flat.is_floating_point() and bool(((flat == 0) & flat.signbit()).any())


def _nested(numbers: Iterator[float], shape: Shape, dtype: torch.dtype) -> str | Call:
    """Numbers as lists within lists."""
    if not shape:
        return _number(next(numbers), dtype)
    return Call("", positional([_nested(numbers, shape[1:], dtype) for _ in range(shape[0])]), "[]")


def _number(value: float, dtype: torch.dtype) -> str:
    """The shortest text that is this number in `dtype`."""
    import torch

    if not isinstance(value, float) or not math.isfinite(value):
        return literal(value)
    exact = torch.tensor(value, dtype=dtype)
    texts = (repr(float(f"{value:.{digits}g}")) for digits in (6, 7, 8, 9))
    return next((text for text in texts if torch.equal(torch.tensor(float(text), dtype=dtype), exact)), repr(value))


def tables(module: nn.Module, names: Iterable[str]) -> dict[str, torch.Tensor]:
    """The numbers of buffers by name, those that are equal as one."""
    import torch

    buffers = dict(module.named_buffers(remove_duplicate=False))
    found: dict[str, torch.Tensor] = {}
    for name in names:
        own = buffers[name].detach().cpu().contiguous()
        alike = (each for each in found.values() if each.dtype == own.dtype and each.shape == own.shape)
        found[name] = next((each for each in alike if torch.equal(each, own)), own.clone())
    return found


def saved(numbers: Mapping[str, torch.Tensor], file: Path) -> None:
    """Write tensors as `torch.load(file, weights_only=True)` reads them; raises `OSError`."""
    import torch

    buffer = BytesIO()
    torch.save(dict(numbers), buffer)
    file.write_bytes(buffer.getvalue())


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
    if not weight.learned and weight.value is not None:
        return Call("nn.Buffer", (Argument(weight.value), Argument("False", "persistent=")))
    if not weight.learned:
        return Call("nn.Buffer", (tensor,) if weight.kept else (tensor, Argument("False", "persistent=")))
    return Call("nn.Parameter", (tensor,) if weight.trained else (tensor, Argument("False", "requires_grad=")))
