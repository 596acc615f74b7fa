"""What a network changes of its edition for another input or another number of classes."""

from __future__ import annotations

import pytest

from cnncli.errors import RequestError, UnknownName
from cnncli.sources.built_in import adaptations


@pytest.mark.parametrize(
    ("source", "input", "arguments", "lines"),
    [
        ("lenet", None, {}, []),
        ("lenet", (1, 28, 28), {"activation": "relu", "classes": 10}, []),
        ("lenet", (1, 32, 32), {}, ["fc1 400 → 576 inputs at 32×32"]),
        ("lenet", (3, 28, 28), {}, ["conv1 1 → 3 inputs at 3×28×28"]),
        ("lenet", None, {"classes": 26}, ["fc3 10 → 26 outputs for 26 classes"]),
        ("lenet", (1, 16, 16), {}, ["fc1 400 → 64 inputs at 16×16"]),
        ("alexnet", (1, 96, 96), {}, ["fc1 6,400 → 256 inputs at 96×96"]),
        ("vgg11", (1, 64, 96), {"ratio": 4}, ["fc1 6,272 → 768 inputs at 64×96"]),
        ("resnet18", (3, 32, 32), {}, []),
        ("resnet18", (3, 32, 32), {"classes": 10}, ["fc 1,000 → 10 outputs for 10 classes"]),
        ("googlenet", (3, 224, 224), {}, ["conv1 1 → 3 inputs at 3×224×224"]),
        (
            "googlenet@paper",
            (3, 320, 320),
            {"aux": True},
            ["aux1.fc1 2,048 → 4,608 inputs at 320×320", "aux2.fc1 2,048 → 4,608 inputs at 320×320"],
        ),
        (
            "nin",
            None,
            {"classes": 100},
            [
                "block4.conv1 10 → 100 outputs for 100 classes",
                "block4.conv2 10 → 100 outputs for 100 classes",
                "block4.conv3 10 → 100 outputs for 100 classes",
            ],
        ),
    ],
)
def test_a_line_for_each_layer_that_changed(
    source: str, input: tuple[int, ...] | None, arguments: dict[str, object], lines: list[str]
) -> None:
    """Layers whose widths differ from the edition's are named, with old and new width and where; others are not."""
    assert adaptations(source, input, arguments) == lines


def test_a_network_that_cannot_take_its_input_names_what_changed_before_the_failure() -> None:
    """The report ends at pool2, so that conv1 is all there is to say."""
    assert adaptations("lenet", (3, 2, 2), {}) == ["conv1 1 → 3 inputs at 3×2×2"]


def test_wrong_requests_are_refused_as_for_the_network() -> None:
    """An unknown argument and a flat input raise what `network` raises."""
    with pytest.raises(UnknownName, match="did you mean 'classes'"):
        adaptations("lenet", None, {"clases": 3})
    with pytest.raises(RequestError, match="takes an input like 1×28×28"):
        adaptations("lenet", (28,), {})
