"""What depends on the input's numbers, and operations beside torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

import cnncli as package
from tests.conftest import Result
from tests.sources.examples.inputs import Choosing, Deciding

FILE = "tests/sources/examples/inputs.py"


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:  # noqa: ANN401
        """What the function gives."""
        return self.function(*inputs)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2 if bool(x.sum() > 0) else x,
        lambda x: x[: int(x.max() * 2)],
        lambda x: x * x.sum().item(),
        lambda x: x * len(x.tolist()),
        lambda x: x[x > 0.5],
        lambda x: x[torch.where(x > 0.5)],
        torch.unique,
        lambda x: x.repeat_interleave((x[0, 0] > 0.5).int(), dim=2),
        lambda x: torchvision.ops.nms(x[0], x[0, :, 0], 0.5),
    ],
)
def test_numbers_decide(function: Callable[..., Any]) -> None:
    """The figures are those of one run: no bound, and not complete."""
    found = package.summary(Apply(function), torch.rand(1, 3, 4))
    assert found.network.decided == ("Apply",)
    assert not found.complete
    assert not found.bounded


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.where(x > 0, x, 0),
        lambda x: x[:, torch.tensor([True, False, True])],
        lambda x: x * float(torch.ones(1)),
        lambda x: x.masked_fill(x > 0, 0) if torch.ones(1).any() else x,
        lambda x: functional.mse_loss(x, x * 2),
    ],
)
def test_numbers_decide_nothing(function: Callable[..., Any]) -> None:
    """Numbers are taken by place, or those of constants are read."""
    found = package.summary(Apply(function), torch.rand(1, 3, 4))
    assert found.failure is None
    assert found.complete


def test_words(cnncli: Callable[..., Result]) -> None:
    """The total and the footer say it, JSON lists where."""
    found = cnncli(f"summary {FILE}:Deciding --input 3x8x8")
    assert "total, of this run" in found.out
    assert "at least" not in found.out
    assert "figures are of this run" in found.out
    assert package.summary(Deciding(), (3, 8, 8)).to_dict()["value_dependent"] == ["Deciding"]
    assert package.summary(Choosing(), (7,)).network.decided == ("Choosing",)
    assert "value_dependent" not in package.summary("lenet").to_dict()


def test_deformable_convolution_costs_what_a_convolution_does() -> None:
    """A product for each weight at each place; where it reads from is interpolated, which costs no MACs."""
    module = torchvision.ops.DeformConv2d(4, 6, 3, groups=2)
    found = package.summary(module, [(4, 9, 9), (18, 7, 7)])
    assert found.complete
    assert found.totals.macs == 6 * 7 * 7 * 2 * 9
    assert found.totals.params == 6 * 2 * 9 + 6


def test_sampling_at_places_that_are_computed() -> None:
    """A spatial transformer: the grid is a matrix product, sampling is none."""
    function = Apply(lambda x, theta: functional.grid_sample(x, functional.affine_grid(theta, list(x.shape))))
    found = package.summary(function, [(2, 5, 6), (2, 3)])
    assert found.complete
    assert found.totals.macs == 5 * 6 * 2 * 3


def test_regions_of_interest() -> None:
    """Averages over regions: no MACs."""
    function = Apply(lambda x, boxes: torchvision.ops.roi_align(x, [boxes[0]], 2))
    found = package.summary(function, [torch.rand(1, 2, 8, 8), torch.rand(1, 3, 4)], batch=False)
    assert not found.unexplained
