"""ONNX files for these tests: exported by torch, or written node by node."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from cnncli.formats.onnx import read
from cnncli.network import Network

Export = Callable[..., Path]
Write = Callable[..., Path]


def apart(module: nn.Module) -> nn.Module:
    """`module` with numbers that are all different: the exporter stores weights that are equal (zeros, ones) once."""
    source = torch.Generator().manual_seed(0)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data.copy_(torch.rand(tensor.shape, generator=source) + 0.5)
    return module.eval()


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Write a module to a file by torch's tracing exporter; `open` names the axes that it leaves open.

    fold: batch norms into convolutions · worked_out: what is computed of weights alone is stored instead of them
    """

    def write(
        module: nn.Module,
        *shapes: Sequence[int],
        open: dict[int, str] | None = None,
        fold: bool = False,
        worked_out: bool = True,
    ) -> Path:
        path = tmp_path / "net.onnx"
        names = [f"x{place}" for place in range(len(shapes))]
        mode = torch.onnx.TrainingMode.EVAL if fold else torch.onnx.TrainingMode.PRESERVE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracing exporter is deprecated; the other one needs onnxscript
            torch.onnx.export(
                apart(module),
                tuple(torch.rand(*shape) for shape in shapes),
                path,
                dynamo=False,
                input_names=names,
                training=mode,
                do_constant_folding=worked_out,
                dynamic_axes={name: open or {0: "batch"} for name in names} if open != {} else None,
            )
        return path

    return write


def weight(name: str, *shape: int, dtype: Any = np.float32) -> TensorProto:  # noqa: ANN401
    """An initializer of zeros."""
    return numpy_helper.from_array(np.zeros(shape, dtype=dtype), name)


def numbers(name: str, *values: int) -> TensorProto:
    """An initializer of whole numbers, such as a shape."""
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def info(name: str, shape: Sequence[int | str] | None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """A declared type."""
    return helper.make_tensor_value_info(name, dtype, shape)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a graph of hand-made nodes to a file."""

    def make(  # noqa: PLR0917
        nodes: Sequence[onnx.NodeProto],
        weights: Sequence[TensorProto] = (),
        inputs: Sequence[onnx.ValueInfoProto] = (),
        outputs: Sequence[onnx.ValueInfoProto] = (),
        declared: Sequence[onnx.ValueInfoProto] = (),
        opset: int = 20,
        **more: Any,  # noqa: ANN401
    ) -> Path:
        given = inputs or [info("x", ["batch", 3, 8, 8])]
        made = outputs or [info(nodes[-1].output[0], None)]
        graph = helper.make_graph(list(nodes), "g", list(given), list(made), list(weights), value_info=list(declared))
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("odd", 1)], **more
        )
        path = tmp_path / "hand.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return make


@pytest.fixture
def net(write: Write) -> Callable[..., Network]:
    """The network of hand-made nodes."""
    return lambda *args, **kwargs: read(write(*args, **kwargs))
