"""Graphs written node by node: every rule of the format that exported modules do not show, with the figures worked out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnncli.analysis.report import Row, report
from cnncli.errors import RequestError
from cnncli.formats.onnx import read
from cnncli.formats.onnx.ops import readers
from cnncli.formats.onnx.ops.costs import COSTS
from cnncli.formats.onnx.ops.elementwise import ELEMENTWISE, FREE
from cnncli.layers import Tensor
from cnncli.layers.traced import Opaque, Unused
from cnncli.network import Network
from tests.formats.onnx.conftest import Write, info, numbers, weight

Net = Callable[..., Network]
node = helper.make_node


def rows(network: Network) -> tuple[Row, ...]:
    """The rows of its report, which must be without a failure."""
    found = report(network)
    assert found.failure is None
    return found.rows


def test_every_name_is_an_operation_of_onnx() -> None:
    """No reader and no list holds a name that ONNX does not know: a misspelt one would never be met."""
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history()}
    newer = {"Attention", "CumProd", "RMSNormalization", "Swish", "TensorScatter"}  # than the oldest onnx that will do
    assert set(readers()) | set(COSTS) | FREE | ELEMENTWISE <= known | newer
    assert not set(COSTS) & FREE


def test_an_unknown_operation_is_opaque_and_totals_are_a_lower_bound(net: Net) -> None:
    """Its shapes are declared in the file, its weights are counted, its cost is not known."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="first"),
        node("Fancy", ["a", "f"], ["b"], name="odd one", domain="odd"),
        node("Relu", ["b"], ["y"]),
    ]
    network = net(nodes, [weight("w", 4, 3, 3, 3), weight("f", 5, 7)], declared=[info("b", ["batch", 2, 6, 6])])
    found = report(network)
    conv, fancy, relu = rows(network)
    assert isinstance(fancy.layer, Opaque)
    assert (fancy.macs, fancy.params, fancy.call.y.shape) == (None, 35, (2, 6, 6))
    assert found.unexplained == ("odd_one",)
    assert not found.complete
    assert found.totals.macs == conv.macs == 4 * 27 * 36
    assert relu.call.y.shape == (2, 6, 6)


def test_behind_an_unknown_size_rows_go_on(net: Net) -> None:
    """Weights count, free operations cost nothing, costs that depend on the size are not known; nor is the size, which is no 0."""
    nodes = [
        node("Fancy", ["x"], ["b"], name="f", domain="odd"),
        node("Relu", ["b"], ["c"], name="r"),
        node("Conv", ["c", "w"], ["d"], name="c"),
        node("BatchNormalization", ["d", "s", "s", "m", "v"], ["y"], name="bn"),
    ]
    found = report(net(nodes, [weight("w", 4, 3, 3, 3), weight("s", 4), weight("m", 4), weight("v", 4)]))
    assert found.failure is None
    assert [(row.call.outputs, row.activation_bytes, row.macs, row.params, row.buffers) for row in found.rows] == [
        ((), None, None, 0, 0),
        ((), None, 0, 0, 0),
        ((), None, None, 108, 0),
        ((), None, 0, 4, 8),
    ]
    assert found.unexplained == ("f", "c")


def test_a_size_that_depends_on_values_is_not_known(net: Net) -> None:
    """NonZero gives as many places as there are: totals are a lower bound though every cost is known."""
    found = report(net([node("Relu", ["x"], ["a"]), node("NonZero", ["a"], ["y"])]))
    assert found.failure is None
    assert found.unexplained == ()
    assert not found.complete


@pytest.mark.parametrize(
    ("auto", "size", "kernel", "stride", "padding"),
    [
        ("SAME_UPPER", 8, 3, 2, ((0, 1), (0, 1))),  # ⌈8/2⌉ = 4 windows reach 3·2 + 3 = 9, one more than there is
        ("SAME_LOWER", 8, 3, 2, ((1, 0), (1, 0))),
        ("SAME_UPPER", 7, 3, 2, (1, 1)),
        ("SAME_UPPER", 8, 4, 1, ((1, 2), (1, 2))),
        ("SAME_LOWER", 8, 4, 1, ((2, 1), (2, 1))),
        ("VALID", 8, 3, 1, (0, 0)),
    ],
)
def test_automatic_padding(  # noqa: PLR0917
    auto: str, size: int, kernel: int, stride: int, padding: object, net: Net
) -> None:
    """Numbers for each side, the odd one after or before."""
    network = net(
        [node("Conv", ["x", "w"], ["y"], auto_pad=auto, strides=[stride] * 2)],
        [weight("w", 4, 3, kernel, kernel)],
        [info("x", ["batch", 3, size, size])],
    )
    (conv,) = rows(network)
    assert conv.layer.config["padding"] == padding
    assert conv.call.y.shape[1] == (-(-size // stride) if auto != "VALID" else (size - kernel) // stride + 1)


def test_an_asymmetric_padding_of_a_convolution(net: Net) -> None:
    """Pads are all starts, then all ends; a border unit sees less."""
    (conv,) = rows(net([node("Conv", ["x", "w"], ["y"], pads=[0, 1, 1, 2])], [weight("w", 4, 3, 3, 3)]))
    assert conv.layer.config["padding"] == ((0, 1), (1, 2))
    assert conv.call.y.shape == (4, 7, 9)
    assert conv.macs == 4 * 7 * 9 * 27


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
def test_pools_that_pad_one_side_more(kind: str, net: Net) -> None:
    """SAME_UPPER on 8×8 with 3×3/2 reads one place beyond the far border: as torch does when it rounds up."""
    (pool,) = rows(net([node(kind, ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")]))
    assert pool.call.y.shape == (3, 4, 4)
    assert pool.layer.config["ceil_mode"] is True
    assert pool.layer.config["padding"] == (0, 0)
    assert pool.field is not None
    assert [reach.of(3) for reach in pool.field.axes] == [(6, 7)] * 2


def test_a_pool_that_torch_has_not(net: Net) -> None:
    """Three more on the far side than on the near one: a row at its shapes, without MACs, whose field is not known."""
    (pool,) = rows(net([node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], pads=[0, 0, 3, 3])]))
    assert (pool.layer.brief, pool.call.y.shape, pool.macs, pool.field) == ("MaxPool", (3, 10, 10), 0, None)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"strides": [2, 2]}, (6, 18, 18)),  # 7·2 + 4
        ({"strides": [2, 2], "pads": [1, 1, 1, 1]}, (6, 16, 16)),
        ({"strides": [2, 2], "pads": [1, 1, 0, 0]}, (6, 17, 17)),  # one more stays on the far side: output padding
        ({"strides": [2, 2], "output_shape": [16, 16]}, (6, 16, 16)),
        ({"strides": [2, 2], "auto_pad": "SAME_UPPER"}, (6, 16, 16)),
        ({"strides": [2, 2], "pads": [0, 0, 1, 1]}, (6, 17, 17)),  # more is taken from the far side than torch can
    ],
)
def test_transposed_convolutions(settings: dict[str, Any], shape: tuple[int, ...], net: Net) -> None:
    """Each of 3·8·8 inputs meets 6·4·4 weights, however much padding takes away: 18,432 MACs."""
    (row,) = rows(
        net([node("ConvTranspose", ["x", "w", "b"], ["y"], **settings)], [weight("w", 3, 6, 4, 4), weight("b", 6)])
    )
    assert row.call.y.shape == shape
    assert row.macs == 3 * 64 * 6 * 16
    assert row.params == 3 * 6 * 16 + 6


def test_quantized_convolution(net: Net) -> None:
    """The 8-bit kernel is 108 parameters and the bias 4; scales and zero points are settings."""
    scale, zero = numpy_helper.from_array(np.float32(0.1), "s"), numpy_helper.from_array(np.uint8(0), "z")
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("QLinearConv", ["q", "s", "z", "w", "s", "z", "s", "z", "b"], ["c"]),
        node("DequantizeLinear", ["c", "s", "z"], ["y"]),
    ]
    found = rows(net(nodes, [scale, zero, weight("w", 4, 3, 3, 3, dtype=np.uint8), weight("b", 4, dtype=np.int32)]))
    assert [row.params for row in found] == [0, 112, 0]
    assert [row.macs for row in found] == [0, 4 * 27 * 36, 0]
    assert [row.call.y.dtype for row in found] == ["uint8", "uint8", "float32"]


def test_weights_that_are_quantized_in_the_file_count(net: Net) -> None:
    """A kernel made by DequantizeLinear from 8-bit numbers is those numbers; what makes it is no row."""
    scale = numpy_helper.from_array(np.float32(0.1), "s")
    nodes = [node("DequantizeLinear", ["w", "s"], ["k"]), node("Conv", ["x", "k"], ["y"])]
    (conv,) = rows(net(nodes, [scale, weight("w", 4, 3, 3, 3, dtype=np.int8)]))
    assert conv.params == 108


def test_what_is_a_parameter_and_what_is_not(net: Net) -> None:
    """Scales of a Resize, limits, shapes and single numbers are none; a vector that is added, and what nobody reads, is one."""
    nodes = [
        node(
            "Resize",
            ["x", "", "scales"],
            ["a"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        node("Clip", ["a", "low", "high"], ["b"]),
        node("Div", ["b", "high"], ["c"]),
        node("Add", ["c", "shift"], ["d"]),
        node("Reshape", ["d", "shape"], ["y"]),
    ]
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    low, high = (numpy_helper.from_array(np.float32(value), name) for value, name in ((0, "low"), (6, "high")))
    found = rows(
        net(nodes, [scales, low, high, weight("shift", 3, 1, 1), numbers("shape", 0, -1), weight("spare.weight", 5)])
    )
    assert [row.params for row in found] == [0, 0, 0, 3, 0, 5]
    assert found[0].layer.config["scale_factor"] == 2
    assert found[1].layer.torch_name == "ReLU6"
    assert found[4].call.y.shape == (3 * 16 * 16,)
    assert isinstance(found[5].layer, Unused)
    assert found[5].name == "spare.weight"


def test_a_bias_is_only_taken_in_where_nothing_else_reads_the_product(net: Net) -> None:
    """MatMul and Add are one fully connected layer; where the product is also an output, they are two rows."""
    nodes = [node("MatMul", ["x", "w"], ["a"]), node("Add", ["b", "a"], ["y"])]
    given = [info("x", ["batch", 5, 8])]
    weights = [weight("w", 8, 4), weight("b", 4)]
    (linear,) = rows(net(nodes, weights, given))
    assert (linear.layer.torch_name, linear.params, linear.macs) == ("Linear", 36, 5 * 32)
    two = rows(net(nodes, weights, given, [info("a", None), info("y", None)]))
    assert [(row.layer.torch_name, row.params) for row in two] == [("Linear", 32), ("Add", 4)]


def test_products_and_contractions(net: Net) -> None:
    """Two that flow: 5·5·8 of x·xᵀ, the same as an einsum, and once more with a constant on the left (6·8·5)."""
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        node("MatMul", ["x", "t"], ["a"]),
        node("Einsum", ["x", "x"], ["b"], equation="bik,bjk->bij"),
        node("Add", ["a", "b"], ["c"]),
        node("MatMul", ["m", "t"], ["d"]),
        node("Softmax", ["c"], ["e"], axis=-1),
    ]
    found = rows(net(nodes, [weight("m", 6, 8)], [info("x", ["batch", 5, 8])], [info("d", None), info("e", None)]))
    assert [row.macs for row in found] == [0, 5 * 5 * 8, 5 * 5 * 8, 0, 6 * 8 * 5, 0]
    assert [row.params for row in found] == [0, 0, 0, 0, 48, 0]


def test_an_embedding_and_its_tied_head(net: Net) -> None:
    """A table of 50×16 is 800 parameters, once: the head reads it the other way round."""
    nodes = [
        node("Gather", ["table", "x"], ["e"]),
        node("Transpose", ["table"], ["t"]),
        node("MatMul", ["e", "t"], ["y"]),
    ]
    table, head = rows(net(nodes, [weight("table", 50, 16)], [info("x", ["batch", 7], TensorProto.INT64)]))
    assert (table.layer.torch_name, table.params, table.call.y.shape) == ("Embedding", 800, (7, 16))
    assert (head.params, head.macs) == (0, 7 * 16 * 50)


def test_moving_about(net: Net) -> None:
    """Slices, a split, one place of an axis, a cast: rows without MACs; the batch may be moved and moved back."""
    nodes = [
        node("Transpose", ["x"], ["a"], perm=[1, 0, 2, 3]),  # the batch is second now
        node("Transpose", ["a"], ["b"], perm=[1, 2, 3, 0]),  # first again, channels last
        node("Slice", ["b", "starts", "ends", "axes"], ["c"]),
        node("Split", ["c", "sizes"], ["d", "e"], axis=3),
        node("Gather", ["e", "one"], ["f"], axis=1),
        node("Cast", ["d"], ["y"], to=TensorProto.FLOAT16),
    ]
    one = numpy_helper.from_array(np.int64(-1), "one")
    settings = [numbers("starts", 1, 2), numbers("ends", 9, -1), numbers("axes", 1, 2), numbers("sizes", 1, 2), one]
    found = rows(net(nodes, settings, outputs=[info("f", None), info("y", None)]))
    assert [row.call.y.shape for row in found] == [(8, 8, 3), (7, 5, 3), (7, 5, 1), (5, 2), (7, 5, 1)]
    assert [row.call.y.batch for row in found] == [0] * 5
    assert found[-1].call.y.dtype == "float16"
    assert found[2].inputs == (found[1].name,)


@pytest.mark.parametrize(
    ("mode", "pads", "axes", "shape", "kind"),
    [
        ("constant", [0, 0, 1, 2, 0, 0, 3, 4], None, (3, 12, 14), "ZeroPad2d"),
        ("constant", [2, 4], [3], (3, 8, 14), "ZeroPad1d"),
        ("constant", [0, 1, 0, 0, 0, 1, 0, 0], None, (5, 8, 8), "ZeroPad3d"),
        ("constant", [0, 0, 0, 0, 0, 0, -1, -1], None, (3, 7, 7), "ZeroPad2d"),
        ("reflect", [0, 0, 1, 1, 0, 0, 1, 1], None, (3, 10, 10), "MirrorPad"),
        ("edge", [0, 0, 0, 2, 0, 0, 0, 0], None, (3, 8, 10), "MirrorPad"),
    ],
)
def test_padding(  # noqa: PLR0917
    mode: str, pads: list[int], axes: list[int] | None, shape: tuple[int, ...], kind: str, net: Net
) -> None:
    """Starts, then ends, of all axes or of those named."""
    given = ["x", "pads"] if axes is None else ["x", "pads", "", "axes"]
    settings = [numbers("pads", *pads), *([numbers("axes", *axes)] if axes else [])]
    (pad,) = rows(net([node("Pad", given, ["y"], mode=mode)], settings))
    assert (pad.layer.torch_name, pad.call.y.shape, pad.macs) == (kind, shape, 0)
    assert pad.field is not None


@pytest.mark.parametrize(
    ("made", "kind", "words"),
    [
        (node("LeakyRelu", ["x"], ["y"], alpha=0.2), "LeakyReLU", {"negative_slope": 0.2}),
        (node("Elu", ["x"], ["y"]), "ELU", {"alpha": 1.0}),
        (node("HardSigmoid", ["x"], ["y"], alpha=1 / 6), "Hardsigmoid", {}),
        (node("HardSigmoid", ["x"], ["y"]), "Elementwise", {"operation": "hardsigmoid"}),
        (node("HardSwish", ["x"], ["y"]), "Hardswish", {}),
        (node("Gelu", ["x"], ["y"], approximate="tanh"), "GELU", {"approximate": "tanh"}),
        (node("Mish", ["x"], ["y"]), "Mish", {}),
        (node("Softplus", ["x"], ["y"]), "Softplus", {}),
        (node("Erf", ["x"], ["y"]), "Elementwise", {"operation": "erf"}),
        (node("Softmax", ["x"], ["y"], axis=1), "Softmax", {"dim": 1}),
        (node("LogSoftmax", ["x"], ["y"]), "LogSoftmax", {"dim": 3}),
        (
            node("LRN", ["x"], ["y"], size=5, alpha=0.001),
            "LocalResponseNorm",
            {"size": 5, "alpha": 0.001, "beta": 0.75},
        ),
        (node("GlobalMaxPool", ["x"], ["y"]), "AdaptiveMaxPool2d", {"output_size": (1, 1)}),
        (node("DepthToSpace", ["z"], ["y"], blocksize=2, mode="CRD"), "PixelShuffle", {"upscale_factor": 2}),
        (node("Dropout", ["x"], ["y"]), "Dropout", {"p": 0.5}),
        (node("Identity", ["x"], ["y"]), "Identity", {}),
        (node("Flatten", ["x"], ["y"]), "Flatten", {}),
        (
            node("ReduceMax", ["x", "axes"], ["y"], keepdims=0),
            "Reduce",
            {"operation": "amax", "dim": (2, 3), "keepdim": False},
        ),
        (node("ReduceMax", ["x", "first"], ["y"]), "Operation", {"operation": "ReduceMax"}),  # over the batch
        (node("ArgMax", ["x"], ["y"], axis=1), "Reduce", {"operation": "argmax", "dim": (1,), "dtype": "int64"}),
        (node("InstanceNormalization", ["x", "c", "c"], ["y"]), "InstanceNorm2d", {"num_features": 3, "affine": True}),
        (
            node("LayerNormalization", ["x", "n"], ["y"], axis=-1),
            "LayerNorm",
            {"normalized_shape": (8,), "bias": False},
        ),
        (node("PRelu", ["x", "slope"], ["y"]), "PReLU", {"num_parameters": 3}),
        (node("TopK", ["x", "two"], ["y", "i"]), "Operation", {"operation": "TopK"}),
    ],
)
def test_operations_as_specs(made: onnx.NodeProto, kind: str, words: dict[str, Any], net: Net) -> None:
    """One node each: the spec, and its settings in torch's words."""
    settings = [
        numbers("axes", 2, 3),
        numbers("first", 0),
        numbers("two", 2),
        weight("c", 3),
        weight("n", 8),
        weight("slope", 3, 1, 1),
    ]
    used = [each for each in settings if each.name in made.input]
    given = [info("z", ["batch", 8, 4, 4])] if "z" in made.input else ()
    (row,) = rows(net([made], used, given))
    assert row.layer.torch_name == kind
    assert {name: row.layer.config[name] for name in words} == words
    assert row.macs == 0


def test_constants_are_worked_out(net: Net) -> None:
    """A reshape to sizes computed from the input's shape, as exporters write it: no rows but its own."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Constant", [], ["zero"], value_int=0),
        node("Gather", ["s", "zero"], ["n"]),
        node("Unsqueeze", ["n", "axis"], ["front"]),
        node("Concat", ["front", "rest"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["y"]),
    ]
    (row,) = rows(net(nodes, [numbers("axis", 0), numbers("rest", -1, 4)]))
    assert row.call.y.shape == (48, 4)
    assert row.call.y.batch == 0


def test_a_branch_whose_condition_is_known_is_followed(net: Net) -> None:
    """If with a constant condition is the branch it takes, weights within it included."""
    then = helper.make_graph(
        [node("Conv", ["x", "w"], ["t"])], "then", [], [info("t", None)], [weight("w", 4, 3, 1, 1)]
    )
    other = helper.make_graph([node("Identity", ["x"], ["e"])], "else", [], [info("e", None)])
    condition = numpy_helper.from_array(np.ones((), bool), "c")
    nodes = [node("If", ["c"], ["i"], then_branch=then, else_branch=other), node("Relu", ["i"], ["y"])]
    found = rows(net(nodes, [condition]))
    assert [(row.layer.torch_name, row.params) for row in found] == [("Conv2d", 12), ("ReLU", 0)]


def test_a_loop_is_opaque_and_its_weights_are_counted(net: Net) -> None:
    """What runs an unknown number of times costs nobody knows what."""
    body = helper.make_graph(
        [node("MatMul", ["v", "w"], ["u"]), node("Identity", ["cond"], ["again"])],
        "body",
        [info("i", [], TensorProto.INT64), info("cond", [], TensorProto.BOOL), info("v", None)],
        [info("again", [], TensorProto.BOOL), info("u", None)],
    )
    trips = numpy_helper.from_array(np.int64(3), "trips")
    nodes = [node("Loop", ["trips", "", "x"], ["y"], body=body)]
    found = report(net(nodes, [trips, weight("w", 8, 8)], outputs=[info("y", ["batch", 3, 8, 8])]))
    assert found.failure is None
    assert found.rows[0].macs is None
    assert found.totals.params == 64
    assert not found.complete


def test_functions_of_the_file_are_written_out(write: Write) -> None:
    """A file may hold its own operations, made of others."""
    block = helper.make_function(
        "odd",
        "Block",
        ["a", "k"],
        ["o"],
        [node("Conv", ["a", "k"], ["c"]), node("Relu", ["c"], ["o"])],
        [helper.make_opsetid("", 20)],
    )
    path = write([node("Block", ["x", "w"], ["y"], domain="odd")], [weight("w", 4, 3, 3, 3)], functions=[block])
    assert [row.layer.torch_name for row in rows(read(path))] == ["Conv2d", "ReLU"]


def test_names_and_blocks_that_an_exporter_wrote_beside_the_nodes(net: Net) -> None:
    """Torch's newer exporter lists scopes and their classes."""
    conv = node("Conv", ["x", "w"], ["a"], name="node_conv2d")
    add = node("Add", ["a", "a"], ["y"], name="node_add")
    scopes = "['', 'layer1', 'layer1.0', {}]"
    kinds = "['net.Net', 'torch.nn.modules.container.Sequential', 'torchvision.models.resnet.BasicBlock', {}]"
    for each, scope, kind in (
        (conv, "'layer1.0.conv1', 'conv2d'", "'torch.nn.modules.conv.Conv2d', 'aten.conv2d.default'"),
        (add, "'add'", "'aten.add.Tensor'"),
    ):
        for key, text, put in (("name_scopes", scopes, scope), ("class_hierarchy", kinds, kind)):
            each.metadata_props.add(key=f"pkg.torch.onnx.{key}", value=text.format(put))
    network = net([conv, add], [weight("w", 3, 3, 1, 1)])
    assert [each.name for each in network.nodes] == ["layer1.0.conv1", "layer1.0.add"]
    assert network.blocks == {"layer1": "Sequential", "layer1.0": "BasicBlock"}


@pytest.mark.parametrize("name", ["", "12", "a b/[red]\x1b[31m\n", "x", "/conv1/Conv", "é.ü", "a" * 5000])
def test_names_from_outside_become_paths(name: str, net: Net) -> None:
    """Whatever a node is called: its row's name is a path of identifiers, and no two are the same."""
    nodes = [node("Relu", ["x"], ["a"], name=name), node("Relu", ["a"], ["y"], name=name)]
    first, second = (each.name for each in net(nodes).nodes)
    assert first != second
    for found in (first, second):
        assert len(found) < 300
        assert all(part.isidentifier() for part in found.split("."))


def test_weights_name_rows_that_nodes_do_not(net: Net) -> None:
    """Where nodes are numbered, a path of weights says more."""
    nodes = [node("Conv", ["x", "stem.conv.weight"], ["3"], name="Conv_0"), node("Relu", ["3"], ["4"], name="Relu_1")]
    assert [each.name for each in net(nodes, [weight("stem.conv.weight", 4, 3, 3, 3)]).nodes] == ["stem.conv", "Relu_1"]


def test_inputs_that_are_open(write: Write) -> None:
    """The batch is never asked for; other open sizes are, by name, with what to write."""
    path = write(
        [node("Conv", ["x", "w"], ["y"])], [weight("w", 4, 3, 3, 3)], [info("x", ["batch", 3, "height", "width"])]
    )
    with pytest.raises(RequestError, match=r"its input 'x' is 3×height×width .* say which: --input 3xHEIGHTxWIDTH"):
        read(path)
    (row,) = rows(read(path, [Tensor((3, 10, 12))]))
    assert row.call.y.shape == (4, 8, 10)
    with pytest.raises(RequestError, match=r"is 3×\?×\? for each example, not 1×10×12"):
        read(path, [Tensor((1, 10, 12))])
    (row,) = rows(read(path, [Tensor((2, 3, 10, 12))]))  # all of its axes: one of two examples
    assert row.call.y.shape == (4, 8, 10)
    with pytest.raises(RequestError, match="takes 1 inputs, --input gives 2"):
        read(path, [Tensor((3, 10, 12)), Tensor((3, 10, 12))])


def test_an_input_that_is_fixed_cannot_be_another(write: Write) -> None:
    """The file's own sizes may be repeated."""
    path = write([node("Relu", ["x"], ["y"])], inputs=[info("x", [1, 3, 8, 8])])
    assert read(path, [Tensor((3, 8, 8))]) == read(path)
    with pytest.raises(
        RequestError, match="is 3×8×8 for each example, not 3×9×9; give it so, or export it again with dynamic axes"
    ):
        read(path, [Tensor((3, 9, 9))])


@pytest.mark.parametrize(
    ("shape", "inner", "batch"),
    [
        (["batch", 3, 8, 8], (3, 8, 8), 0),
        ([1, 3, 8, 8], (3, 8, 8), 0),
        ([16, 3, 8, 8], (3, 8, 8), 0),
        (["n", 5], (5,), 0),
        ([5, "batch_size", 8], (5, 8), 0),  # the batch stands second; in a network it stands first
        ([7], (7,), None),
        (["any"], (), 0),
    ],
)
def test_which_axis_is_the_batch(
    shape: list[int | str], inner: tuple[int, ...], batch: int | None, write: Write
) -> None:
    """The open one that is called so, else the first; a vector of a fixed length has none."""
    path = write([node("Relu", ["x"], ["y"])], inputs=[info("x", shape)])
    network = read(path)
    (tensor,) = network.inputs.values()
    assert (tensor.shape, tensor.batch) == (inner, batch)
    (row,) = rows(network)
    assert row.call.y.shape == inner


@pytest.mark.parametrize("size", [1, 16])
def test_a_fixed_batch_is_divided_out(size: int, net: Net) -> None:
    """MACs are for one example however many the file was written for."""
    nodes = [node("Conv", ["x", "w"], ["a"]), node("Reshape", ["a", "s"], ["f"]), node("Gemm", ["f", "m"], ["y"])]
    weights = [weight("w", 4, 3, 3, 3), numbers("s", size, -1), weight("m", 144, 10)]
    found = rows(net(nodes, weights, [info("x", [size, 3, 8, 8])]))
    assert [row.macs for row in found] == [4 * 27 * 36, 0, 1440]
    assert found[-1].call.y.shape == (10,)


def test_a_batch_said_to_be_open_that_a_reshape_fixes(net: Net) -> None:
    """Exported with dynamic axes from code that wrote the batch down: read for one example."""
    nodes = [node("Reshape", ["x", "s"], ["f"]), node("Gemm", ["f", "m"], ["y"])]
    found = rows(net(nodes, [numbers("s", 1, 192), weight("m", 192, 10)]))
    assert [row.call.y.shape for row in found] == [(192,), (10,)]


def test_a_window_that_does_not_fit_is_reported_as_for_any_network(net: Net) -> None:
    """The row is named, with the sizes."""
    found = report(net([node("Conv", ["x", "w"], ["y"], name="big")], [weight("w", 4, 3, 9, 9)]))
    assert found.failure is not None
    assert found.failure.row == "big"
    assert "9×9" in found.failure.message


def test_an_output_that_only_hands_the_input_on(net: Net) -> None:
    """Nodes that do nothing leave no row; the output is then the row before."""
    network = net([node("Relu", ["x"], ["a"]), node("Cast", ["a"], ["y"], to=TensorProto.FLOAT)])
    assert network.outputs == (network.nodes[0].name,)
