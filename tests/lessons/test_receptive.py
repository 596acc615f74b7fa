"""Receptive fields: what arithmetic says, what gradients say of it, and what does move a unit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnncli.analysis.report import report
from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.layers import Tensor
from cnncli.layers.activation import ReLU
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.lessons.effective import effective
from cnncli.lessons.gradients import bounding, measured
from cnncli.lessons.looking import look
from cnncli.lessons.receptive import Region, deepest, placed, region, regions, row_called
from cnncli.lessons.subject import Subject, asked, subject, taken
from cnncli.models import network
from cnncli.network.builder import Value, write


def of(name: str, row: str, unit: tuple[int, ...] | None = None) -> Region:
    """A unit's region in a built-in network."""
    found = report(network(name))
    return region(found, row_called(found, row), unit)


def test_sides_of_a_corner_unit() -> None:
    """LeNet's conv2: 14 pixels from −2 on, 26.5 % of the square in padding."""
    found = of("lenet", "conv2", (0, 0))
    down, right = found.sides
    assert (down.size, down.stride, down.padding) == (14, 2, 2)
    assert down.reaching == right.reaching == (-2, 11)
    assert down.seen == (0, 11)
    assert found.padded == pytest.approx(1 - 12 * 12 / (14 * 14))
    assert not found.whole
    assert not found.beyond


def test_a_dense_layer_sees_everything() -> None:
    """Whatever the unit, which then has no place."""
    found = of("lenet", "fc1")
    assert found.whole
    assert found.unit == ()
    assert [side.seen for side in found.sides] == [(0, 27), (0, 27)]
    assert found.padded == 0


def test_the_deepest_row_with_a_place() -> None:
    """Before everything is seen."""
    last = deepest(report(network("lenet")))
    assert last is not None
    assert last.name == "flatten"


def test_flattened_units_keep_their_places() -> None:
    """16 channels of 5×5 lie one after the other; a unit is 16 numbers, 25 apart."""
    found = of("lenet", "flatten", (1, 2))
    assert placed(found.field, found.output, found.unit) == ((16, 5, 5), (None, 1, 2))


def test_the_only_unit_of_a_map_is_all_of_its_numbers() -> None:
    """256×1×1 laid flat."""
    found = report(network("alexnet@paper", input=(3, 97, 71)))
    one = region(found, row_called(found, "flatten"))
    assert placed(one.field, one.output, one.unit) == ((256,), (None,))


@pytest.mark.parametrize(
    ("unit", "words"),
    [((10, 0), "write up to --unit 9,9"), ((1,), "has 10×10 units"), ((1, 1, 1), "--unit 1,1,1: conv2")],
)
def test_a_unit_that_is_not_there(unit: tuple[int, ...], words: str) -> None:
    """Names the last one."""
    with pytest.raises(RequestError, match=words):
        of("lenet", "conv2", unit)


def dilated(x: Value) -> Value:
    """Gaps in the field, ReLU and max pooling, then everything."""
    x = x(conv1=Conv2d(out_channels=3, kernel_size=3, dilation=4), relu=ReLU(inplace=True))
    x = x(pool=MaxPool2d(kernel_size=2), conv2=Conv2d(out_channels=2, kernel_size=(1, 3), stride=2))
    return x(flatten=Flatten(), fc=Linear(out_features=5))


def test_gradients_agree_and_count_what_is_skipped() -> None:
    """A dilated kernel reads 9 of 81 pixels of its box: the box is its field."""
    written = write(dilated, name="dilated", inputs={"x": Tensor((2, 30, 37))})
    found = regions(report(written))
    said = measured(taken(written), found)
    assert all(each is not None and each.agrees for each in said)
    first = said[0]
    assert first is not None
    assert (first.reached, first.of) == (9, 81)


def test_gradients_tell_where_arithmetic_is_wrong() -> None:
    """A region that is one pixel off is found out."""
    written = network("lenet")
    found = of("lenet", "pool1", (3, 3))
    down, right = found.sides
    wrong = found._replace(sides=(down._replace(seen=(down.seen[0] - 1, down.seen[1])), right))
    said = measured(taken(written), [found, wrong])
    assert [each is not None and each.agrees for each in said] == [True, False]


def test_a_network_is_left_as_it_is() -> None:
    """Neither torch's random numbers nor the network that is asked about change."""
    torch.manual_seed(3)
    before = torch.get_rng_state()
    written = network("lenet")
    measured(taken(written), [of("lenet", "conv2")])
    assert torch.equal(torch.get_rng_state(), before)
    assert written == network("lenet")


def test_the_box_of_nothing() -> None:
    """No gradient, no box."""
    assert bounding(torch.zeros(3, 4)) == (((0, -1), (0, -1)), 0)


def bare() -> tuple[Subject, Region]:
    """Two 3×3 averages after another: the effective field is their triangle, known by hand."""
    written = write(lambda x: x(a=average(), b=average()), name="two", inputs={"x": Tensor((1, 9, 9))})
    found = subject(taken(written))
    for weight in found.module.parameters():
        nn.init.constant_(weight, 1 / 9)
    return found, region(report(written), row_called(report(written), "b"))


def average() -> Conv2d:
    """A window of nine equal weights."""
    return Conv2d(out_channels=1, kernel_size=3, padding=1, bias=False)


def test_the_effective_field_of_two_averages() -> None:
    """1 2 3 2 1 along each axis, over 81: the figures follow from that."""
    found, where = bare()
    said = effective(found, where, 3, 0, Progress())
    triangle = np.array([1, 2, 3, 2, 1])
    assert said.shares[2:7, 2:7] == pytest.approx(np.outer(triangle, triangle) / 81)
    assert said.shares.sum() == pytest.approx(1)
    assert said.centre == pytest.approx(49 / 81)  # 3×3 within a quarter of 5 about the middle
    assert said.even == pytest.approx(9 / 25)
    assert said.half == pytest.approx(2**0.5)
    assert said.most == pytest.approx(5**0.5)
    assert said.side == 5
    assert said.silent == 0
    assert (said.number, said.images, said.weights) == (3, "images of noise", "random weights, seed 0")


def test_random_weights_follow_from_the_seed() -> None:
    """Other seeds, other weights; torch's own random numbers stay."""
    before = torch.get_rng_state()
    first, again, other = (subject(asked("lenet"), seed).module.state_dict()["conv1.weight"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_about_one_row_asks_for_it() -> None:
    """With a row to name."""
    with pytest.raises(RequestError, match="--unit is about one layer; name it, as in --row flatten"):
        look(asked("lenet"), None, "1,1", gradients=None, effective=None, image=None)
