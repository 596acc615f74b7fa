"""Inputs of every kind: without a batch axis, nested, plain values, and what helps where a module raises on them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch

import cnncli as package
from cnncli.errors import RequestError
from tests.conftest import Result
from tests.sources.examples.inputs import Fixed, Graph, Nested

FILE = "tests/sources/examples/inputs.py"
NO_BATCH = "add --no-batch, in Python batch=False"


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (Fixed(), torch.zeros(6, 5)),
        (Fixed(), (6, 5)),
        (Graph(), [torch.rand(9, 4), torch.rand(9, 9)]),
        (torch.nn.Linear(5, 2), torch.zeros(5)),
    ],
)
def test_a_module_without_a_batch_axis(model: Any, given: Any) -> None:  # noqa: ANN401
    """Where that is why it raises, the report says so, and then it runs."""
    failed = package.summary(model, given)
    assert failed.failure is not None
    assert failed.failure.fix.endswith(NO_BATCH)
    assert NO_BATCH in str(failed)
    assert package.summary(model, given, batch=False).failure is None


def test_no_batch_on_the_command_line(cnncli: Callable[..., Result]) -> None:
    """The error names the flag, which summary, diff, solve and code take."""
    failed = cnncli(f"summary {FILE}:Fixed --input 6x5")
    assert (failed.code, NO_BATCH in failed.err) == (2, True)
    found = json.loads(cnncli(f"summary {FILE}:Fixed --input 6x5 --no-batch --format json").out)
    assert (found["input"], found["rows"][-1]["output"]) == ([6, 5], [3, 5])
    assert cnncli(f"diff {FILE}:Fixed {FILE}:Fixed --input 6x5 --no-batch --exit-code").code == 0
    assert "--no-batch out" in cnncli("summary lenet --no-batch").err


def test_a_batch_that_was_written(cnncli: Callable[..., Result]) -> None:
    """Who writes the batch is told to leave it out, as that helps."""
    found = cnncli("summary torchvision:squeezenet1_1 --input 8x3x64x64")
    assert found.code == 2
    assert "an input is written without the batch, as in --input 3x64x64" in found.err


def test_what_does_not_help_is_not_offered(cnncli: Callable[..., Result]) -> None:
    """A wrong number of channels stays that."""
    found = cnncli("summary torchvision:squeezenet1_1 --input 1x64x64")
    assert "batch" not in found.err


class Pair(NamedTuple):
    """Two of something."""

    image: object
    more: object


def test_nested_inputs_and_plain_values() -> None:
    """Shapes and examples in dicts and lists; numbers, booleans and None are handed on."""
    shaped = package.summary(Nested(), {"x": {"image": (3, 8, 8), "more": [(3, 8, 8)]}, "scale": 2.0, "flip": True})
    made = package.summary(
        Nested(), [{"image": torch.zeros(2, 3, 8, 8), "more": (torch.zeros(2, 3, 8, 8),)}, 2.0, None]
    )
    assert shaped.failure is None
    assert made.failure is None
    assert list(shaped.network.inputs) == ["x_image", "x_more_0"]
    assert "flip" in [row.layer.brief for row in shaped.rows]
    assert shaped.totals.macs == made.totals.macs == 2 * 6 * 6 * 4 * 27

    class Takes(torch.nn.Module):
        def forward(self, pair: Pair) -> object:
            return pair.image if pair.more is None else None

    assert package.summary(Takes(), [Pair((3, 8), None)]).failure is None


def test_numbers_of_an_example_are_those_that_it_runs_on() -> None:
    """Without a batch axis, where a module needs numbers it gets them: lengths of sequences."""

    class Lengths(torch.nn.Module):
        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return x[: int(lengths.max())]

    found = package.summary(Lengths(), [torch.zeros(7, 3), torch.tensor([2, 5])], batch=False)
    assert found.rows[-1].call.y.shape == (5, 3)


def test_nested_inputs_on_the_command_line(cnncli: Callable[..., Result]) -> None:
    """Dots reach into dicts and lists; words are values."""
    line = f"summary {FILE}:Nested --input x.image=3x8x8 --input x.more.0=3x8x8 --input flip=true --input mask=none"
    found = json.loads(cnncli(f"{line} --format json").out)
    assert found["input"] == [[3, 8, 8], [3, 8, 8]]
    assert found["totals"]["macs"] == 2 * 6 * 6 * 4 * 27
    assert "takes one image" in cnncli("summary lenet --input x.image=1x28x28").err
    for wrong in ("x=3x8x8 --input x.image=3x8x8", "x.image=3x8x8 --input x.image=3x8x8", ".a=3x8x8", "x..a=3"):
        assert "is not a new name for an input" in cnncli(f"summary {FILE}:Nested --input {wrong}").err


@pytest.mark.parametrize(
    ("source", "cure"),
    [
        (f"{FILE}:Sized --input 3x48x48", "image_size=48"),
        ("torchvision:vit_b_32 --input 3x384x384", "image_size=384"),
        ("timm:vit_tiny_patch16_224 --input 3x160x160", "img_size=160"),
        ("timm:vit_tiny_patch16_224 --input 3x160x320", "img_size=160x320"),
    ],
)
def test_a_module_made_for_one_size(source: str, cure: str, cnncli: Callable[..., Result]) -> None:
    """The argument that makes it for another is named, with a value that works."""
    found = cnncli(f"summary {source}")
    assert (found.code, f"write {cure}" in found.err) == (2, True)
    assert cnncli(f"summary {source} {cure}").code == 0


def test_nothing_is_downloaded_to_look_at_a_network(cnncli: Callable[..., Result]) -> None:
    """It fails at once, and names the argument that does without."""
    start = time.perf_counter()
    found = cnncli(f"summary {FILE}:fetching --input 3")
    assert found.code == 2
    assert "its code downloads weights, which no figure needs; write encoder_weights=null" in found.err
    assert cnncli(f"summary {FILE}:fetching --input 3 encoder_weights=null").code == 0
    both = cnncli(f"summary {FILE}:fetching --input 3 pretrained=true")
    assert "write encoder_weights=null pretrained=false" in both.err
    assert "give it the arguments" in cnncli(f"summary {FILE}:always_fetching --input 3").err
    assert time.perf_counter() - start < 10


def test_an_input_that_is_none(cnncli: Callable[..., Result]) -> None:
    """A network needs a tensor."""
    with pytest.raises(RequestError, match="no shape"):
        package.summary(Fixed(), 5)
    assert "no tensor among its inputs" in cnncli(f"summary {FILE}:Nested --input x=none").err
