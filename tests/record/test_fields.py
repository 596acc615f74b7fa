"""Receptive fields of recorded modules, measured by gradient: every path counts, whether a module or a function takes it."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from cnncli.layers import Shape
from tests.fields import agree, linear
from tests.record.says import told


class Branching(nn.Module):
    """An inception block by functional calls, a residual around it, and a skip from before it that is joined at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.narrow = nn.Conv2d(8, 4, 1)
        self.wide = nn.Conv2d(8, 2, (3, 7), padding=(1, 3))
        self.dilated = nn.Conv2d(8, 2, 3, padding=2, dilation=2)
        self.mix = nn.Conv2d(8, 8, (1, 3))
        self.last = nn.Conv2d(8 + 8 + 3, 5, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×3×H×W → N×5×H/4×W/4"""
        y = self.stem(x)
        paths = [self.narrow(functional.avg_pool2d(y, 3, 1, 1)), self.wide(y), self.dilated(y)]
        y = y + torch.cat(paths, dim=1)
        mixed = functional.pad(self.mix(y), (1, 1))
        small = functional.avg_pool2d(x, 2, ceil_mode=True)
        result: torch.Tensor = self.last(torch.cat([mixed, y[:, :], small], dim=1))
        return result


def check(module: nn.Module, shape: Shape) -> None:
    """At every module with weights."""
    found = told(module, shape)
    rows = {name: row for name, row in found.rows.items() if row.layer.weights}
    assert len(rows) == sum(bool(each._parameters) for each in module.modules())  # noqa: SLF001
    agree(linear(module.double().eval()), shape, rows)


@pytest.mark.parametrize("shape", [(3, 33, 29), (3, 32, 46)])
def test_branches_of_functional_calls(shape: Shape) -> None:
    """Concatenations, a sum, padding and pooling between modules, paths of different length that skip to the end."""
    check(Branching(), shape)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet18", (3, 33, 47)),
        pytest.param("shufflenet_v2_x0_5", (3, 65, 96), marks=pytest.mark.slow),
        pytest.param("mobilenet_v2", (3, 131, 97), marks=pytest.mark.slow),
        pytest.param("googlenet", (3, 131, 97), marks=pytest.mark.slow),
        pytest.param("densenet121", (3, 97, 64), marks=pytest.mark.slow),
    ],
)
def test_torchvision(name: str, shape: Shape) -> None:
    """Residuals, inverted residuals, shuffled channels, and blocks that read all that came before."""
    given = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    check(torchvision.models.get_model(name, weights=None, **given), shape)
