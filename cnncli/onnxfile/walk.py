"""Node by node through an ONNX graph: constants are worked out where sizes depend on them, everything else becomes a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cnncli.layers import Shape
from cnncli.layers.opaque import Failed
from cnncli.onnxfile.names import blocks_of, fallback, scope_of
from cnncli.onnxfile.rows import Rows
from cnncli.onnxfile.shapes import DTYPES, Made, Shapes, array
from cnncli.onnxfile.values import Op, Reference, Said, Value, seen
from cnncli.seen import Seen

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

DEEPEST = 50
"""Branches within branches that are followed."""


class Walk:
    """What the nodes so far have made. batch: examples run at once; shapes: infers sizes"""

    def __init__(self, graph: GraphProto, shapes: Shapes, batch: int) -> None:
        """graph: holds the initializers."""
        self.batch, self.shapes = batch, shapes
        self.env: dict[str, Value] = {}
        self.read: set[str] = set()
        self.blocks: dict[str, str] = {}
        self._readers: Counter[str] = Counter()
        self._reader: dict[str, NodeProto] = {}
        self._fused: set[int] = set()
        self._depth = 0
        self.rows = Rows({})
        self._enter(graph)

    @property
    def failed(self) -> bool:
        """Whether the last row is one whose size cannot be told: nothing behind it can."""
        return bool(self.rows.drafts) and isinstance(self.rows.drafts[-1].layer, Failed)

    def lost(self, outputs: Iterable[str]) -> bool:
        """Whether one of `outputs` flows and has no batch."""
        made = [self.env[name] for name in outputs if name in self.env]
        return any(value.flows and value.seen.tensor.batch is None for value in made)

    def _enter(self, graph: GraphProto) -> None:
        """Note what a graph, or a branch, holds: its initializers, declared types, and who reads what."""
        for tensor in graph.initializer:
            self._constant(tensor.name, tensor, literal=False)
        for sparse in graph.sparse_initializer:
            shape, dtype = tuple(sparse.dims), DTYPES.get(sparse.values.data_type, "float32")
            self._put(sparse.values.name, shape, dtype, literal=False)
        self.shapes.declared |= {info.name: info.type for info in (*graph.value_info, *graph.output)}
        for node in graph.node:
            self._readers.update(filter(None, (*node.input, *_captured(node))))
            self._reader |= dict.fromkeys(node.input, node)
        self._readers.update(info.name for info in graph.output)

    def _constant(self, name: str, tensor: TensorProto, *, literal: bool) -> None:
        dtype = DTYPES.get(tensor.data_type, "uint8" if tensor.data_type in {21, 22, 23} else "")
        if dtype:  # text has none, and is read by nothing here
            self._put(name, tuple(tensor.dims), dtype, literal=literal, data=array(tensor))

    def _put(self, name: str, shape: Shape, dtype: str, *, literal: bool, data: Any = None) -> None:  # noqa: ANN401
        self.env[name] = Value(name, shape, self._constantly(shape, dtype), None, data, frozenset({name}), literal)
        if not literal:
            self.rows.known[name] = shape, dtype

    def _constantly(self, shape: Shape, dtype: str) -> Seen:
        return seen(shape, dtype, self.batch, constant=True)

    def feed(self, name: str, label: str, shape: Shape, dtype: str) -> None:
        """An input of the network, called `label` there."""
        view = seen(shape, dtype, self.batch, constant=False)
        self.env[name] = Value(name, shape, view, Reference(label))

    def run(self, nodes: Iterable[NodeProto]) -> None:
        """Make rows of `nodes`; ends where a size cannot be told."""
        for node in nodes:
            if id(node) not in self._fused:
                self._step(node)
            if self.failed:
                return

    def _step(self, node: NodeProto) -> None:
        self.read.update(node.input, _captured(node))
        inputs = [self.env.get(name) if name else None for name in node.input]
        captured = [self.env[name] for name in _captured(node) if name in self.env]
        if node.op_type == "Constant" and not node.domain:
            self._literal(node)
        elif node.op_type in {"Shape", "Size"} and not node.domain and inputs[0] is not None:
            self._measured(node, inputs[0])
        elif node.op_type == "If" and self._branch(node, inputs[0]):
            return
        elif any(value is not None and value.flows for value in (*inputs, *captured)):
            self._row(node, inputs, captured)
        else:
            self._computed(node, inputs)

    def _literal(self, node: NodeProto) -> None:
        """Numbers written into the node itself."""
        from onnx import helper, numpy_helper

        attribute = node.attribute[0]
        value = helper.get_attribute_value(attribute)
        if attribute.name == "value":
            self._constant(node.output[0], value, literal=True)
        elif attribute.name in {"value_float", "value_floats", "value_int", "value_ints"}:
            import numpy as np

            data = np.array(value, dtype=np.float32 if "float" in attribute.name else np.int64)
            self._constant(node.output[0], numpy_helper.from_array(data), literal=True)

    def _measured(self, node: NodeProto, value: Value) -> None:
        """Shape and Size: numbers, though what they measure flows."""
        import numpy as np
        from onnx import helper

        settings = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        sizes = value.shape[slice(settings.get("start"), settings.get("end"))]
        data = np.array(sizes if node.op_type == "Shape" else value.numel, dtype=np.int64)
        self._hold(node.output[0], data.shape, "int64", (), data)

    def _computed(self, node: NodeProto, inputs: Sequence[Value | None]) -> None:
        """What is made of constants alone: no row, but initializers behind it are remembered."""
        made = self.shapes.outputs(node, inputs)
        quantized = node.op_type == "DequantizeLinear"  # scales and zero points are settings
        known = [value for value in inputs[: 1 if quantized else None] if value is not None]
        data = self.shapes.evaluated(node, inputs, made)
        for place, (name, each) in enumerate(zip(node.output, made, strict=True)):
            if name and each is not None:
                self._hold(name, *each, known, data[place] if data else None)

    def _hold(self, name: str, shape: Shape, dtype: str, known: Sequence[Value], data: Any) -> None:  # noqa: ANN401
        widest = max((value.numel for value in known), default=0)
        counted = [value for value in known if value.numel > 1 or widest < 2]  # a scale alone is no weight
        sources = frozenset(source for value in counted for source in value.sources)
        literal = all(value.literal for value in known)
        self.env[name] = Value(name, shape, self._constantly(shape, dtype), None, data, sources, literal)

    def _branch(self, node: NodeProto, condition: Value | None) -> bool:
        """Run the branch of an If whose condition is known; False where it is not."""
        if condition is None or condition.data is None or self._depth >= DEEPEST:
            return False
        wanted = "then_branch" if bool(condition.data.all()) else "else_branch"
        graph = next((each.g for each in node.attribute if each.name == wanted), None)
        if graph is None:
            return False
        self._enter(graph)
        self._depth += 1
        self.run(graph.node)
        self._depth -= 1
        inner = [self.env.get(info.name) for info in graph.output]
        self.env |= {name: value for name, value in zip(node.output, inner, strict=False) if name and value is not None}
        return True

    def _row(self, node: NodeProto, inputs: Sequence[Value | None], captured: Sequence[Value]) -> None:
        made = self.shapes.outputs(node, inputs)
        op = Op(node, (*inputs, *captured), made, self.batch, self.shapes.version(node), self._next(node))
        sources = [source for value in inputs if value is not None for source in value.sources if not value.literal]
        first = [source for source in sources if self.rows.counts(source) and source not in self.rows.owner]
        found = self.rows.add(op, scope_of(node, first), fallback(node))
        self.blocks |= blocks_of(node)
        if not isinstance(found, Said):
            self._bind(node, made, found)
        elif found.fused is not None:
            self._fused.add(id(found.fused))
            self.read.update(found.fused.input)
            self._bind(found.fused, made, self.rows.outputs(self.rows.drafts[-1], op))
        elif found.reads[0].reference is not None:
            self._bind(node, made, ((found.reads[0].reference, op.makes()),))

    def _bind(self, node: NodeProto, made: Made, found: Sequence[tuple[Reference, Seen] | None]) -> None:
        for name, each, row in zip(node.output, made, found, strict=False):
            if name and each is not None and row is not None:
                self.env[name] = Value(name, each[0], row[1], row[0])

    def _next(self, node: NodeProto) -> tuple[NodeProto, Value] | None:
        """The only node that reads this one's first output, where it reads one constant besides."""
        name = node.output[0]
        reader = self._reader.get(name) if self._readers[name] == 1 else None
        if reader is None or len(reader.input) != 2 or len(reader.output) != 1:
            return None
        other = self.env.get(reader.input[1] if reader.input[0] == name else reader.input[0])
        return None if other is None or other.flows else (reader, other)


def _captured(node: NodeProto) -> list[str]:
    """What the subgraphs of a node read from around them, and what they hold themselves."""
    found: list[str] = []
    waiting = [graph for each in node.attribute for graph in (each.g, *each.graphs) if graph.node]
    while waiting:
        graph = waiting.pop()
        for inner in graph.node:
            found += inner.input
            waiting += [deeper for each in inner.attribute for deeper in (each.g, *each.graphs) if deeper.node]
    return found
