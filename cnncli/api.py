"""`cnncli.summary(module, input)`: what the command of that name shows, for programs and notebooks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cnncli.analysis.report import Report, report
from cnncli.errors import RequestError
from cnncli.layers import ITEM_BYTES, Tensor
from cnncli.layers.parsing import Value, inputs
from cnncli.sources.cures import tensors
from cnncli.sources.request import Loaded, Request

if TYPE_CHECKING:
    from torch import nn

    from cnncli.tracing import Fault

Input: TypeAlias = Any
"""A shape C×H×W without the batch ((3, 224, 224), "3x224x224" or "10:int64"), a `Tensor`, or an example with its batch first (a
`torch.Tensor`); for several inputs a list of these, or a dict by the names that `forward` has for them. Each may be a list,
tuple or dict of these, a number, True, False, None or a word ("mean"), which are handed on as they are."""


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
        from cnncli.render.summary import Findings, summary_json

        found: dict[str, object] = json.loads(json.dumps(summary_json(self, Findings(fault=self.fault))))
        return found


def summary(  # noqa: PLR0913  (what a caller may set, by keyword)
    model: nn.Module | str,
    input: Input = None,
    *,
    batch_size: int = 1,
    device: str = "meta",
    training: bool = False,
    batch: bool = True,
    **arguments: object,
) -> Summary:
    """A network layer by layer: output sizes, parameters, MACs, receptive fields and memory; see `Input` for what `input` may be.

    model: a `torch.nn.Module`, which is run once without memory and left as it was, or a SOURCE as on the command line (`lenet`,
    `torchvision:resnet50`, `net.yaml`) · batch_size: examples, for the bytes · device: meta or cpu, where a module is run ·
    training: run it in train mode · batch: False for a module whose inputs have no batch axis: it is then given shapes and examples
    as they are · arguments: a source's own (`classes=26`), and `optimizer="adam"` for training memory

    Raises `cnncli.errors.RequestError` and its like. A module that raises is no error: the report ends there, `failure` says why.
    """
    optimizer = str(arguments.pop("optimizer", "sgd"))
    source = model if isinstance(model, str) else type(model).__name__
    whole = _inputs(input, batch=False)
    given = _inputs(input) if batch else whole
    known = None if all(isinstance(each, Tensor) and each.batch == 0 for each in tensors(whole)) else whole
    request = Request(source, given, arguments, device=device, training=training, batch=batch, whole=known)
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


def _inputs(given: Input, *, batch: bool = True) -> dict[str, Value]:
    """By name, or by number. batch: whether examples have a batch first, which is left out"""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): _value(each, batch) for name, each in given.items()}
    several = isinstance(given, Sequence) and not isinstance(given, str) and not _is_shape(given)
    if not several and (given is True or given is False or isinstance(given, int | float | complex)):
        raise RequestError(f"input {given!r} is no shape; write it as ({given},), without the batch")
    return {str(place): _value(each, batch) for place, each in enumerate(given if several else [given])}


def _is_shape(given: Input) -> bool:
    return isinstance(given, Sequence) and bool(given) and all(type(size) is int for size in given)


def _value(given: Input, batch: bool) -> Value:  # noqa: FBT001
    if given is None or isinstance(given, Tensor | int | float | complex):  # booleans are whole numbers
        return given
    if isinstance(given, str):
        return next(iter(inputs([given], "input ").values())) if given[:1].isdigit() else given
    if isinstance(given, Mapping):
        return {name: _value(each, batch) for name, each in given.items()}
    if hasattr(given, "dtype") and hasattr(given, "shape"):
        return _example(given, batch)
    if not isinstance(given, list | tuple):
        raise RequestError(
            f"an input is of type {type(given).__name__}; give tensors, shapes, numbers, and lists, tuples and dicts of them"
        )
    if _is_shape(given):
        if min(given) < 1:
            raise RequestError(f"input {given!r} is no shape; write it as (3, 224, 224), without the batch")
        return Tensor(tuple(given))
    found = [_value(each, batch) for each in given]
    return type(given)(*found) if hasattr(given, "_fields") else type(given)(found)


def _example(given: Any, batch: bool) -> Value:  # noqa: ANN401, FBT001  (a tensor, of torch or another library)
    dtype, shape = str(given.dtype).removeprefix("torch."), tuple(given.shape)
    if dtype not in ITEM_BYTES:
        raise RequestError(f"an input has the dtype {dtype}; write one of {', '.join(ITEM_BYTES)}")
    if batch and shape:
        return Tensor(shape[1:], dtype)
    import torch

    return given if isinstance(given, torch.Tensor) else Tensor(shape, dtype, None)
