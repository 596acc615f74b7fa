"""What a command line asks for, as a recipe."""

from __future__ import annotations

import pytest

from cnncli.errors import RequestError, UnknownName
from cnncli.training.request import Options, train_request

DATA: Options = {"data.name": ("--data", "mnist")}


def test_a_recipe_by_name() -> None:
    """With what is set beside it, and the text that reruns it."""
    found = train_request(
        "lenet", ["epochs=3", "activation=tanh"], {"seed": ("--seed", 5), "optimizer.lr": ("--lr", None)}
    )
    assert (found.name, found.recipe.train.epochs, found.recipe.seed) == ("lenet", 3, 5)
    assert found.recipe.model.arguments["activation"] == "tanh"
    assert "epochs: 3" in found.text


def test_the_name_of_a_recipe_stays_that_recipe() -> None:
    """Whatever it is to be trained on; the network of that name is written with its edition."""
    found = train_request("lenet", ["lr=0.5"], DATA)
    assert found.recipe.data.name == "mnist"
    assert (found.recipe.optimizer.lr, found.recipe.train.epochs) == (0.5, 40)
    assert found.recipe.model.arguments == {"activation": "relu", "pool": "max"}
    assert found.note == ""


def test_a_network_with_data_is_trained_on_the_documented_defaults() -> None:
    """The options set what they set, and a line says what was chosen."""
    found = train_request("lenet@d2l", ["lr=0.5"], DATA)
    assert (found.recipe.data.name, found.recipe.model.arguments, found.name) == ("mnist", {}, "lenet@d2l")
    assert (found.recipe.optimizer.lr, found.recipe.train.epochs) == (0.5, 10)
    assert found.note.startswith(
        "no recipe for lenet@d2l: adamw at 0.5, schedule onecycle, batches of 256, xavier weights"
    )


def test_data_beside_a_recipe_replaces_its_data_set() -> None:
    """The rest of the recipe stays."""
    found = train_request("lenet-mnist", [], {"data.name": ("--data", "fashion-mnist")})
    assert (found.recipe.data.name, found.recipe.optimizer.lr) == ("fashion-mnist", 0.9)


@pytest.mark.parametrize("text", ["epochs=4", "train.epochs=4"])
def test_an_option_and_a_pair_that_differ_are_refused(text: str) -> None:
    """By either name of the key; the same value twice is allowed."""
    with pytest.raises(RequestError, match=f"--epochs 3 and {text} contradict each other"):
        train_request("lenet", [text], {"train.epochs": ("--epochs", 3)})
    assert train_request("lenet", [text], {"train.epochs": ("--epochs", 4)}).recipe.train.epochs == 4


@pytest.mark.parametrize(
    ("source", "arguments", "device", "message"),
    [
        ("lennet", [], "auto", "did you mean 'lenet'"),
        ("resnet18", [], "auto", "is a network, not a recipe"),
        ("lenet", ["epochs=0"], "auto", "at least 1"),
        ("lenet", [], "gpu", "--device 'gpu' is no device"),
        ("lenet", [], "cuda:x", "--device 'cuda:x' is no device"),
    ],
)
def test_what_is_wrong_is_refused(source: str, arguments: list[str], device: str, message: str) -> None:
    """With the cure."""
    with pytest.raises(RequestError, match=message):
        train_request(source, arguments, {}, device)


def test_an_unknown_data_set_is_named() -> None:
    """Through either way of naming it."""
    with pytest.raises((UnknownName, RequestError), match="unknown data set 'nmist'"):
        train_request("lenet", [], {"data.name": ("--data", "nmist")})
    with pytest.raises((UnknownName, RequestError), match="unknown data set 'nmist'"):
        train_request("lenet-mnist", ["data.name=nmist"], {})
