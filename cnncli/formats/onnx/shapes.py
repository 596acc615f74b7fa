"""Sizes node by node: ONNX's own shape inference, and its reference implementation for the numbers that sizes depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import prod
from typing import TYPE_CHECKING, Any

from cnncli.formats.onnx.values import Value
from cnncli.layers import Shape

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto, OperatorSetIdProto, TypeProto

MOST = 65_536
"""Numbers of a constant up to which it is worked out; sizes and indices are far fewer."""
DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
    17: "float8_e4m3fn",
    18: "float8_e4m3fnuz",
    19: "float8_e5m2",
    20: "float8_e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4_e2m1fn",
    24: "float8_e8m0fnu",
    25: "uint2",
    26: "int2",
}
"""ONNX's element types by torch's names, where it has them."""
NUMBERS = {name: number for number, name in DTYPES.items()}

Made = tuple["tuple[Shape, str] | None", ...]


class Shapes:
    """Infers what nodes make. opsets: domain → version · dims: names of open sizes → what they are"""

    def __init__(self, opsets: Sequence[OperatorSetIdProto], ir: int, dims: Mapping[str, int]) -> None:
        """ir: the file's version of the format."""
        self._opsets, self._ir, self._dims = list(opsets), ir, dims
        self.versions = {_domain(each.domain): each.version for each in opsets}
        self.declared: dict[str, TypeProto] = {}

    def version(self, node: NodeProto) -> int:
        """Of the operator set that the node is from."""
        return self.versions.get(_domain(node.domain), 0)

    def outputs(self, node: NodeProto, inputs: Sequence[Value | None]) -> Made:
        """Whole shape and dtype of each output of `node`, None where they cannot be told."""
        inferred = self._inferred(node, inputs)
        found = [self.of(inferred[name]) if name in inferred else None for name in node.output]
        declared = [self.of(self.declared[name]) if name in self.declared else None for name in node.output]
        return tuple(mine or theirs for mine, theirs in zip(found, declared, strict=True))

    def _inferred(self, node: NodeProto, inputs: Sequence[Value | None]) -> Mapping[str, TypeProto]:
        from onnx import defs, helper, numpy_helper, shape_inference

        if node.op_type == "STFT" and all(each.name != "onesided" for each in node.attribute):
            node.attribute.append(helper.make_attribute("onesided", 1))  # the default, which the inference forgets
        named = [(name, value) for name, value in zip(node.input, inputs, strict=True) if value is not None]
        try:
            schema = defs.get_schema(node.op_type, self.version(node), _domain(node.domain))
            types = {
                name: helper.make_tensor_type_proto(NUMBERS[value.dtype], value.shape, []) for name, value in named
            }
            data = {name: numpy_helper.from_array(value.data, name) for name, value in named if value.data is not None}
            found: Mapping[str, TypeProto] = shape_inference.infer_node_outputs(
                schema, node, types, data, opset_imports=self._opsets, ir_version=self._ir
            )
        except Exception:  # noqa: BLE001  (no such operation, or its inputs do not fit: ONNX raises what it likes)
            return {}
        return found

    def of(self, kind: TypeProto) -> tuple[Shape, str] | None:
        """Whole shape and dtype of a type; None where a size is open, or it is no tensor of numbers."""
        tensor = kind.tensor_type
        if not kind.HasField("tensor_type") or not tensor.HasField("shape") or tensor.elem_type not in DTYPES:
            return None
        sizes = [
            dim.dim_value if dim.HasField("dim_value") else self._dims.get(dim.dim_param) for dim in tensor.shape.dim
        ]
        known = tuple(size for size in sizes if size is not None)
        complete = len(known) == len(sizes) and min(known, default=0) >= 0
        return (known, DTYPES[tensor.elem_type]) if complete else None

    def forget(self, node: NodeProto, readers: Mapping[str, int]) -> None:
        """Take away the names of optional outputs that nobody reads, such as a dropout's mask."""
        from onnx import defs

        spare = [place for place, name in enumerate(node.output) if place and not readers.get(name)]
        if not spare or not defs.has(node.op_type, _domain(node.domain)):
            return
        with suppress(defs.SchemaError):
            outputs = defs.get_schema(node.op_type, self.version(node), _domain(node.domain)).outputs
            for place in spare:
                if place < len(outputs) and outputs[place].option == defs.OpSchema.FormalParameterOption.Optional:
                    node.output[place] = ""

    def evaluated(self, node: NodeProto, inputs: Sequence[Value | None], made: Made) -> list[Any] | None:
        """What the outputs of a node with constant inputs hold; None where it is too much, or not known."""
        if not all(each is not None and prod(each[0]) <= MOST for each in made):
            return None
        if any(value is not None and value.data is None for value in inputs):
            return None
        from onnx import ValueInfoProto, helper
        from onnx.reference import ReferenceEvaluator

        feeds = {name: value.data for name, value in zip(node.input, inputs, strict=True) if value is not None}
        try:
            made_of = [ValueInfoProto(name=name) for name in feeds], [ValueInfoProto(name=name) for name in node.output]
            graph = helper.make_graph([node], "node", *made_of)  # a node alone would run as of the newest operator set
            return list(ReferenceEvaluator(graph, opsets=self.versions).run(None, feeds))
        except Exception:  # noqa: BLE001  (not implemented there, or the numbers do not fit)
            return None


def array(tensor: Any) -> np.ndarray[Any, Any] | None:  # noqa: ANN401  (a TensorProto)
    """What a tensor holds; None where it holds nothing here: it was stepped over, or lies in another file."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL:  # wherever its path points: no other file is opened
        return None
    try:
        found: np.ndarray[Any, Any] = numpy_helper.to_array(tensor)
    except Exception:  # noqa: BLE001  (stepped over, or damaged: its shape is all that is needed)
        return None
    return found


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain
