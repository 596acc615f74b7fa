"""Figures that torch itself is asked for, once for each kind of call: what autograd saves, and FLOPs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from cnncli.layers import Saved
from cnncli.tracing.signature import replaced, storage, tensors_in


def counted(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | None:
    """MACs of the call by torch's flop counter, two FLOPs each; None for what cannot be run under it."""
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            function(*args, **kwargs)
    except Exception:  # noqa: BLE001  (a figure that cannot be had, not a fault)
        return None
    return int(counter.get_total_flops()) // 2


def kept(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    tensors: Sequence[torch.Tensor],
    batch: int,
) -> Saved:
    """What autograd saves of the call where every tensor needs a gradient; inputs are places in `tensors`.

    Run once more on the meta device. Nothing where that cannot be done or nothing is differentiable.
    """
    stored: list[torch.Tensor] = []
    try:
        leaves = {id(tensor): _leaf(tensor) for tensor in tensors}
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(_into(stored), _as_it_is):
            inputs = {name: leaf.view_as(leaf) for name, leaf in leaves.items()}
            result = function(*replaced(list(args), inputs), **replaced(dict(kwargs), inputs))
    except Exception:  # noqa: BLE001  (a figure that cannot be had, not a fault)
        return Saved()
    made: list[torch.Tensor] = []
    tensors_in(result, made)
    places = {storage(leaf): place for place, leaf in enumerate(leaves.values())}
    outputs = {storage(tensor) for tensor in made}
    sizes = {storage(tensor): tensor.untyped_storage().nbytes() for tensor in stored}
    more = [size for place, size in sizes.items() if place not in places and place not in outputs]
    return Saved(
        inputs=tuple(sorted(places[each] for each in sizes if each in places)),
        output=any(each in outputs and each not in places for each in sizes),
        per_example=sum(size // batch for size in more if size % batch == 0),
        constant=sum(size for size in more if size % batch),
    )


def _leaf(tensor: torch.Tensor) -> torch.Tensor:
    leaf = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
    return leaf.requires_grad_() if tensor.dtype.is_floating_point else leaf


def _into(stored: list[torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    def pack(tensor: torch.Tensor) -> torch.Tensor:
        stored.append(tensor)
        return tensor

    return pack


def _as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    return tensor
