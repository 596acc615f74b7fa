"""Small jobs on the embedded digits, on one thread: many processes may run these tests at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from cnncli.recipe import load
from cnncli.train.job import Job, prepare


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def job() -> Callable[..., Job]:
    """A job by the recipe `lenet`, cut down to two epochs of 100 images in steps of 32, with `key=value` set."""

    def made(*overrides: str) -> Job:
        small = {"epochs": "2", "limit": "100", "batch_size": "32"} | dict(text.split("=", 1) for text in overrides)
        return prepare(load("lenet", [f"{key}={value}" for key, value in small.items()]), "cpu")

    return made
