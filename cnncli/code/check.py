"""Is the code the network? Both are built, given the same weights, and run on the same input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncli.code.writing import class_name
from cnncli.network import Network

if TYPE_CHECKING:
    import torch
    from torch import nn

EXAMPLES = 2


def differences(network: Network, text: str, *, seed: int = 0) -> list[str]:
    """How the module in `text` differs from `build(network)`: in its state dict's keys, or in outputs by a bit at least.

    Imports torch, runs `text`, builds both modules and runs them on two random examples, in eval mode and while training (where
    dropout drops the same). Empty where they agree.
    """
    import torch

    from cnncli.build import build

    torch.manual_seed(seed)
    ours, theirs = build(network), module_in(text, network)
    wanted, found = ours.state_dict(), theirs.state_dict()
    if wanted.keys() != found.keys():
        return [f"the state dict has {key!r} in one of them only" for key in sorted(wanted.keys() ^ found.keys())[:5]]
    theirs.load_state_dict(wanted)
    inputs = [_example(tensor.shape, tensor.dtype, tensor.batch) for tensor in network.inputs.values()]
    return [
        f"output {place} differs while {'training' if training else 'evaluating'}"
        for training in (False, True)
        for place, (a, b) in enumerate(
            zip(*(_run(each, inputs, seed, training=training) for each in (ours, theirs)), strict=True)
        )
        if not torch.equal(a.view(torch.uint8), b.view(torch.uint8))
    ]


def module_in(text: str, network: Network) -> nn.Module:
    """The network's module, made by running the file `text`, which `to_python` wrote."""
    names: dict[str, Any] = {"__name__": "cnncli_code"}
    exec(compile(text, "<cnncli code>", "exec"), names)  # noqa: S102  (our own text: names in it are checked)
    module: nn.Module = names[class_name(network)]()
    return module


def _example(shape: tuple[int, ...], dtype: str, batch: int | None) -> torch.Tensor:
    import torch

    sizes = list(shape)
    if batch is not None:
        sizes.insert(batch, EXAMPLES)
    kind: torch.dtype = getattr(torch, dtype)
    return torch.randn(sizes, dtype=kind) if kind.is_floating_point else torch.zeros(sizes, dtype=kind)


def _run(module: nn.Module, inputs: list[torch.Tensor], seed: int, *, training: bool) -> list[torch.Tensor]:
    """The module's outputs, with the same random numbers for each that is asked."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        found = module.train(training)(*(each.clone() for each in inputs))
    return [
        each.clone(memory_format=torch.contiguous_format) for each in (found if isinstance(found, tuple) else (found,))
    ]
