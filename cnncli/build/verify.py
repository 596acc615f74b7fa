"""Does torch agree? The module is built and run on the meta device; rows are compared with what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cnncli.analysis.report import Report, Row
from cnncli.layers import Shape, dims

if TYPE_CHECKING:
    from torch import nn


class Disagreement(NamedTuple):
    """One figure of one row on which torch and the report differ."""

    row: str
    figure: str
    ours: str
    torchs: str


def disagreements(report: Report) -> list[Disagreement]:
    """Where torch's shapes, parameters or MACs differ from the report's; imports torch, allocates nothing.

    MACs are those of torch.utils.flop_counter, two FLOPs each. Modules of our own whose operations it does not count are compared
    by shape and parameters alone.
    """
    import torch

    from cnncli.build import build

    with torch.device("meta"):
        module = build(report.network)
        inputs = [torch.empty(1, *tensor.shape) for tensor in report.network.inputs.values()]
    shapes, macs = run(module, inputs)
    found = [each for row in report.rows for each in _compare(row, module, shapes)]
    return found + _compare_macs(report, module, macs)


def run(module: nn.Module, inputs: list[Any]) -> tuple[dict[str, list[Shape]], dict[str, int]]:
    """Shapes of the first output of every module call in order, and MACs of every module over all its calls, `Global` of all."""
    from torch.utils.flop_counter import FlopCounterMode

    shapes: dict[str, list[Shape]] = {}

    def remember(path: str) -> Any:  # noqa: ANN401  (a hook)
        def hook(_module: nn.Module, _inputs: object, output: Any) -> None:  # noqa: ANN401
            first = output[0] if isinstance(output, tuple | list) and output else output
            shapes.setdefault(path, []).append(tuple(getattr(first, "shape", ())))

        return hook

    hooks = [child.register_forward_hook(remember(path)) for path, child in module.named_modules() if path]
    counter = FlopCounterMode(display=False)
    with counter:
        module.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    root = f"{type(module).__name__}."
    flops = {path.removeprefix(root): sum(found.values()) for path, found in counter.get_flop_counts().items()}
    return shapes, {path: count // 2 for path, count in flops.items()}


def _compare(row: Row, module: nn.Module, shapes: dict[str, list[Shape]]) -> list[Disagreement]:
    path, _, call = row.name.partition(":")
    shape = shapes[path][int(call) - 1 if call else 0][1:]
    counted = 0 if call else sum(parameter.numel() for parameter in module.get_submodule(path).parameters())
    found = []
    if shape != row.call.y.shape:
        found.append(Disagreement(row.name, "output", dims(row.call.y.shape), dims(shape)))
    if counted != row.params:
        found.append(Disagreement(row.name, "parameters", f"{row.params:,}", f"{counted:,}"))
    return found


def _compare_macs(report: Report, module: nn.Module, macs: dict[str, int]) -> list[Disagreement]:
    """Torch counts a module over all its calls, so rows that share one are compared together."""
    ours: dict[str, int | None] = {}
    for row in report.rows:
        path = row.name.partition(":")[0]
        before = ours.get(path, 0)
        ours[path] = None if before is None or row.macs is None else before + row.macs
    return [
        Disagreement(path, "MACs", "unknown" if count is None else f"{count:,}", f"{macs.get(path, 0):,}")
        for path, count in ours.items()
        if type(module.get_submodule(path)).__module__.startswith("torch.") and macs.get(path, 0) != count
    ]
