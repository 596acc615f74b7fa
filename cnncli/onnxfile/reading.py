"""From an ONNX file to a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.errors import DataError, RequestError
from cnncli.layers import Tensor
from cnncli.layers.opaque import Unused
from cnncli.network import Network, Node
from cnncli.onnxfile.inputs import Input, inputs
from cnncli.onnxfile.names import identifier, name_all
from cnncli.onnxfile.shapes import Shapes
from cnncli.onnxfile.values import Draft
from cnncli.onnxfile.walk import Walk
from cnncli.onnxfile.wire import MalformedError, stripped
from cnncli.seen import unlikely

if TYPE_CHECKING:
    from onnx import ModelProto


def read(path: Path, inputs: Sequence[Tensor] = ()) -> Network:
    """The network in the ONNX file at `path`; its weights are not read, nor is any other file.

    inputs: one example of each, for sizes that the file leaves open. Raises `DataError` for what is missing or no ONNX file, and
    `RequestError` where onnx is not installed or a size is open that no input gives.
    """
    model = _model(path)
    given = _inputs(path, model, inputs)
    walk = _walked(model, given)
    return _network(path, model, given, walk)


def _model(path: Path) -> ModelProto:
    """The file without its weights, functions written out."""
    from cnncli.datasets.folders import reason

    try:
        from onnx import ModelProto, inliner
    except ImportError:
        raise RequestError(f"{str(path)!r} needs the package onnx; install it: pip install 'cnncli[onnx]'") from None
    try:
        data = stripped(path)
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {reason(error)}") from error
    except MalformedError as error:
        raise DataError(_damaged(path, reason(error))) from error
    try:
        found = ModelProto.FromString(data)
    except Exception as error:  # protobuf's own kind of error
        raise DataError(_damaged(path, reason(error))) from error
    if not found.graph.node or not found.opset_import:
        raise DataError(_damaged(path, "it holds no graph"))
    try:
        return inliner.inline_local_functions(found) if found.functions else found
    except Exception as error:
        raise DataError(_damaged(path, reason(error))) from error


def _damaged(path: Path, why: str) -> str:
    return f"{str(path)!r} is damaged or no ONNX file: {why[:200].rstrip('. ')}; fetch or export it again"


def _inputs(path: Path, model: ModelProto, given: Sequence[Tensor]) -> list[Input]:
    constants = {tensor.name for tensor in model.graph.initializer}
    constants |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    return inputs(path, model.graph, constants, given)


def _walked(model: ModelProto, given: Sequence[Input]) -> Walk:
    """The graph run on a batch of an unlikely prime where the batch is open, else on as many examples as the file has.

    A file may say that its batch is open and hold reshapes to one example: then one it is.
    """
    fixed = next((each.whole[each.batch] for each in given if each.batch is not None), 1)
    walk = _run(model, given, fixed or unlikely(_sizes(model, given)))
    if fixed or not (walk.failed or walk.lost(info.name for info in model.graph.output)):
        return walk
    again = _run(model, given, 1)
    return walk if again.failed else again


def _sizes(model: ModelProto, given: Sequence[Input]) -> Iterator[int]:
    for tensor in model.graph.initializer:
        yield from tensor.dims
    for each in given:
        yield from each.tensor.shape


def _run(model: ModelProto, given: Sequence[Input], batch: int) -> Walk:
    open_sizes = {
        symbol: size for each in given for symbol, size in zip(each.symbols, each.shape(batch), strict=True) if symbol
    }
    walk = Walk(model.graph, Shapes(model.opset_import, model.ir_version, open_sizes), batch)
    for each in given:
        walk.feed(each.name, each.label, each.shape(batch), each.dtype)
    walk.run(model.graph.node)
    return walk


def _network(path: Path, model: ModelProto, given: Sequence[Input], walk: Walk) -> Network:
    outputs = [walk.env[info.name] for info in model.graph.output if info.name in walk.env]
    _add_unused(walk)
    name_all(walk.rows.drafts, [each.label for each in given])
    return Network(
        name=path.stem,
        edition="",
        inputs={each.label: each.tensor for each in given},
        nodes=tuple(map(_node, walk.rows.drafts)),
        outputs=tuple(str(value.reference) for value in outputs if value.reference is not None),
        blocks=walk.blocks,
    )


def _add_unused(walk: Walk) -> None:
    """A row for each initializer of weights that no node reads."""
    if walk.failed:
        return
    for name, (shape, _) in walk.rows.known.items():
        if walk.rows.counts(name) and name not in walk.read:
            label = tuple(filter(None, map(identifier, name.split("."))))
            walk.rows.drafts.append(Draft(Unused(learned=((name, shape),)), (), label, "unused", "unused"))


def _node(row: Draft) -> Node:
    return Node(row.name, row.layer, tuple(map(str, row.reads)), row.shares.name if row.shares else None)
