"""Small runs on the embedded digits, on one thread: many processes may run these tests at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cnncli.sources.recipes import load
from cnncli.training.setup import Setup, prepare


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    pass


def small(*overrides: str) -> list[str]:
    """`key=value` that cut a recipe down to two epochs of 100 images in steps of 32, where `overrides` set nothing else."""
    cut = {"epochs": "2", "limit": "100", "batch_size": "32"} | dict(text.split("=", 1) for text in overrides)
    return [f"{key}={value}" for key, value in cut.items()]


@pytest.fixture
def setup() -> Callable[..., Setup]:
    """Prepare small runs by the recipe `lenet`, with `key=value` set."""
    return lambda *overrides: prepare(load("lenet", small(*overrides)), "cpu")
