"""Which inputs a network can take: checked from both sides."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.analysis.solve_network import Pattern, at, calls, inputs, period, smallest_input, squared, takes
from cnncli.errors import RequestError
from cnncli.layers import Tensor
from cnncli.layers.conv import Conv2d
from cnncli.layers.conv_transpose import ConvTranspose2d
from cnncli.layers.linear import Linear
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import models, network
from cnncli.network import Network
from cnncli.network.builder import Value, concat, write

EVERY = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]
SMALLEST = {"lenet": 12, "alexnet": 65, "alexnet@paper": 67, "vgg11": 32, "nin": 67, "resnet18": 1, "densenet121": 29}
EVEN = {
    "lenet": Pattern((12,), 4),
    "alexnet": Pattern((65, 66), 32),
    "alexnet@paper": Pattern((67,), 32),
    "vgg16": Pattern((32,), 32),
    "nin@caffe": Pattern((39,), 4),
    "googlenet@paper": Pattern((31,), 1),
    "resnet18": Pattern((1,), 1),
}


def fixed(side: int, features: int) -> Network:
    """A pool of two and a dense layer that takes `features` numbers and no other."""

    def body(x: Value) -> Value:
        x = x(pool=MaxPool2d(kernel_size=2), flatten=Flatten())
        return x(fc=Linear(in_features=features, out_features=2))

    return write(body, name="fixed", inputs={"input": Tensor((1, side, side))})


def u_net() -> Network:
    """Down by two, up by two and laid beside the input, which works for even sizes alone."""

    def body(x: Value) -> Value:
        y = x(pool=MaxPool2d(kernel_size=2))(up=ConvTranspose2d(out_channels=3, kernel_size=2, stride=2))
        return concat(x, y)(conv=Conv2d(out_channels=1, kernel_size=1))

    return write(body, name="unet", inputs={"input": Tensor((3, 8, 8))})


@pytest.mark.parametrize("source", EVERY)
def test_the_smallest_input_runs_and_one_less_does_not(source: str) -> None:
    """The report has no failure at the smallest input, and one a pixel below."""
    built_in = network(source)
    smallest = smallest_input(built_in)
    assert smallest is not None
    assert report(at(built_in, smallest)).failure is None
    if smallest[1] > 1:
        below = squared(built_in.inputs["input"], smallest[1] - 1)
        failure = report(at(built_in, below)).failure
        assert failure is not None
        assert inputs(built_in).below == f"{failure.row}: {failure.message}"


@pytest.mark.parametrize(("source", "side"), SMALLEST.items())
def test_known_smallest_inputs(source: str, side: int) -> None:
    """Sizes worked out by hand: five halvings need 32, LeNet's two windows of five and two pools need 12."""
    assert (smallest_input(network(source)) or (0, 0))[1] == side


@pytest.mark.parametrize("source", EVERY)
def test_calls_are_the_reports(source: str) -> None:
    """The quick walk resolves the layers and finds the shapes that the report does."""
    built_in = network(source)
    rows = report(built_in).rows
    assert [(name, layer, call.inputs, call.outputs) for name, layer, call in calls(built_in)] == [
        (row.name, row.layer, row.call.inputs, row.call.outputs) for row in rows
    ]


@pytest.mark.parametrize(("source", "pattern"), EVEN.items())
def test_sizes_that_leave_nothing_unread(source: str, pattern: Pattern) -> None:
    """Known patterns: VGG's five pools need multiples of 32; pools that round up leave nothing."""
    assert inputs(network(source)).even == pattern


@pytest.mark.parametrize("source", ["lenet", "alexnet", "vgg11", "nin", "nin@caffe", "densenet121"])
def test_the_pattern_holds_where_it_was_not_tried(source: str) -> None:
    """Five periods on, the sizes of the pattern leave nothing unread in any window, and those between do."""
    built_in = network(source)
    sides, every = inputs(built_in).even
    assert every is not None
    far = {side + 5 * every for side in sides}
    for side in range(sides[0] + 5 * every, sides[0] + 6 * every):
        walk = calls(at(built_in, squared(built_in.inputs["input"], side)))
        windowed = [(layer, call) for _, layer, call in walk if getattr(layer, "windows", ())]
        left = [
            window.unread(size)
            for layer, call in windowed
            if not getattr(layer, "ceil_mode", False)
            for window, size in zip(layer.windows, call.x.shape[1:], strict=True)
        ]
        assert any(left) == (side not in far), side


def test_gaps_of_a_stride_beyond_its_window_are_no_remainder() -> None:
    """ResNet's 1×1/2 projections skip every other pixel anyway: no input leaves a remainder, and none is reported."""
    assert inputs(network("resnet50")).left == []


def test_what_the_networks_own_input_leaves_unread() -> None:
    """The textbook's AlexNet drops pixels at 224×224 in four rows; the paper's at 227×227 in none."""
    assert [row for row, _ in inputs(network("alexnet")).left] == ["conv1", "pool1", "pool2", "pool3"]
    assert inputs(network("alexnet")).left[0][1] == "the last 2 rows and the last 2 columns are never read"
    assert inputs(network("alexnet@paper")).left == []


def test_an_own_input_that_is_refused_is_reported() -> None:
    """A network written down for an input it cannot take says which row refuses it."""
    found = inputs(network("lenet", input=(1, 4, 4)))
    assert found.smallest == (1, 12, 12)
    assert found.refusal == "conv2: a 2×2 input is smaller than the 5×5 window"


def test_the_period_is_the_product_of_the_strides() -> None:
    """Strides multiply along the way; going up again does not divide."""
    assert {source: period(network(source)) for source in ("lenet", "vgg16", "resnet18")} == {
        "lenet": 4,
        "vgg16": 32,
        "resnet18": 32,
    }
    assert period(u_net()) == 2


def test_a_dense_layer_of_a_fixed_width_allows_few_sizes() -> None:
    """8×8 and 9×9 pool to 4×4; the larger leaves a row unread, and nothing repeats."""
    found = inputs(fixed(8, 16))
    assert found.smallest == (1, 8, 8)
    assert found.even == Pattern((8,), None)
    assert found.below == "fc: in_features is 16, the input has 9"
    assert takes(fixed(8, 16), (1, 9, 9))
    assert not takes(fixed(8, 16), (1, 10, 10))


def test_a_fixed_input_larger_than_the_scan_is_found() -> None:
    """600×600 is no power of two; the network's own size tells how far to look."""
    assert smallest_input(fixed(600, 90_000)) == (1, 600, 600)


def test_no_square_input() -> None:
    """A dense layer of 5 inputs behind one map takes no square at all."""
    found = inputs(fixed(8, 5))
    assert found.smallest is None
    assert found.even == Pattern((), None)


def test_paths_that_must_meet_allow_even_sizes_alone() -> None:
    """What does not fit beside what it is joined with counts as refused."""
    found = inputs(u_net())
    assert found.smallest == (3, 2, 2)
    assert found.even == Pattern((2,), 2)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a": Tensor((1, 4, 4)), "b": Tensor((1, 4, 4))}, "two has 2 inputs"),
        ({"a": Tensor((4,))}, "two has an input without height and width"),
    ],
)
def test_networks_without_one_image_are_refused(tensors: dict[str, Tensor], message: str) -> None:
    """Several inputs, or a flat one, have no smallest square."""
    several = write(lambda *values: values[0](flatten=Flatten()), name="two", inputs=tensors)
    with pytest.raises(RequestError, match=message):
        inputs(several)
    assert smallest_input(several) is None
