"""The report: rows that add up, in time linear in their number, and memory that is what torch keeps."""

from __future__ import annotations

import time
import timeit
from functools import partial

import pytest
import torch

from cnncli.analysis.report import report, resolved
from cnncli.build import build
from cnncli.layers import Tensor
from cnncli.layers.activation import ReLU
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import models, network
from cnncli.network import Network, Node
from cnncli.network.builder import Value, add, concat, write
from tests.chain import chain
from tests.saved_bytes import saved_by_torch

SOURCES = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]


def branching(x: Value) -> Value:
    """Two paths, a shared module, a residual."""
    x = x(stem=Conv2d(out_channels=8, kernel_size=3, padding=1), relu=ReLU())
    wide = x(wide=Conv2d(out_channels=8, kernel_size=5, padding=2))
    joined = concat(x, wide)(mix=Conv2d(out_channels=8, kernel_size=1))
    again = joined(mix2=Conv2d(out_channels=8, kernel_size=1)).again("mix2")
    return add(joined, again)(pool=MaxPool2d(kernel_size=2), flatten=Flatten(), fc=Linear(out_features=10))


@pytest.mark.parametrize("source", SOURCES)
def test_rows_add_up_to_the_totals(source: str) -> None:
    """Every total is the sum of its column."""
    found = report(network(source), batch_size=3)
    assert found.failure is None
    for figure in ("params", "trainable", "buffers", "macs", "connections", "activation_bytes", "saved_bytes"):
        assert getattr(found.totals, figure) == sum(getattr(row, figure) for row in found.rows)
    assert found.totals.flops == 2 * found.totals.macs
    assert found.totals.training_bytes == found.totals.saved_bytes + 4 * (found.totals.params + found.totals.trainable)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_saved_bytes_are_what_autograd_saves(batch_size: int) -> None:
    """Over branches, a shared module and a view, storages counted once."""
    written = write(branching, name="branching", inputs={"x": Tensor((3, 12, 12))})
    module = build(written)
    found = report(written, batch_size=batch_size)
    assert found.totals.saved_bytes == saved_by_torch(module, torch.randn(batch_size, 3, 12, 12))


def test_a_shared_module_counts_once() -> None:
    """The second use of a module has no parameters of its own, and its MACs again."""
    written = write(branching, name="branching", inputs={"x": Tensor((3, 12, 12))})
    rows = {row.name: row for row in report(written).rows}
    assert rows["mix2:2"].params == 0
    assert rows["mix2:2"].macs == rows["mix2"].macs
    assert report(written).totals.params == sum(p.numel() for p in build(written).parameters())


def test_the_peak_is_what_must_be_alive_at_once() -> None:
    """Worked by hand: at the concat, its two inputs and its output; all else is freed or smaller."""
    written = write(branching, name="branching", inputs={"x": Tensor((3, 12, 12))})
    maps = 4 * 12 * 12  # bytes of one channel
    # concat: relu 8 + wide 8 + concat 16 channels; the stem's own output and the 3-channel input are gone
    assert report(written).totals.peak_inference_bytes == 32 * maps


def test_a_failure_keeps_the_rows_before_it() -> None:
    """The row that cannot take its input is named, the ones before it stand, nothing is raised."""
    found = report(network("lenet", input=(1, 8, 8)))
    assert [row.name for row in found.rows] == ["conv1", "act1", "pool1"]
    assert found.failure is not None
    assert found.failure.row == "conv2"
    assert "a 4×4 input is smaller than the 5×5 window" in found.failure.message
    assert not found.complete


def test_ten_thousand_layers_take_less_than_a_second() -> None:
    """And time grows linearly: ten times the layers, at most fifteen times the seconds (CPU seconds, best of three).

    timeit keeps the collector off, which would walk all that the tests before left behind.
    """

    def seconds(length: int) -> float:
        return min(timeit.repeat(partial(report, chain(length)), timer=time.process_time, number=1, repeat=3))

    short, long = seconds(1_000), seconds(10_000)
    assert long < 1
    assert long / short < 15


def test_resolved_names_the_row_that_fails() -> None:
    """What cannot be built says where."""
    with pytest.raises(Exception, match=r"conv2: a 4×4 input is smaller") as caught:
        resolved(network("lenet", input=(1, 8, 8)))
    assert caught.value.exit_code == 2  # type: ignore[attr-defined]


def test_a_network_refuses_to_be_written_wrongly() -> None:
    """A name used twice, and an input that nobody makes, are the writer's faults."""
    x = {"x": Tensor((3, 8, 8))}
    with pytest.raises(ValueError, match="'a' is used twice"):
        Network("n", "", x, (Node("a", ReLU(), ("x",)), Node("a", ReLU(), ("a",))), ("a",))
    with pytest.raises(ValueError, match="b reads 'c'"):
        Network("n", "", x, (Node("b", ReLU(), ("c",)),), ("b",))
    with pytest.raises(ValueError, match="its output 'z'"):
        Network("n", "", x, (Node("b", ReLU(), ("x",)),), ("z",))
