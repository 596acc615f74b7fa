"""Files that are missing, damaged or hostile: one line and the right exit code; and what reading costs."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnncli.analysis.report import report
from cnncli.errors import CnncliError, DataError
from cnncli.formats.onnx import read
from cnncli.formats.onnx.reading import MalformedError, stripped
from tests.conftest import python
from tests.formats.onnx.conftest import Write, info, numbers, weight

node = helper.make_node
CHAIN = [node("Conv", ["x", "w"], ["a"], name="c"), node("Reshape", ["a", "s"], ["f"]), node("Gemm", ["f", "m"], ["y"])]
WEIGHTS = [weight("w", 40, 3, 3, 3), numbers("s", 0, -1), weight("m", 1440, 10)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it holds no graph"),
        (b"hello, this is text", "damaged or no ONNX file"),
        (b"\x08", "ends in the middle of a number"),
        (b"\x0f\x00", "starts no field"),
        (b"\x80" * 40, "starts no number"),
        (b"\x3a\xff\xff\xff\xff\x7f", "it ends before the field"),
        (b"PK\x03\x04" + bytes(100), "damaged or no ONNX file"),
        (b"\x08\x09", "it holds no graph"),
    ],
)
def test_what_is_no_onnx_file(content: bytes, words: str, tmp_path: Path) -> None:
    """Exit code 3, the file named."""
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(DataError, match=words) as refused:
        read(tmp_path / "net.onnx")
    assert "net.onnx" in str(refused.value)
    assert refused.value.exit_code == 3


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    """With the system's reason."""
    for path in (tmp_path / "nothing.onnx", tmp_path):
        with pytest.raises(DataError, match="cannot read"):
            read(path)


def test_damage_is_refused_or_harmless(write: Write) -> None:
    """The end cut off, or a byte changed, 300 times: an error of ours, or a network that can be reported."""
    path = write(CHAIN, WEIGHTS)
    whole, chance, refused = path.read_bytes(), random.Random(3), 0  # noqa: S311  (which bytes does not matter)
    small = stripped(path)
    for turn in range(300):
        damaged = bytearray(whole if turn % 3 == 0 else small)
        if turn % 3 == 2:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        else:
            del damaged[chance.randrange(len(damaged)) :]
        path.write_bytes(damaged)
        try:
            report(read(path))
        except CnncliError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1
    assert refused > 150


@pytest.mark.parametrize(
    "odd",
    [
        node("Relu", ["a"], []),
        node("Constant", [], ["k"]),
        node("Constant", [], ["k"], value_int=3, name="wrong"),
        node("Constant", [], ["k"], value="text"),
        node("Slice", ["a", "s", "s"], ["k"]),
    ],
)
def test_odd_nodes(odd: onnx.NodeProto, write: Write) -> None:
    """One without an output, constants that hold nothing or no numbers, and a slice from 8 to 8: the rest is read."""
    if odd.name == "wrong":
        odd.attribute[0].name = "value"
    nodes = [node("Relu", ["x"], ["a"]), odd, node("Relu", ["a"], ["y"])]
    found = report(read(write(nodes, [numbers("s", 8, 8)])))
    assert found.failure is None
    assert [row.layer.torch_name for row in found.rows if row.layer.torch_name == "ReLU"] == ["ReLU"] * 2


def test_names_that_are_no_text(write: Write) -> None:
    """Bytes that are no UTF-8 come as bytes from the parser: the file is damaged."""
    path = write([node("Relu", ["x"], ["abcdefgh"]), node("Relu", ["abcdefgh"], ["y"])])
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abcd\xff\xfegh"))
    with pytest.raises(DataError, match="its names are no text"):
        read(path)


def test_stripping_keeps_everything_but_weights(write: Write) -> None:
    """A model without large tensors comes through byte for byte as onnx reads it; of one with them only their numbers go."""
    path = write(CHAIN, WEIGHTS)
    before, after = onnx.load(path), onnx.ModelProto.FromString(stripped(path))
    assert len(stripped(path)) < 10_000 < path.stat().st_size
    for tensor in before.graph.initializer:
        if len(tensor.raw_data) > 8192:
            tensor.ClearField("raw_data")
    assert before == after


def test_stripping_reaches_constants_and_branches(write: Write) -> None:
    """Weights written into nodes, and within branches, are stepped over as well."""
    inner = helper.make_graph(
        [node("Conv", ["x", "k"], ["t"])], "then", [], [info("t", None)], [weight("k", 99, 3, 9, 9)]
    )
    other = helper.make_graph([node("Identity", ["x"], ["e"])], "else", [], [info("e", None)])
    nodes = [
        node("Constant", [], ["big"], value=weight("v", 100, 100)),
        node("Constant", [], ["yes"], value=numpy_helper.from_array(np.ones((), bool))),
        node("If", ["yes"], ["i"], then_branch=inner, else_branch=other),
        node("MatMul", ["x", "big"], ["y"]),
    ]
    path = write(nodes, inputs=[info("x", ["batch", 3, 20, 100])], outputs=[info("y", None), info("i", None)])
    assert path.stat().st_size > 100_000
    assert len(stripped(path)) < 2000
    network = read(path)
    assert {row.params for row in report(network).rows} == {99 * 3 * 81, 10_000}


def test_graphs_within_graphs_without_end_are_refused(write: Write) -> None:
    """A thousand branches in branches, each padded so that it is looked into."""
    graph = helper.make_graph([node("Identity", ["x"], ["o"])], "g" * 9000, [], [info("o", None)])
    data = graph.SerializeToString()
    for _ in range(1000):  # GraphProto.node = 1, NodeProto.attribute = 5, AttributeProto.g = 6
        for number in (6, 5, 1):
            data = bytes([number << 3 | 2]) + varint(len(data)) + data
    path = write(CHAIN, WEIGHTS)
    path.write_bytes(bytes([7 << 3 | 2]) + varint(len(data)) + data)
    with pytest.raises(MalformedError, match="nest deeper"):
        stripped(path)
    with pytest.raises(DataError, match="nest deeper"):
        read(path)


def varint(value: int) -> bytes:
    """A number as protocol buffers write it."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


def test_weights_in_another_file_need_not_be_there(write: Write, tmp_path: Path) -> None:
    """External data says its shape in the model; the file beside it is missing, and is not asked for."""
    model = onnx.load(write(CHAIN, WEIGHTS))
    onnx.save_model(
        model, tmp_path / "out.onnx", save_as_external_data=True, location="weights.bin", size_threshold=1000
    )
    with_data = report(read(tmp_path / "out.onnx"))
    (tmp_path / "weights.bin").unlink()
    without = report(read(tmp_path / "out.onnx"))
    assert without.totals == with_data.totals
    assert without.totals.params == 40 * 27 + 14_400


def test_no_path_out_of_the_folder_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """External data may point anywhere: nothing is read, in the working folder or elsewhere."""
    (tmp_path / "secret").write_bytes(np.array([0, -1], dtype=np.int64).tobytes())
    monkeypatch.chdir(tmp_path)
    shape = TensorProto(name="s", dims=[2], data_type=TensorProto.INT64, data_location=TensorProto.EXTERNAL)
    shape.external_data.add(key="location", value="secret")
    graph = helper.make_graph(
        [node("Reshape", ["x", "s"], ["y"])], "g", [info("x", ["n", 3, 8, 8])], [info("y", None)], [shape]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert [row.call.outputs for row in report(read(tmp_path / "net.onnx")).rows] == [()]


def test_without_onnx_the_cure_is_named(tmp_path: Path) -> None:
    """Where the package is not installed, what to install is said."""
    program = f"""
import sys
sys.modules["onnx"] = None
from pathlib import Path
from cnncli.errors import RequestError
from cnncli.formats.onnx import read
try:
    read(Path({str(tmp_path / "net.onnx")!r}))
except RequestError as error:
    print(error)
"""
    done = python("-c", program)
    assert "pip install 'cnncli[onnx]'" in done.stdout, done.stderr


def test_a_file_of_100_mb_is_read_without_its_weights_and_without_torch(write: Write) -> None:
    """Ten matrices of 10 MB: memory grows by less than a tenth of the file beyond what importing onnx takes."""
    nodes = [node("MatMul", [f"h{at}" if at else "x", f"w{at}"], [f"h{at + 1}"]) for at in range(10)]
    path = write(nodes, [weight(f"w{at}", 1600, 1600) for at in range(10)], [info("x", ["batch", 1600])])
    assert path.stat().st_size > 100e6
    program = f"""
import resource, sys, onnx, onnx.reference, onnx.inliner
from pathlib import Path
from cnncli.formats.onnx import read
from cnncli.analysis.report import report
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = report(read(Path({str(path)!r})))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert found.totals.params == 25_600_000 == found.totals.macs
assert "torch" not in sys.modules
print(grown)
"""
    done = python("-c", program)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 10_000  # KiB
