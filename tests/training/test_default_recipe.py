"""What trains a network without a recipe: one rule for all of them, by which each of them learns."""

from __future__ import annotations

import pytest
import torch

from cnncli.analysis.report import report
from cnncli.errors import RequestError
from cnncli.models import models, network
from cnncli.sources.recipes import AdamW
from cnncli.training.default_recipe import batch_size, default_recipe, initial_weights, learning_rate
from cnncli.training.loop import train
from cnncli.training.setup import prepare
from cnncli.training.state import initial_state

EDITIONS = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]
QUICK = {
    "lenet@d2l": ["limit=640", "epochs=8"],
    "lenet@classic": ["limit=640", "epochs=8"],
    "lenet@paper": ["limit=320", "epochs=4"],
}
THIN = {name: ["ratio=8", "hidden=256"] for name in EDITIONS if name.startswith("vgg") and name.endswith("d2l")}
CLEARLY = 0.3  # test accuracy; guessing has 0.1


def test_the_rate_suits_the_depth() -> None:
    """AdamW's: thousandths for LeNet, ten-thousandths for deep networks without normalisation, between them for those with it."""
    rates = {name: learning_rate(network(name)) for name in ("lenet", "vgg11", "vgg19", "resnet18", "resnet152")}
    assert 1e-3 < rates["lenet"] <= 3e-3
    assert 1e-4 < rates["vgg19"] < rates["vgg11"] < 3e-4
    assert 3e-4 < rates["resnet152"] < rates["resnet18"] < 1e-3
    assert learning_rate(network("vgg11", norm="batch")) > 2 * rates["vgg11"]
    assert learning_rate(network("alexnet@paper")) < 1e-3  # response normalisation does not count


def test_first_weights_suit_the_activations() -> None:
    """Glorot's for those that saturate, He's for ReLU."""
    assert initial_weights(network("lenet")) == "xavier"
    assert initial_weights(network("lenet@paper")) == "xavier"
    assert initial_weights(network("lenet", activation="relu")) == "kaiming"
    assert initial_weights(network("mobilenet_v2")) == "kaiming"
    assert initial_weights(network("vgg11")) == "kaiming"
    assert initial_weights(network("nin")) == "positive"  # its scores go through ReLU


@pytest.mark.parametrize(
    ("model", "last"),
    [
        ("nin@caffe", "block4.conv3"),
        ("nin@d2l norm=batch", "block4.norm3"),
        ("nin init=default", ""),
        ("nin init=xavier", ""),
        ("torchvision:squeezenet1_1", ""),
        ("torchvision:squeezenet1_1 init=positive", "classifier.1"),
        ("vgg11", ""),
        ("lenet", ""),
    ],
)
def test_scores_that_go_through_a_relu_start_above_0(model: str, last: str) -> None:
    """By their biases of 1; no other layer's, and none where torch's or the library's own first weights are kept."""
    name, *arguments = model.split()
    with torch.random.fork_rng(devices=[]):
        module = initial_state(prepare(default_recipe(name, "digits", ["resize=72", *arguments]), "cpu")).module
    biases = {path: each for path, each in module.named_parameters() if path.endswith(".bias")}
    assert [path for path, each in biases.items() if each.eq(1).all()] == ([f"{last}.bias"] if last else [])


@pytest.mark.parametrize(("images", "size"), [(60_000, 256), (10_240, 256), (1437, 32), (640, 16), (20, 16)])
def test_few_images_come_in_small_batches(images: int, size: int) -> None:
    """40 steps an epoch where batches of 16 or more allow it."""
    assert batch_size(images) == size


def test_overrides_count_before_the_rule() -> None:
    """The rule looks at what is asked for, and sets only what is not; a tenth of the rate where weights are somebody's."""
    recipe = default_recipe("lenet@classic", "mnist", ["epochs=3", "activation=relu"])
    assert recipe.optimizer == AdamW(lr=0.0025)
    assert (recipe.model.name, recipe.model.arguments) == ("lenet@classic", {"activation": "relu"})
    assert (recipe.data.batch_size, recipe.train.epochs, recipe.train.init) == (256, 3, "kaiming")
    assert default_recipe("lenet", "mnist", ["limit=1000", "lr=0.1", "init=default"]).train.init == "default"
    assert default_recipe("lenet", "mnist", ["limit=1000"]).data.batch_size == 16
    pretrained = default_recipe("resnet18", "digits", ["weights=torchvision:resnet18"])
    assert pretrained.optimizer.lr == pytest.approx(default_recipe("resnet18", "digits").optimizer.lr / 10)
    with pytest.raises(RequestError, match=r"^model\.name=lnet: unknown network 'lnet'; did you mean 'lenet'\?$"):
        default_recipe("lnet", "mnist")
    with pytest.raises(RequestError, match=r"^data\.name=mnst: unknown data set 'mnst'; did you mean 'mnist'\?$"):
        default_recipe("lenet", "mnst")


@pytest.mark.parametrize("name", QUICK)
def test_lenet_learns(name: str) -> None:
    """Sigmoids, tanh and the distances of 1998 leave guessing behind within seconds."""
    assert _accuracy(name, [*QUICK[name], "resize=32"]) > CLEARLY


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EDITIONS if name not in QUICK])
def test_every_edition_learns(name: str) -> None:
    """Deep ones too, at the smallest input they take, from few images."""
    channels = models()[name.partition("@")[0]].editions[name.partition("@")[2]].input[0]
    side = next(side for side in range(16, 240, 2) if not report(network(name, input=(channels, side, side))).failure)
    assert _accuracy(name, [f"resize={side}", "limit=480", *THIN.get(name, [])]) > CLEARLY


def _accuracy(name: str, overrides: list[str]) -> float:
    """On the test digits, after training without a recipe."""
    torch.set_num_threads(1)
    setup = prepare(default_recipe(name, "digits", ["precision=float32", *overrides]), "cpu")
    return list(train(setup, initial_state(setup)))[-1].test.acc
