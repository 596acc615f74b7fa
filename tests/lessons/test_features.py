"""What each layer makes of an image, and where the evidence for a class lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import interpolate

from cnncli.errors import RequestError, UnknownName
from cnncli.layers import Tensor
from cnncli.layers.activation import ReLU
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.dropout import Dropout
from cnncli.layers.linear import Linear
from cnncli.layers.shape import Flatten
from cnncli.lessons.features import chosen_rows, walk
from cnncli.lessons.gradcam import evidence
from cnncli.lessons.input_image import image_of
from cnncli.lessons.subject import Subject, asked, subject, taken
from cnncli.network.builder import Value, write

SIZE = (1, 12, 16)


def small(x: Value) -> Value:
    """Two convolutions whose ReLU writes in place, the mean of each map, a class for each of three."""
    x = x(conv1=Conv2d(out_channels=4, kernel_size=3, padding=1), relu1=ReLU(inplace=True), drop=Dropout())
    x = x(conv2=Conv2d(out_channels=5, kernel_size=3, stride=2), relu2=ReLU(inplace=True))
    return x(mean=AdaptiveAvgPool2d(output_size=1), flatten=Flatten(), fc=Linear(out_features=3))


@pytest.fixture
def looked() -> tuple[Subject, torch.Tensor]:
    """The network with random weights, and an image of noise."""
    network = subject(taken(write(small, name="small", inputs={"x": Tensor(SIZE)})), 4)
    return network, torch.randint(0, 256, (1, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def by_hand(network: Subject, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same network, step by step."""
    conv1, conv2, fc = (network.module.get_submodule(name) for name in ("conv1", "conv2", "fc"))
    found = {"conv1": conv1(pixels.float() / 255)}
    found["relu1"] = found["conv1"].relu()
    found["conv2"] = conv2(found["relu1"])
    found["relu2"] = found["conv2"].relu()
    found["mean"] = found["relu2"].mean((2, 3), keepdim=True)
    found["fc"] = fc(found["mean"].flatten(1))
    return found


def test_maps_are_those_of_a_run_by_hand(looked: tuple[Subject, torch.Tensor]) -> None:
    """Before and after a ReLU that would have written in place; dropout and flatten, which do nothing here, are left out."""
    network, pixels = looked
    found, wanted = walk(network, pixels), by_hand(network, pixels)
    assert [each.row.name for each in found.maps] == list(wanted)
    for each in found.maps:
        assert torch.allclose(torch.from_numpy(each.values), wanted[each.row.name][0], atol=1e-6)
    relu = found.maps[1]
    values = wanted["relu1"][0].double()
    assert (relu.mean, relu.deviation) == pytest.approx(
        (values.mean().item(), values.std(correction=0).item()), abs=1e-6
    )
    assert (relu.low, relu.high) == pytest.approx((0, values.max().item()))
    assert 0 < relu.zeros == pytest.approx((values == 0).double().mean().item())
    assert found.maps[-1].pictured is False
    shares = wanted["fc"][0].softmax(0)
    assert found.top[0].probability == pytest.approx(shares.max().item(), abs=1e-6)
    assert found.top[0].name == str(int(shares.argmax()))


def test_the_strongest_maps_first(looked: tuple[Subject, torch.Tensor]) -> None:
    """By mean magnitude, whatever the sign."""
    network, pixels = looked
    conv1 = walk(network, pixels).maps[0]
    strength = [float(np.abs(channel).mean()) for channel in conv1.values]
    assert conv1.strongest(3) == sorted(range(4), key=lambda place: -strength[place])[:3]


def test_the_first_filters(looked: tuple[Subject, torch.Tensor]) -> None:
    """As they are in the module."""
    network, pixels = looked
    filters = walk(network, pixels).filters
    assert filters is not None
    name, kernels = filters
    assert name == "conv1"
    assert np.array_equal(kernels, network.module.get_submodule("conv1").weight.detach().numpy())


@pytest.mark.parametrize("wanted", [None, "0", "1", "2"])
def test_grad_cam_is_the_paper_s(looked: tuple[Subject, torch.Tensor], wanted: str | None) -> None:
    """α = mean ∂score/∂map, heat = ReLU(Σ α·map); with a mean and one dense layer behind the maps α is its weight over the places."""
    network, pixels = looked
    found, run = evidence(network, pixels, wanted=wanted), by_hand(network, pixels)
    place = int(run["fc"][0].argmax()) if wanted is None else int(wanted)
    maps = run["relu2"]
    alpha = network.module.get_submodule("fc").weight[place] / maps[0, 0].numel()
    heat = (alpha.view(1, -1, 1, 1) * maps).sum(1, keepdim=True).relu()
    heat = interpolate(heat, SIZE[1:], mode="bilinear", align_corners=False)[0, 0]
    assert heat.max() > 0 or found.strongest is None
    scaled = (heat / heat.max() if heat.max() > 0 else heat).detach().numpy()
    assert found.heat == pytest.approx(scaled, abs=1e-5)
    assert (found.row, found.shape, found.name) == ("relu2", (5, 5, 7), str(place))
    assert found.probability == pytest.approx(run["fc"][0].softmax(0)[place].item(), abs=1e-6)
    assert found.predicted == (place == int(run["fc"][0].argmax()))


def test_nothing_speaks_for_a_class(looked: tuple[Subject, torch.Tensor]) -> None:
    """Where every weight is negative: said, not scaled up."""
    network, pixels = looked
    with torch.no_grad():
        network.module.get_submodule("fc").weight.fill_(-1)
    found = evidence(network, pixels)
    assert found.strongest is None
    assert found.heat.max() == 0


def test_evidence_before_a_dense_layer() -> None:
    """LeNet: the maps are laid flat behind conv2, its activation is what is weighed."""
    found = evidence(subject(asked("lenet")), torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
    assert (found.row, found.shape) == ("act2", (16, 10, 10))


@pytest.mark.parametrize(
    ("source", "row"),
    [("resnet18", "layer4.1.relu:2"), ("nin@paper", "block3.relu3"), ("mobilenet_v2", "features.18.2")],
)
def test_the_row_that_is_weighed(source: str, row: str) -> None:
    """The last convolution with what follows it in place: normalisation, the sum of a residual block, activation."""
    network = subject(asked(source, arguments={"classes": 4}))
    found = evidence(network, torch.zeros(1, *network.size, dtype=torch.uint8))
    assert found.row == row


def test_what_cannot_be_asked(looked: tuple[Subject, torch.Tensor]) -> None:
    """Rows and classes that there are not; a vector has no places."""
    network, pixels = looked
    with pytest.raises(UnknownName, match="did you mean 'conv2'"):
        chosen_rows(network, ["conv3"])
    with pytest.raises(UnknownName, match="--class: unknown class 'cat'"):
        evidence(network, pixels, wanted="cat")
    with pytest.raises(RequestError, match="fc has no maps"):
        evidence(network, pixels, row="fc")


def test_an_image_is_prepared_as_for_training(tmp_path: Path) -> None:
    """Cut about its centre, in the network's channels; a network with random weights sees pixels from 0 to 1."""
    Image.new("RGB", (56, 28), "white").save(tmp_path / "wide.png")
    network = subject(asked("lenet"))
    pixels, name = image_of(network, str(tmp_path / "wide.png"))
    assert pixels.shape == (1, 1, 28, 28)
    assert name.endswith("wide.png")
    assert network.finished(pixels).unique().tolist() == [1.0]
    assert network.finished(image_of(network, name, invert=True)[0]).unique().tolist() == [0.0]


def test_published_weights_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of torchvision is read where torch keeps it, with its normalisation and the classes' names."""
    from torchvision import models as zoo

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = zoo.get_model_weights("squeezenet1_1").DEFAULT
    place = tmp_path / "hub" / "checkpoints" / weights.url.rpartition("/")[2]
    place.parent.mkdir(parents=True)
    torch.manual_seed(0)
    stored = zoo.squeezenet1_1(weights=None)
    torch.save(stored.state_dict(), place)
    network = subject(asked("torchvision:squeezenet1_1", arguments={"weights": "DEFAULT"}))
    assert network.weights == "weights of torchvision:squeezenet1_1"
    assert network.mean == pytest.approx((0.485, 0.456, 0.406))
    assert network.classes[0] == "tench"
    pixels = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8)
    scores = stored.eval()(weights.transforms()(pixels))  # 224 pixels would be scaled to 256 and cut
    assert network.module(network.finished(pixels)).shape == scores.shape
    assert all(torch.equal(a, b) for a, b in zip(network.module.parameters(), stored.parameters(), strict=True))
    assert isinstance(network.module, nn.Module)
