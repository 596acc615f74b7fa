"""One kernel for all places: what it finds, what it costs; and a trained network's maps and answers when the image moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.layers import Tensor
from cnncli.layers.activation import ReLU
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.lessons.moving import follows, journey, shifted
from cnncli.lessons.sharing import SHIFT, cost, example, moved, striking
from cnncli.lessons.subject import Subject, subject, taken
from cnncli.network.builder import Value, write


@pytest.mark.parametrize("shift", [SHIFT, (0, 0), (6, 9), (-1, -2), (3, -1)])
def test_the_answer_moves_as_the_pattern_does(shift: tuple[int, int]) -> None:
    """Wherever it stands, the largest answer is there, and as large."""
    image, box = example()
    found = moved(image, box, shift)
    assert found.before.place == box[:2]
    assert found.after.place == (box[0] + shift[0], box[1] + shift[1])
    assert found.follows
    assert found.moved == shift
    assert found.before.highest == pytest.approx(1)
    assert found.after.highest == pytest.approx(1)
    assert found.before.others == 0


def test_answers_are_torch_s() -> None:
    """The sums of products of every window, over what the pattern itself gives."""
    image, box = example()
    found = moved(image, box, SHIFT)
    kernel = torch.from_numpy(found.kernel)
    wanted = nn.functional.conv2d(torch.from_numpy(image)[None, None], kernel[None, None])[0, 0] / kernel.square().sum()
    assert found.before.response == pytest.approx(wanted.numpy())
    assert found.kernel.sum() == pytest.approx(0)


def test_the_part_with_the_most_contrast_that_stays_in_the_image() -> None:
    """Of all squares of a third of the side that the shift leaves in it."""
    image = np.random.default_rng(0).random((30, 36)) * np.linspace(0, 1, 36)
    for down, right in ((0, 0), (4, 6), (-3, 8)):
        top, left, *sides = striking(image, (down, right))
        rows, columns = (range(max(0, -by), size - 10 - max(0, by) + 1) for by, size in ((down, 30), (right, 36)))
        best = max((image[y : y + 10, x : x + 10].std(), y, x) for y in rows for x in columns)
        assert (top, left) == best[1:]
        assert sides == [10, 10]
    with pytest.raises(RequestError, match="moves everything out"):
        striking(image, (25, 0))


@pytest.mark.parametrize(
    ("box", "shift", "words"),
    [
        ((1, 2, 5, 5), (7, 0), "take -1 to 6 rows"),
        ((1, 2, 5, 5), (0, -3), "take -2 to 9 columns"),
        ((9, 2, 5, 5), (0, 0), "reaches beyond the 12×16 image"),
        ((1, 2, 0, 5), (0, 0), "is no rectangle"),
        ((8, 9, 3, 3), (0, 0), "is evenly bright"),
    ],
)
def test_what_cannot_be_looked_for(box: tuple[int, int, int, int], shift: tuple[int, int], words: str) -> None:
    """Says what can."""
    image, _ = example()
    with pytest.raises(RequestError, match=words):
        moved(image, box, shift)


def test_what_a_dense_layer_would_cost() -> None:
    """The textbook's first layer, and that of torch's own modules."""
    found = cost(1, 6, (5, 5), (28, 28))
    assert (found.shared.value, found.dense.value, found.times) == (156, 3_692_640, 23_670)
    other = cost(3, 4, (3, 5), (6, 7))
    count = {
        "conv": sum(weight.numel() for weight in nn.Conv2d(3, 4, (3, 5)).parameters()),
        "dense": sum(weight.numel() for weight in nn.Linear(3 * 6 * 7, 4 * 6 * 7).parameters()),
    }
    assert (other.shared.value, other.dense.value) == (count["conv"], count["dense"])


def test_images_are_moved_and_black_comes_in() -> None:
    """Down and to the right; all the way out leaves nothing."""
    image = torch.arange(1, 13, dtype=torch.uint8).view(1, 1, 3, 4)
    assert shifted(image, 1, -2)[0, 0].tolist() == [[0, 0, 0, 0], [3, 4, 0, 0], [7, 8, 0, 0]]
    assert torch.equal(shifted(image, 0, 0), image)
    assert shifted(image, 3, 0).sum() == 0
    assert shifted(image, 0, 9).sum() == 0


def net(x: Value) -> Value:
    """Strides and pools; only means go on, so that what is seen whole is the same wherever it stands."""
    x = x(conv1=Conv2d(out_channels=4, kernel_size=3, padding=1), relu1=ReLU(), pool=MaxPool2d(kernel_size=2))
    x = x(conv2=Conv2d(out_channels=5, kernel_size=3), relu2=ReLU(), mean=AdaptiveAvgPool2d(output_size=1))
    return x(flatten=Flatten(), fc=Linear(out_features=3))


@pytest.fixture
def looked() -> tuple[Subject, torch.Tensor]:
    """The network with random weights, and an image of noise."""
    network = subject(taken(write(net, name="net", inputs={"x": Tensor((1, 32, 40))})), 1)
    return network, torch.randint(0, 256, (1, 1, 32, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


def test_maps_move_with_the_image(looked: tuple[Subject, torch.Tensor]) -> None:
    """To the bit or to rounding, at the places whose field lies in the image before and after; by whole units of each layer."""
    first, second = follows(*looked, 8)
    assert (first.row, first.pixels, first.units) == ("conv1", 4, 4)
    assert first.places == (30, 34)  # all rows but the padded ones; columns whose windows stay in 40 − 4
    assert (second.row, second.pixels, second.units) == ("conv2", 4, 2)
    assert first.difference < 1e-6
    assert second.difference < 1e-6


def test_maps_that_do_not_follow_are_found_out(looked: tuple[Subject, torch.Tensor]) -> None:
    """A layer that depends on the place makes a difference."""
    network, pixels = looked

    class Tilted(nn.Module):
        """Brighter to the right."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """N×C×H×W"""
            return x + torch.arange(x.shape[3])

    network.module.set_submodule("relu1", Tilted())
    first, second = follows(network, pixels, 8)
    assert first.difference < 1e-6
    assert second.difference > 0.01


def test_the_answers_at_all_places(looked: tuple[Subject, torch.Tensor]) -> None:
    """One for each; the one in the middle is that of the image as it stands."""
    network, pixels = looked
    found = journey(network, pixels, 2, 100, Progress())
    assert found.shifts == (-2, -1, 0, 1, 2)
    scores = network.module(network.finished(pixels))[0].softmax(0)
    assert found.unmoved.name == str(int(scores.argmax()))
    assert found.unmoved.probability == pytest.approx(scores.max().item(), abs=1e-6)
    corner = network.module(network.finished(shifted(pixels, -2, 1)))[0].softmax(0)
    assert found.answers[0][3].probability == pytest.approx(corner.max().item(), abs=1e-6)
    assert found.kept == sum(each.name == found.unmoved.name for line in found.answers for each in line)
    assert found.number == 0
