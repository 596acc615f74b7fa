"""Every way to fail is named within two epochs, and the recipes that come along are left in peace."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cnncli.sources.recipes import load
from cnncli.training.images import Images
from cnncli.training.loop import train
from cnncli.training.setup import prepare
from cnncli.training.state import State, initial_state
from tests.diagnostics.planted import DIGITS, FAILURES, MNIST, trained

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPES = sorted(path.stem for path in (Path(__file__).parents[2] / "recipes").glob("*.yaml"))
needs_mnist = pytest.mark.skipif("CNNCLI_DATA" not in os.environ, reason="CNNCLI_DATA holds no MNIST")


def said(state: State) -> set[str]:
    """Kinds."""
    return {found.kind for found in state.findings}


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_planted_is_named(name: str) -> None:
    """On the handwritten digits that come along; each kind once, with numbers and a remedy."""
    state = trained(FAILURES[name], DIGITS, 0)
    assert set(FAILURES[name].said) <= said(state)
    assert len(said(state)) == len(state.findings)
    assert all(found.words and found.remedy and found.numbers for found in state.findings)
    assert [epoch.health for epoch in state.epochs] == [
        tuple(found.kind for found in state.findings if found.epoch == epoch.epoch) for epoch in state.epochs
    ]


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", FAILURES)
def test_what_is_planted_in_mnist_is_named(name: str, seed: int) -> None:
    """Three seeds each."""
    assert set(FAILURES[name].said) <= said(trained(FAILURES[name], MNIST, seed))


def test_a_run_that_learns_is_left_in_peace() -> None:
    """The recipe `lenet`, to its end."""
    assert said(healthy("lenet")) == set()


def healthy(name: str, *overrides: str) -> State:
    """A shipped recipe, trained."""
    setup = prepare(load(name, list(overrides)), "cpu")
    if setup.recipe.data.limit is not None and isinstance(
        setup.test, Images
    ):  # as few to test on: 10,000 take minutes at 224×224
        few = replace(
            setup.test, pixels=setup.test.pixels[: len(setup.train)], labels=setup.test.labels[: len(setup.train)]
        )
        setup = replace(setup, test=few)
    state = initial_state(setup)
    for _ in train(setup, state):
        pass
    return state


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_shipped_recipes_are_left_in_peace(name: str, seed: int) -> None:
    """Their first two epochs on 256 images, as large as a CPU takes them."""
    assert said(healthy(name, "train.epochs=2", "data.limit=256", f"seed={seed}")) == set()


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", ["lenet-mnist", "lenet-fashion-mnist", "lenet-modern", "mnist-99"])
def test_small_recipes_are_left_in_peace(name: str, seed: int) -> None:
    """Their first two epochs on all images."""
    assert said(healthy(name, "train.epochs=2", f"seed={seed}")) == set()


REMEDIES = {
    "torch's own first weights under sigmoids": "vanishing",
    "ReLUs killed by a large rate": "dead",
    "inputs from 0 to 255": "unnormalised",
    "weights that do not move": "frozen",
    "a rate a thousand times too low": "slow",
    "batch normalisation with batches of one": "batch-norm",
    "VGG at torch's own first weights": "vanishing",
}


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize("name", REMEDIES)
def test_the_remedy_helps(name: str) -> None:
    """What is offered, followed until nothing is said any more: within three turns, it learns."""
    failure = FAILURES[name]
    for _ in range(4):
        state = trained(failure, MNIST, 0)
        if not state.findings:
            break
        failure = failure._replace(overrides=(*failure.overrides, *state.findings[0].remedy.split()))
    assert state.findings == []
    assert state.epochs[-1].train.acc > 0.2
