"""What a network makes of an input, row by row: the outputs of its modules while it runs. Imports torch inside functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any

from cnncli.network import Network

if TYPE_CHECKING:
    import torch
    from torch import nn

Keep = Callable[["torch.Tensor"], "torch.Tensor"]


def hookable(module: nn.Module, network: Network) -> list[str]:
    """The rows of `network` that are calls of a module; what a recorded network computes by functions cannot be watched."""
    paths = {path for path, _ in module.named_modules() if path}
    return [node.name for node in network.nodes if _path(node.name, node.shares) in paths]


@contextmanager
def captured(
    module: nn.Module, network: Network, rows: Collection[str], keep: Keep = lambda output: output
) -> Iterator[dict[str, torch.Tensor]]:
    """The outputs of `rows`, by name, once the module has run; of several outputs, the first. keep: makes what is kept of one."""
    found: dict[str, torch.Tensor] = {}
    calls: dict[str, list[str]] = {}
    for node in network.nodes:
        calls.setdefault(_path(node.name, node.shares), []).append(node.name)
    wanted = {path: names for path, names in calls.items() if set(names) & set(rows)}
    hooks = [
        module.get_submodule(path).register_forward_hook(_hook(names, rows, found, keep))
        for path, names in wanted.items()
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _hook(names: list[str], rows: Collection[str], found: dict[str, torch.Tensor], keep: Keep) -> Any:  # noqa: ANN401
    """names: the rows that the calls of one module are, in their order."""
    coming = cycle(names)

    def hook(_module: nn.Module, _inputs: object, output: Any) -> None:  # noqa: ANN401  (whatever the module gives)
        name = next(coming)
        if name in rows:
            found[name] = keep(output[0] if isinstance(output, tuple | list) else output)

    return hook


def _path(name: str, shares: str | None) -> str:
    """The module's: a second call of it is `relu:2`."""
    return (shares or name).partition(":")[0]
