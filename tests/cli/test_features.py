"""`cnncli features`: what is printed in every format, the pictures, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]

QUICK = "train lenet epochs=1 limit=100 batch_size=32 --quiet --device cpu"

pytestmark = pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")


@pytest.fixture
def image(elsewhere: None) -> str:  # noqa: ARG001
    """A grey gradient, in the empty folder."""
    picture = Image.linear_gradient("L").resize((40, 30))
    picture.save("grey.png")
    return "grey.png"


def test_a_trained_run_on_its_own_image(cnncli: Cnncli) -> None:
    """Figures of every layer, the classes, and pictures in the run's folder."""
    cnncli(QUICK)
    found = cnncli("features lenet-1 --gradcam")
    lines = found.out.splitlines()
    assert found.code == 0
    assert lines[0].startswith("lenet · runs/lenet-1, last checkpoint, 1 epoch · the first test image")
    assert [line.split()[0] for line in lines[2:13]] == [
        "conv1", "act1", "pool1", "conv2", "act2", "pool2", "fc1", "act3", "fc2", "act4", "fc3",
    ]  # fmt: skip
    assert "Grad-CAM at act2" in found.out
    assert "9 pictures in runs/lenet-1/features: walk.png, filters.png, gradcam.png" in found.out
    names = sorted(path.name for path in Path("runs/lenet-1/features").iterdir())
    assert names[:2] == ["01-conv1.png", "02-act1.png"]
    for path in Path("runs/lenet-1/features").iterdir():
        with Image.open(path) as picture:
            assert picture.size[0] >= 600
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 30


def test_a_channel_keeps_its_column_and_classes_end_the_way(cnncli: Cnncli, image: str) -> None:
    """In every layer with as many channels; a bar for each class."""
    from cnncli.lessons.features import walk
    from cnncli.lessons.input_image import image_of
    from cnncli.lessons.subject import asked, subject
    from cnncli.render import features_plot

    network = subject(asked("resnet18", arguments={"classes": 4}), 0)
    seen = walk(network, image_of(network, image)[0])
    stages = [each for each in seen.maps if each.pictured]
    columns = features_plot.channel_columns(stages)
    by_count = {each.shape[0]: chosen for each, chosen in zip(stages, columns, strict=True)}
    assert [by_count[each.shape[0]] for each in stages] == columns
    assert columns == [sorted(chosen) for chosen in columns]
    assert {len(chosen) for chosen in columns} == {16}
    drawn: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features_plot, "_classes", lambda _, top: drawn.extend(guess.name for guess in top))
        features_plot.whole(seen, "title")
    assert sorted(drawn) == ["0", "1", "2", "3"]
    assert cnncli(f"features lenet --image {image} --row conv1 --row act1 --row conv2").code == 0


def test_the_filters_are_those_of_the_layer_asked_for(
    cnncli: Cnncli, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its input channels; of the convolution before a layer that has none; without a layer the first one's."""
    from cnncli.render import features_plot

    drawn: list[tuple[str, tuple[int, ...]]] = []
    filters = features_plot.filters
    monkeypatch.setattr(
        features_plot, "filters", lambda name, kernels: drawn.append((name, kernels.shape)) or filters(name, kernels)
    )
    for options in ("", "--row conv2", "--row pool2", "--row act1 --gradcam"):
        assert cnncli(f"features lenet --image {image} {options}").code == 0
    assert drawn == [("conv1", (6, 1, 5, 5)), *[("conv2", (16, 6, 5, 5))] * 2, ("conv1", (6, 1, 5, 5))]


def test_it_sees_what_predict_sees(cnncli: Cnncli, image: str) -> None:
    """The same preprocessing: the same probabilities."""
    cnncli(QUICK)
    for option in ("", " --invert"):
        predicted = json.loads(cnncli(f"predict lenet-1 {image}{option} --format json").out)["predictions"][0]["top"]
        seen = json.loads(cnncli(f"features lenet-1 --image {image}{option} --row conv1 --format json").out)["top"]
        assert [each["class"] for each in seen] == [each["class"] for each in predicted]
        assert [each["probability"] for each in seen] == pytest.approx(
            [each["probability"] for each in predicted], abs=1e-5
        )


def test_random_weights_are_called_so(cnncli: Cnncli, image: str) -> None:
    """They follow from the seed; pictures go to a folder of the network's name."""
    line = f"features lenet@classic --image {image} --row C1 --row conv1 --seed 3"
    assert cnncli(line).code == 2
    first = cnncli(f"features lenet --image {image} --row conv1 --row act2 --seed 3").out
    assert "random weights, seed 3" in first
    assert "(random weights: nothing is meant by it)" in " ".join(first.split())
    assert sorted(path.name for path in Path("features-lenet").iterdir()) == [
        "01-conv1.png", "02-act2.png", "filters.png", "walk.png",
    ]  # fmt: skip
    assert cnncli(f"features lenet --image {image} --row conv1 --row act2 --seed 3").out == first
    assert cnncli(f"features lenet --image {image} --row conv1 --row act2 --seed 4").out != first


def test_scripts_get_figures_and_places(cnncli: Cnncli, image: str) -> None:
    """JSON with the heat map; CSV with the pictures' paths."""
    found = json.loads(cnncli(f"features lenet --image {image} --gradcam --class 7 --out pics --format json").out)
    assert found["schema"] == "cnncli/features/1"
    assert found["gradcam"]["class"] == "7"
    assert len(found["gradcam"]["heat"]) == 28
    assert found["rows"][0]["shape"] == [6, 28, 28]
    assert set(found["rows"][0]["strongest"]) == set(range(6))
    assert found["pictures"]["gradcam"] == "pics/gradcam.png"
    rows = list(csv.DictReader(cnncli(f"features lenet --image {image} --out pics --format csv").out.splitlines()))
    assert rows[0]["picture"] == "pics/01-conv1.png"
    assert rows[6]["picture"] == ""
    assert len(cnncli(f"features lenet --image {image} --out pics --format markdown").out.splitlines()) == 13


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_the_terminal(cnncli: Cnncli, image: str, columns: int) -> None:
    """Prose is broken, the heat map is scaled."""
    out = cnncli(f"features lenet --image {image} --gradcam", columns).out
    assert max(map(len, out.splitlines())) <= max(columns, 62)


def test_a_class_of_one_s_own(cnncli: Cnncli, image: str) -> None:
    """As the network that it makes; parameters that nothing reads are in nobody's way."""
    Path("own.py").write_text(
        "from torch import nn\n\n"
        "class Own(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(1, 3, 3)\n"
        "        self.fc = nn.Linear(3, 4)\n"
        "        self.left = nn.Linear(2, 2)\n\n"
        "    def forward(self, x):\n"
        "        return self.fc(nn.functional.adaptive_avg_pool2d(self.conv(x).relu(), 1).flatten(1))\n",
        encoding="utf-8",
    )
    found = cnncli(f"features own.py:Own --input 1x20x20 --image {image} --gradcam")
    assert found.code == 0
    assert "evidence for" in found.out
    assert "not watched" not in found.out
    field = cnncli("receptive-field own.py:Own --input 1x20x20 --row conv")
    assert "gradients agree: rows 9…11, columns 9…11" in field.out


@pytest.mark.slow
def test_many_layers_are_drawn_at_even_distances(cnncli: Cnncli, image: str) -> None:
    """24 of them, and it is said how to get another; functional calls of a recorded module are not watched, and that is said."""
    out = " ".join(cnncli(f"features torchvision:resnet18 --image {image}").out.split())
    assert "24 of 66 layers are drawn, at even distances: --row NAME draws another" in out
    out = " ".join(cnncli(f"features torchvision:googlenet --image {image} --input 3x64x64").out.split())
    assert "not watched, for functions compute them:" in out


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("features lenet", 2, "write --image FILE"),
        ("features lenet --image none.png", 3, "none.png"),
        ("features lenet --image grey.png --class 3", 2, "write --gradcam too"),
        ("features lenet --image grey.png --gradcam --class cat", 2, "unknown class 'cat'"),
        ("features lenet --image grey.png --row conv3", 2, "did you mean 'conv2'"),
        ("features lenet --image grey.png --row fc1 --gradcam", 2, "fc1 has no maps"),
        ("features lenet --image grey.png --out grey.png", 2, "is a file"),
        ("features lenet weights=DEFAULT --image grey.png", 2, "weights= are torchvision's"),
        ("features torchvision:resnet18 weights=V1 --image grey.png", 2, "write weights=DEFAULT"),
        ("features nowhere --image grey.png", 2, "unknown"),
        ("features ./nowhere --image grey.png", 3, "there is no such run folder"),
    ],
)
@pytest.mark.usefixtures("image")
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    assert_refused(cnncli(line), code, words)


def test_a_wrong_request_is_refused_before_torch_is_imported() -> None:
    """Neither is there any need of it."""
    assert heavy_imports("features lenet") == []
    assert heavy_imports("features nowhere --image x.png") == []
