"""The inputs that give a map of a wanted size."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.analysis.solve_map import inputs_for
from cnncli.analysis.solve_network import at, smallest_input
from cnncli.errors import RequestError
from cnncli.layers import Tensor
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.models import models, network
from cnncli.network.builder import Value, write
from tests.analysis.test_solve_network import fixed, u_net

EVERY = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]
KNOWN = [
    ("vgg16", (7, 7), "block5.pool", 224, 255),
    ("alexnet", (5, 5), "pool3", 193, 224),
    ("lenet", (5,), "pool2", 28, 31),
    ("resnet18", (7, 7), "layer4.1.relu:2", 193, 224),
    ("googlenet@paper", (7, 7), "inception5b.concat", 223, 254),
]


@pytest.mark.parametrize(("source", "output", "row", "first", "last"), KNOWN)
def test_known_ranges(source: str, output: tuple[int, ...], row: str, first: int, last: int) -> None:
    """The range of inputs behind the last map of well-known networks."""
    found = inputs_for(network(source), output)
    assert found.row == row
    assert found.sides == (tuple(range(first, last + 1)),) * 2


@pytest.mark.parametrize("source", EVERY)
def test_the_range_is_sharp(source: str) -> None:
    """The first and the last input give the map in a report; one less and one more give another."""
    built_in = network(source)
    size = 3 if source.startswith("nin") else 2
    found = inputs_for(built_in, (size, size))
    channels = built_in.inputs["input"].shape[0]

    def map_at(side: int) -> tuple[int, ...] | None:
        rows = {row.name: row for row in report(at(built_in, (channels, side, side))).rows}
        return rows[found.row].call.y.shape if found.row in rows else None

    first, last = found.sides[0][0], found.sides[0][-1]
    wanted = (found.channels, size, size)
    assert map_at(first) == map_at(last) == wanted
    assert map_at(last + 1) != wanted
    assert map_at(first - 1) != wanted or first == (smallest_input(built_in) or (0, 0))[1]


def test_each_axis_has_its_own_range() -> None:
    """5×7 comes from a flat input, whose corners do give it."""
    found = inputs_for(network("alexnet"), (5, 7))
    assert [(sides[0], sides[-1]) for sides in found.sides] == [(193, 224), (257, 288)]
    for height, width in ((193, 257), (224, 288)):
        rows = {row.name: row for row in report(network("alexnet", input=(1, height, width))).rows}
        assert rows["pool3"].call.y.shape == (256, 5, 7)


def test_a_size_below_the_smallest_has_the_nearest_above() -> None:
    """A network that takes 12×12 and more has no 0-sized maps; what comes next is named."""

    def body(x: Value) -> Value:
        return x(conv=Conv2d(out_channels=2, kernel_size=3, padding=3), pool=AdaptiveAvgPool2d())

    padded = write(body, name="padded", inputs={"input": Tensor((1, 8, 8))})
    found = inputs_for(padded, (4, 4))
    assert found.sides == ((), ())
    assert found.nearest == ((5,), (5,))
    assert found.row == "conv"


def test_sizes_between_are_named_from_both_sides() -> None:
    """Going down and up again makes even maps alone, from even inputs."""
    assert inputs_for(u_net(), (6, 6)).sides == ((6,), (6,))
    assert inputs_for(u_net(), (7, 7)).nearest == ((6, 8), (6, 8))


def test_what_a_fixed_dense_layer_refuses_is_said() -> None:
    """The map is there, but the network goes on to a layer that cannot take it."""
    found = inputs_for(fixed(8, 16), (5, 5))
    assert found.sides == ((10, 11),) * 2
    assert found.refusal == "fc: in_features is 16, the input has 25"
    assert inputs_for(fixed(8, 16), (4, 4)).refusal == ""


def test_large_maps_are_found_without_trying_all_sizes() -> None:
    """900×900 behind LeNet's pools."""
    assert inputs_for(network("lenet"), (900,)).sides[0] == (3608, 3609, 3610, 3611)


def test_what_cannot_be_asked() -> None:
    """Too many sizes, no square input, and a network without a map that follows its input are refused."""
    with pytest.raises(RequestError, match="--output has 3 sizes; lenet's maps have 2, as in 7x7"):
        inputs_for(network("lenet"), (16, 5, 5))
    with pytest.raises(RequestError, match="fixed takes no square input"):
        inputs_for(fixed(8, 5), (4, 4))
    globally = write(lambda x: x(pool=AdaptiveAvgPool2d()), name="mean", inputs={"input": Tensor((1, 8, 8))})
    with pytest.raises(RequestError, match="mean has no map whose size follows the input's"):
        inputs_for(globally, (4, 4))
