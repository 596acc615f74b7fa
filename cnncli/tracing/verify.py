"""Does torch agree with what was recorded? The module is run once more, on the meta device, under torch's own counter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cnncli.analysis.report import Report, Row
from cnncli.build.verify import Disagreement, run
from cnncli.errors import RequestError
from cnncli.layers import Shape, Tensor, dims

if TYPE_CHECKING:
    from torch import nn


def differences(report: Report, module: nn.Module, inputs: object) -> list[Disagreement]:
    """Where torch's counts for `module` on `inputs` differ from the report's: parameters, MACs, and shapes of modules' outputs.

    Raises `RequestError` where the module cannot be run on the meta device.
    """
    params = sum(parameter.numel() for parameter in module.parameters())
    try:
        shapes, macs = run(module.to("meta"), [_example(each) for each in _listed(inputs)])
    except Exception as error:
        raise RequestError(f"--check runs {report.network.name} on the meta device, where it fails: {error}") from error
    found = [*_total("parameters", report.totals.params, params), *_total("MACs", report.totals.macs, macs["Global"])]
    return found + [each for row in report.rows for each in _shape(row, shapes)]


def _total(figure: str, ours: int, torchs: int) -> Iterator[Disagreement]:
    if ours != torchs:
        yield Disagreement("total", figure, f"{ours:,}", f"{torchs:,}")


def _shape(row: Row, shapes: Mapping[str, list[Shape]]) -> Iterator[Disagreement]:
    """A row that bears a module's name is what that module gives; the axis of the one example may stand anywhere."""
    said, ours = shapes.get(row.name, [()])[0], row.call.y.shape
    if said and ours not in (
        said,
        *(said[:place] + said[place + 1 :] for place in range(len(said)) if said[place] == 1),
    ):
        yield Disagreement(row.name, "output", dims(ours), dims(said))


def _listed(inputs: Any) -> list[Any]:  # noqa: ANN401  (as `record` takes them)
    if isinstance(inputs, Mapping):
        raise RequestError("--check takes inputs by their order; leave the names out of --input")
    return list(inputs)


def _example(value: Any) -> Any:  # noqa: ANN401
    """A tensor for one example without memory, for each spec in `value`."""
    import torch

    if isinstance(value, list | tuple):
        return type(value)(map(_example, value))
    if not isinstance(value, Tensor):
        return value
    sizes = list(value.shape)
    if value.batch is not None:
        sizes.insert(value.batch, 1)
    return torch.empty(sizes, dtype=getattr(torch, value.dtype), device="meta")
