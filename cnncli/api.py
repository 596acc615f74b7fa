"""`cnncli.summary(module, input)`: what the command of that name shows, for programs and notebooks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cnncli.errors import RequestError
from cnncli.layers import Shape, Tensor
from cnncli.report import Report, report
from cnncli.sources.request import Loaded, Request
from cnncli.written import inputs

if TYPE_CHECKING:
    from torch import nn

    from cnncli.record import Fault

Input: TypeAlias = Any
"""A shape C×H×W without the batch ((3, 224, 224), "3x224x224" or "10:int64"), a `Tensor`, or an example with its batch first (a
`torch.Tensor`); for several inputs a list of these, or a dict by the names that `forward` has for them."""


@dataclass(frozen=True)
class Summary(Report):
    """A report that shows itself: as a table where it is printed, and as HTML in a notebook.

    fault: why a module did not run through
    """

    fault: Fault | None = None

    def __repr__(self) -> str:
        """The table of `cnncli summary`, at the terminal's width."""
        return self.table()

    def table(self, *, columns: str | None = None, depth: int | None = None, collapse: bool = False) -> str:
        """The table of `cnncli summary`, with that command's options."""
        from cnncli.render.folding import View
        from cnncli.render.summary import summary_text

        return summary_text(self, View(columns, depth=depth, collapse=collapse), self.fault)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from cnncli.render.notebook import summary_html

        return summary_html(self, self.fault)

    def to_dict(self) -> dict[str, object]:
        """The `cnncli/summary/1` object that the command prints with `--format json`."""
        from cnncli.render.summary import Findings
        from cnncli.render.summary_json import summary_json

        found: dict[str, object] = json.loads(json.dumps(summary_json(self, Findings(fault=self.fault))))
        return found


def summary(
    model: nn.Module | str,
    input: Input = None,
    *,
    batch_size: int = 1,
    device: str = "meta",
    training: bool = False,
    **arguments: object,
) -> Summary:
    """A network layer by layer: output sizes, parameters, MACs, receptive fields and memory; see `Input` for what `input` may be.

    model: a `torch.nn.Module`, which is run once without memory and left as it was, or a SOURCE as on the command line (`lenet`,
    `torchvision:resnet50`, `net.yaml`) · batch_size: examples, for the bytes · device: meta or cpu, where a module is run ·
    training: run it in train mode · arguments: a source's own (`classes=26`), and `optimizer="adam"` for training memory

    Raises `cnncli.errors.RequestError` and its like. A module that raises is no error: the report ends there, `failure` says why.
    """
    optimizer = str(arguments.pop("optimizer", "sgd"))
    source = model if isinstance(model, str) else type(model).__name__
    request = Request(source, _inputs(input), arguments, device=device, training=training)
    loaded = _loaded(model, request)
    found = report(loaded.network, batch_size=batch_size, optimizer=optimizer)
    return Summary(
        found.network, batch_size, found.rows, found.peak_inference_bytes, found.failure, optimizer, loaded.fault
    )


def _loaded(model: nn.Module | str, request: Request) -> Loaded:
    if isinstance(model, str):
        from cnncli.sources import load

        return load(request)
    from torch import nn

    from cnncli.sources.recorded import recorded

    if not isinstance(model, nn.Module):
        raise RequestError(f"summary takes a torch.nn.Module or a name such as 'lenet', not a {type(model).__name__}")
    if request.arguments:
        raise RequestError(f"{next(iter(request.arguments))}= means nothing to a module; leave it out")
    return recorded(request, model, type(model).__name__)


def _inputs(given: Input) -> dict[str, Tensor]:
    """By name, or by number."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): _tensor(each) for name, each in given.items()}
    several = (
        isinstance(given, Sequence) and not isinstance(given, str) and not all(type(each) is int for each in given)
    )
    return {str(place): _tensor(each) for place, each in enumerate(given if several else [given])}


def _tensor(given: Input) -> Tensor:
    if isinstance(given, Tensor):
        return given
    if isinstance(given, str):
        return next(iter(inputs([given], "input ").values()))
    if hasattr(given, "dtype") and hasattr(given, "shape"):
        if not given.shape:
            raise RequestError("an input without a batch axis; give it one, or its shape")
        return Tensor(tuple(given.shape[1:]), str(given.dtype).removeprefix("torch."))
    shape: Shape = tuple(given)
    if not all(type(size) is int and size > 0 for size in shape):
        raise RequestError(f"input {given!r} is no shape; write it as (3, 224, 224), without the batch")
    return Tensor(shape)
