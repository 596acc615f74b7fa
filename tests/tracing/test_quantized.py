"""Modules that torch.ao.quantization made: what they hold and cost is what the layers did that they were made from."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.ao import quantization

import cnncli as package

pytestmark = pytest.mark.filterwarnings("ignore")
SHAPE = (3, 8, 8)


class Residual(nn.Module):
    """A sum and a concatenation of quantized maps between layers."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.outside = quantization.QuantStub(), quantization.DeQuantStub()
        self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(6, 4, 3, stride=2, groups=2)
        self.relu, self.flat, self.last = nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)
        self.plus = torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×3×8×8 → N×5"""
        x = self.inside(x)
        y = self.plus.add(x, self.relu(self.first(x)))
        made: torch.Tensor = self.outside(self.last(self.flat(self.second(self.plus.cat([x, y], 1)))))
        return made


def _quantized(net: nn.Module) -> nn.Module:
    net.qconfig = quantization.get_default_qconfig(torch.backends.quantized.engine)
    prepared = quantization.prepare(quantization.fuse_modules(net.eval(), [["first", "relu"]]))
    prepared(torch.rand(2, *SHAPE))
    made: nn.Module = quantization.convert(prepared)
    return made


def test_static() -> None:
    """Packed numbers are not learned: they are buffers, as are scale and zero point; every layer's cost is known."""
    net = Residual().eval()
    plain = package.summary(net, SHAPE).totals
    found = package.summary(_quantized(net), SHAPE)
    assert (found.failure, found.complete, found.unexplained) == (None, True, ())
    assert (found.totals.params, found.totals.buffers, found.totals.macs) == (0, plain.params + 2, plain.macs)


def test_dynamic() -> None:
    """Layers whose inputs are quantized as they come."""
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4, bias=False))
    found = package.summary(quantization.quantize_dynamic(net, {nn.Linear}), (8,))
    assert (found.totals.params, found.totals.buffers, found.totals.macs) == (0, 9 * 16 + 16 * 4, 8 * 16 + 16 * 4)


def test_trained_with_quantization_in_mind() -> None:
    """What only imitates it costs nothing."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    net.qconfig = quantization.get_default_qat_qconfig(torch.backends.quantized.engine)
    found = package.summary(quantization.prepare_qat(net), SHAPE)
    assert (found.unexplained, found.totals.params, found.totals.macs) == ((), 112 + 8, 36 * 4 * 27)
