"""ONNX's own test models, and what exporters write: everything is read, or refused in one true line."""

from __future__ import annotations

import json
import math
import random
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from typer.testing import CliRunner

from cnncli.analysis.report import Report, report
from cnncli.cli import app
from cnncli.errors import CnncliError, RequestError, UnknownName
from cnncli.formats.onnx import read
from cnncli.layers import Tensor
from tests.formats.onnx.conftest import Write, info, numbers, weight

node = helper.make_node
DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
TRUE = ("is a sequence, no tensor", "is a optional, no tensor", "it takes no input")
"""Why a model may be refused: what goes in is no tensor, or nothing does."""


def outcome(path: Path) -> Report | str:
    """Its report, or why it is refused."""
    try:
        return report(read(path))
    except CnncliError as error:
        assert len(str(error).splitlines()) == 1
        return str(error)


def check(path: Path, found: Report | str) -> None:
    """A report without a failure whose outputs are of the sizes that the file declares, or a refusal that is true."""
    if isinstance(found, str):
        assert any(each in found for each in TRUE), found
        return
    assert found.failure is None, (path.name, found.failure)
    declared = {
        math.prod(dim.dim_value for dim in each.type.tensor_type.shape.dim)
        for each in onnx.load(path).graph.output
        if each.type.HasField("tensor_type")
        and all(dim.HasField("dim_value") for dim in each.type.tensor_type.shape.dim)
    }
    last = found.rows[-1] if found.rows else None
    if last is not None and last.call.outputs and len(declared) == 1 and found.network.outputs == (last.name,):
        whole, example = declared.pop(), math.prod(last.call.y.shape)
        assert (whole == example) if last.call.y.batch is None else (whole % max(example, 1) == 0), path.name


@pytest.mark.parametrize("kind", ["simple", "pytorch-converted", "pytorch-operator"])
def test_models_of_onnx(kind: str) -> None:
    """Every one that comes with the package."""
    found = {path: outcome(path / "model.onnx") for path in sorted((DATA / kind).iterdir())}
    for path, each in found.items():
        check(path / "model.onnx", each)
    assert sum(isinstance(each, Report) for each in found.values()) >= 0.95 * len(found)


def nodes_of_onnx(tmp_path: Path, part: int) -> tuple[int, int]:
    """Read each `part`-th node model of ONNX; how many there are, and how many are read."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = sorted(collect_testcases(), key=lambda case: str(case.name))[::part]
    done = 0
    for case in cases:
        path = tmp_path / f"{case.name}.onnx"
        path.write_bytes(case.model.SerializeToString())
        found = outcome(path)
        check(path, found)
        done += isinstance(found, Report)
    return len(cases), done


@pytest.mark.slow
def test_every_node_of_onnx(tmp_path: Path) -> None:
    """At least 95 of 100 are read; 1,884 models in 40 s, and as long to make them."""
    count, done = nodes_of_onnx(tmp_path, 1)
    assert count > 1500
    assert done >= 0.95 * count


LIGHT = {
    "bvlc_alexnet": 60_965_224,
    "inception_v1": 6_998_552,
    "resnet50": 25_557_032,
    "squeezenet": 1_235_496,
    "vgg19": 143_667_240,
    "zfnet512": 87_250_536,
}


@pytest.mark.parametrize("name", LIGHT)
def test_models_without_their_weights(name: str) -> None:
    """ONNX's light models hold one number in place of each weight: parameters are those of the originals."""
    found = report(read(DATA / "light" / f"light_{name}.onnx"))
    assert found.complete
    assert found.totals.params == LIGHT[name]
    assert found.totals.buffers == (53_120 if name == "resnet50" else 0)


class Viewed(nn.Module):
    """Flattens by `x.view(x.size(0), -1)`."""

    def __init__(self) -> None:
        """One convolution, a dropout and a dense layer."""
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(144, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores."""
        x = self.norm(self.conv(x))
        return self.fc(x.view(x.size(0), -1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("opset", [9, 11, 12, 13])
def test_sizes_that_are_computed(opset: int, tmp_path: Path) -> None:
    """Shape, Gather, Unsqueeze with its axes as an attribute, Concat and Reshape: of an open batch in every operator set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Viewed(),
            (torch.rand(1, 3, 8, 8),),
            tmp_path / "net.onnx",
            dynamo=False,
            opset_version=opset,
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=["x"],
            dynamic_axes={"x": {0: "batch"}},
        )
    found = report(read(tmp_path / "net.onnx"))
    assert found.complete
    assert found.totals.params == 112 + 8 + 1450
    assert found.totals.macs == 4 * 36 * 27 + 1440
    assert found.totals.buffers == 8  # mean and variance: how many batches they are from is not in the file


@pytest.mark.parametrize("channels", [1, 3])
def test_fields_of_images_with_channels_last(channels: int, write: Write) -> None:
    """H×W×C, shifted, then brought to C×H×W as Keras' exports do: what is seen is height and width."""
    move = (
        node("Reshape", ["s", "target"], ["t"]) if channels == 1 else node("Transpose", ["s"], ["t"], perm=[0, 3, 1, 2])
    )
    nodes = [node("Sub", ["x", "half"], ["s"]), move, node("Conv", ["t", "w"], ["y"], strides=[2, 2])]
    half = numpy_helper.from_array(np.float32(0.5), "half")
    weights = [half, weight("w", 4, channels, 3, 5), numbers("target", -1, 1, 12, 16)]
    path = write(nodes, weights, [info("x", ["batch", 12, 16, channels])])
    conv = report(read(path)).rows[-1]
    assert conv.call.y.shape == (4, 5, 6)
    assert conv.field is not None
    assert [(reach.size, reach.bounds) for reach in conv.field.axes] == [(3, (0, 11)), (5, (0, 15))]


def test_outputs_that_are_left_out(write: Write) -> None:
    """Attention's fourth output behind two without a name is the row's second; a dropout's mask that nobody reads is none."""
    given = [info(name, [2, 3, 4, 8]) for name in "qkv"]
    nodes = [node("Attention", ["q", "k", "v"], ["y", "", "", "scores"]), node("Relu", ["scores"], ["z"])]
    found = report(read(write(nodes, inputs=given, outputs=[info("y", None), info("z", None)], opset=23)))
    assert found.failure is None
    assert found.rows[1].inputs == (f"{found.rows[0].name}:1",)
    nodes = [node("Dropout", ["x"], ["y", "mask"]), node("Relu", ["y"], ["z"])]
    found = report(read(write(nodes, opset=9)))
    assert [row.layer.torch_name for row in found.rows] == ["Dropout", "ReLU"]


def test_what_works_along_the_first_axis_has_no_batch(write: Write) -> None:
    """A softmax over the first axis, and an LSTM whose first axis is time: shapes are whole."""
    network = read(write([node("Softmax", ["x"], ["y"], axis=0)], inputs=[info("x", [4, 5])]))
    assert report(network).rows[0].call.y == Tensor((4, 5), batch=None)
    nodes = [node("LSTM", ["x", "w", "r"], ["y"], hidden_size=6)]
    network = read(write(nodes, [weight("w", 1, 24, 5), weight("r", 1, 24, 6)], [info("x", [7, 1, 5])]))
    found = report(network)
    assert found.network.inputs["x"].batch is None
    assert found.totals.macs == 7 * 24 * (5 + 6)


def test_inputs_by_name_and_single_numbers(write: Write) -> None:
    """An open size that two inputs share is given once; a single number is called scalar."""
    given = [info("a", ["batch", "seq"]), info("b", ["batch", "seq"]), info("rate", [], TensorProto.INT64)]
    path = write(
        [node("Add", ["a", "b"], ["s"]), node("Identity", ["rate"], ["r"])], inputs=given, outputs=[info("s", None)]
    )
    with pytest.raises(RequestError, match="--input a=SEQ"):
        read(path)
    assert report(read(path, {"a": Tensor((9,))})).rows[0].call.y.shape == (9,)
    with pytest.raises(UnknownName, match="rat"):
        read(path, {"rat": Tensor(())})
    done = CliRunner().invoke(
        app, ["summary", str(path), "--input", "b=9", "--input", "rate=scalar:int64", "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["input"] == [[9], [9], []]


def test_weights_within_branches_that_are_not_followed(write: Write) -> None:
    """An If on a value that flows: both branches' weights are in the file, and what one of them costs is not known."""
    branches = {
        name: helper.make_graph(
            [node("Conv", ["x", "w"], [f"{name}_y"])],
            name,
            [],
            [info(f"{name}_y", None)],
            [weight("w", 4, 3, size, size)],
        )
        for name, size in (("then_branch", 1), ("else_branch", 3))
    }
    inputs = [info("x", ["batch", 3, 8, 8]), info("c", [], TensorProto.BOOL)]
    found = report(read(write([node("If", ["c"], ["y"], **branches)], inputs=inputs)))
    assert found.failure is None
    assert found.totals.params == 12 + 108
    assert found.unexplained == ("y",)


def test_text_and_trees(write: Write) -> None:
    """Text has a shape and no size in bytes; what a classifier learned is counted."""
    path = write([node("StringConcat", ["x", "x"], ["y"])], inputs=[info("x", [3], TensorProto.STRING)], opset=20)
    found = report(read(path))
    assert (found.rows[0].call.y.shape, found.rows[0].activation_bytes, found.complete) == ((3,), None, False)


@pytest.mark.parametrize("name", ["squeezenet", "inception_v1"])
def test_damage_to_real_files(name: str, tmp_path: Path) -> None:
    """Bits flipped and ends cut off: an error of ours, or a report."""
    whole, chance = (DATA / "light" / f"light_{name}.onnx").read_bytes(), random.Random(5)  # noqa: S311
    for turn in range(6):
        damaged = bytearray(whole)
        if turn % 3 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        for _ in range(20):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        (tmp_path / "net.onnx").write_bytes(damaged)
        outcome(tmp_path / "net.onnx")


def test_without_a_batch_where_it_is_asked_for(write: Write) -> None:
    """Shapes are whole, an open batch is given, and the figures are those of all of it."""
    path = write([node("Conv", ["x", "w"], ["y"])], [weight("w", 4, 3, 3, 3)])
    done = CliRunner().invoke(app, ["summary", str(path), "--no-batch", "--input", "2x3x8x8", "--format", "json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["input"], found["rows"][0]["output"]) == ([2, 3, 8, 8], [2, 4, 6, 6])
    assert found["totals"]["macs"] == 2 * 4 * 36 * 27
    with pytest.raises(RequestError, match="--input BATCHx3x8x8"):
        read(path, batch=False)
