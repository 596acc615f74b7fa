"""Node by node through an ONNX graph: constants are worked out where sizes depend on them, everything else becomes a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from cnncli.formats.onnx.names import blocks_of, fallback, scope_of
from cnncli.formats.onnx.ops.costs import COSTS
from cnncli.formats.onnx.rows import Rows
from cnncli.formats.onnx.shapes import DTYPES, Made, Shapes, array
from cnncli.formats.onnx.values import Op, Reference, Said, Value, seen
from cnncli.layers import Shape
from cnncli.layers.batch_axis import Seen

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

FITTED = ("Linear", "SVM", "TreeEnsemble")
"""How the operations of classical machine learning begin that hold what they learned."""
DEEPEST = 50
"""Branches within branches that are followed."""


class Walk:
    """What the nodes so far have made. batch: examples run at once, 0 where no axis is the batch; shapes: infers sizes

    env: what is known by its name · unsized: names of what flows and whose size depends on values · read: names that nodes read
    """

    def __init__(self, graph: GraphProto, shapes: Shapes, batch: int) -> None:
        """graph: holds the initializers."""
        self.batch, self.shapes = batch, shapes
        self.env: dict[str, Value] = {}
        self.read: set[str] = set()
        self.unsized: set[str] = set()
        self.blocks: dict[str, str] = {}
        self._readers: Counter[str] = Counter()
        self._reader: dict[str, NodeProto] = {}
        self._fused: set[int] = set()
        self._depth = 0
        tensors = (each for inner in _within([graph]) for each in inner.initializer)
        self._initialised = any(prod(each.dims) > 1 and "float" in DTYPES.get(each.data_type, "") for each in tensors)
        self.rows = Rows({})
        self._enter(graph)

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
        for node in graph.node:
            self.shapes.forget(node, self._readers)

    def _constant(self, name: str, tensor: TensorProto, *, literal: bool) -> None:
        if tensor.data_type in DTYPES:
            self._put(name, tuple(tensor.dims), DTYPES[tensor.data_type], literal=literal, data=array(tensor))

    def _put(self, name: str, shape: Shape, dtype: str, *, literal: bool, data: Any = None) -> None:  # noqa: ANN401
        self.env[name] = Value(name, shape, self._constantly(shape, dtype), None, data, frozenset({name}), literal)
        self.rows.known[name] = shape, dtype
        if literal:
            self.rows.literals.add(name)

    def _constantly(self, shape: Shape, dtype: str) -> Seen:
        return seen(shape, dtype, self.batch, constant=True)

    def feed(self, name: str, label: str, shape: Shape, dtype: str) -> None:
        """An input of the network, called `label` there."""
        view = seen(shape, dtype, self.batch, constant=False)
        self.env[name] = Value(name, shape, view, Reference(label))

    def run(self, nodes: Iterable[NodeProto]) -> None:
        """Make rows of `nodes`."""
        for node in nodes:
            if node.output and id(node) not in self._fused:
                self._step(node)

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
        elif self.unsized & {*node.input, *_captured(node)} or any(
            value is not None and value.flows for value in (*inputs, *captured)
        ):
            self._row(node, inputs, [*captured, *self._held(node)])
        else:
            self._computed(node, inputs)

    def _literal(self, node: NodeProto) -> None:
        """Numbers written into the node itself."""
        from onnx import AttributeProto, TensorProto, helper, numpy_helper

        attribute = node.attribute[0] if node.attribute else AttributeProto()
        numbers = {AttributeProto.FLOAT, AttributeProto.FLOATS, AttributeProto.INT, AttributeProto.INTS}
        if attribute.type not in {*numbers, AttributeProto.TENSOR}:
            return
        value = helper.get_attribute_value(attribute)
        if isinstance(value, TensorProto):
            self._constant(node.output[0], value, literal=self._initialised)
        else:
            import numpy as np

            data = np.array(
                value, dtype=np.float32 if attribute.type in {AttributeProto.FLOAT, AttributeProto.FLOATS} else np.int64
            )
            self._constant(node.output[0], numpy_helper.from_array(data), literal=self._initialised)

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
        if node.op_type == "ConstantOfShape" and made[0] is not None:
            self._filled(node, *made[0], data=data[0] if data else None)

    def _filled(self, node: NodeProto, shape: Shape, dtype: str, data: Any) -> None:  # noqa: ANN401
        """One number everywhere, as stands for weights in files that were made small (by onnx.tools.replace_constants).

        Zeros and ones are states and masks, which count only where a layer reads them as its weights.
        """
        from onnx import numpy_helper

        value = float(numpy_helper.to_array(node.attribute[0].t).flat[0]) if node.attribute else 0.0
        stripped = node.input[0] in self.rows.known and value not in {0.0, 1.0}
        self._put(node.output[0], shape, dtype, literal=not stripped, data=data)

    def _hold(self, name: str, shape: Shape, dtype: str, known: Sequence[Value], data: Any) -> None:  # noqa: ANN401
        widest = max((value.numel for value in known), default=0)
        counted = [value for value in known if value.numel > 1 or widest < 2]  # a scale alone is no weight
        sources = frozenset(source for value in counted for source in value.sources if self.rows.counts(source))
        literal = sources <= self.rows.literals
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

    def _held(self, node: NodeProto) -> Iterator[Value]:
        """What is learned within a node that is not looked into: in subgraphs that run nobody knows how often, or as settings."""
        for place, graph in enumerate(_within(_graphs(node))):
            within = [(each.name, each) for each in graph.initializer]
            if not self._initialised:
                within += [
                    (inner.output[0], each.t)
                    for inner in graph.node
                    for each in inner.attribute
                    if inner.op_type == "Constant"
                ]
            weights = {name for inner in graph.node if inner.op_type in COSTS for name in inner.input}
            for name, tensor in within:
                if tensor.data_type in DTYPES and (prod(tensor.dims) > 1 or name in weights):
                    yield self._learned(
                        f"{node.output[0]}.{place}.{name}", tuple(tensor.dims), DTYPES[tensor.data_type]
                    )
        if node.domain == "ai.onnx.ml" and node.op_type.startswith(FITTED):
            for each in node.attribute:
                if each.floats:
                    yield self._learned(f"{node.output[0]}.{each.name}", (len(each.floats),), "float32")

    def _learned(self, name: str, shape: Shape, dtype: str) -> Value:
        self.rows.known[name] = shape, dtype
        return Value(name, shape, self._constantly(shape, dtype), None, None, frozenset({name}))

    def _row(self, node: NodeProto, inputs: Sequence[Value | None], captured: Sequence[Value]) -> None:
        made = self.shapes.outputs(node, inputs)
        whole = not self.unsized & {*node.input, *_captured(node)}
        op = Op(node, (*inputs, *captured), made, self.batch, self.shapes.version(node), self._next(node), whole)
        sources = [source for value in inputs if value is not None for source in value.sources]
        first = [source for source in sources if source not in self.rows.owner and self.rows.learned(source)]
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
        self.unsized |= {name for name in node.output if name and name not in self.env}

    def _next(self, node: NodeProto) -> tuple[NodeProto, Value] | None:
        """The only node that reads this one's first output, where it reads one constant besides."""
        name = node.output[0]
        reader = self._reader.get(name) if self._readers[name] == 1 else None
        if reader is None or len(reader.input) != 2 or len(reader.output) != 1:
            return None
        other = self.env.get(reader.input[1] if reader.input[0] == name else reader.input[0])
        return None if other is None or other.flows else (reader, other)


def _within(graphs: Iterable[GraphProto]) -> Iterator[GraphProto]:
    """The graphs, and those in their nodes."""
    waiting = list(graphs)
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += (inner for node in graph.node for inner in _graphs(node))


def _graphs(node: NodeProto) -> list[GraphProto]:
    """The subgraphs of a node, such as the branches of an If."""
    return [graph for each in node.attribute for graph in (each.g, *each.graphs) if graph.node]


def _captured(node: NodeProto) -> list[str]:
    """What the subgraphs of a node read from around them, and what they hold themselves."""
    return [name for graph in _within(_graphs(node)) for inner in graph.node for name in inner.input]
