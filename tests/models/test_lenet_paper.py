"""LeNet-5 as in the paper of 1998, against the numbers in its text."""

from __future__ import annotations

import pytest
import torch

from cnncli.analysis.report import Row, report
from cnncli.build import build
from cnncli.layers.partial_conv import PartialConv2d
from cnncli.models import network

PAPER = [
    ("C1", (6, 28, 28), 156, 122_304),
    ("S2", (6, 14, 14), 12, 5_880),
    ("C3", (16, 10, 10), 1_516, 151_600),
    ("S4", (16, 5, 5), 32, 2_000),
    ("C5", (120, 1, 1), 48_120, 48_120),
    ("F6", (84,), 10_164, 10_164),
    ("OUTPUT", (10,), 0, 840),
]
TABLE = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """The rows of the paper's edition by name."""
    return {row.name: row for row in report(network("lenet@paper")).rows}


@pytest.mark.parametrize(("name", "output", "parameters", "connections"), PAPER)
def test_layer(rows: dict[str, Row], name: str, output: tuple[int, ...], parameters: int, connections: int) -> None:
    """Maps, trainable parameters and connections of each layer."""
    row = rows[name]
    assert (row.call.y.shape, row.params, row.connections) == (output, parameters, connections)


def test_other_rows_cost_nothing(rows: dict[str, Row]) -> None:
    """What stands between the paper's layers is a squashing function after each, and a view."""
    others = {name: row for name, row in rows.items() if name not in {name for name, *_ in PAPER}}
    assert sorted(others) == ["flatten", *(f"squash{place}" for place in range(1, 7))]
    assert all(row.params == row.connections == row.macs == 0 for row in others.values())


def test_totals() -> None:
    """60,000 trainable parameters and 340,908 connections; the bitmaps are 84 numbers a class."""
    totals = report(network("lenet@paper")).totals
    assert (totals.params, totals.connections, totals.buffers) == (60_000, 340_908, 840)


def test_c3_reads_the_maps_of_table_1(rows: dict[str, Row]) -> None:
    """Sixteen maps: six read three neighbours, six four, three four with a gap, one all."""
    layer = rows["C3"].layer
    assert isinstance(layer, PartialConv2d)
    assert " ".join("".join(map(str, reads)) for reads in layer.maps) == TABLE


def test_c3_sees_what_it_reads_and_nothing_else() -> None:
    """The gradient of each of C3's maps reaches exactly the S2 maps of its row."""
    module = build(network("lenet@paper")).get_submodule("C3")
    x = torch.randn(1, 6, 14, 14, requires_grad=True)
    y = module(x)
    for place, reads in enumerate(TABLE.split()):
        (gradient,) = torch.autograd.grad(y[0, place].sum(), x, retain_graph=True)
        seen = (gradient.abs().sum((0, 2, 3)) > 0).nonzero().flatten().tolist()
        assert "".join(map(str, seen)) == reads


def test_a_digits_own_bitmap_has_distance_zero() -> None:
    """OUTPUT gives the squared distance of F6's 84 units to each class' bitmap."""
    module = build(network("lenet@paper")).get_submodule("OUTPUT")
    bitmaps = next(iter(module.buffers()))
    assert torch.equal(module(bitmaps).argmin(1), torch.arange(10))
    assert torch.equal(module(bitmaps).diagonal(), torch.zeros(10))


def test_c5_is_a_dense_layer_at_32x32_only() -> None:
    """At 32×32 each of its maps is one unit; at 40×40 it slides over 3×3 places and F6 reads nine times as many."""
    wider = {row.name: row for row in report(network("lenet@paper", input=(1, 40, 40))).rows}
    assert wider["C5"].call.y.shape == (120, 3, 3)
    assert wider["C5"].params == 48_120
    assert wider["F6"].layer.config["in_features"] == 9 * 120
