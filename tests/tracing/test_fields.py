"""Receptive fields of recorded modules, measured by gradient: every path counts, whether a module or a function takes it."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from cnncli.analysis.report import report
from cnncli.layers import Shape, Tensor
from cnncli.tracing import record
from tests.fields import agree, fields_of_outputs, linear
from tests.tracing.says import told


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


class Moving(nn.Module):
    """A map padded with −∞, rolled, thinned out, stacked, cut into windows, written into and normalised by functions alone."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 2, 3)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """N×3×H×W → what each function makes."""
        y = self.stem(x)
        padded = functional.pad(y, (1, 0, 0, 1), value=-1.5)
        rolled = torch.roll(functional.avg_pool2d(padded, 2, 1), (2, 3), (2, 3))
        both = torch.stack([rolled, y], dim=1)
        added = both.sum(1)
        thin = torch.flip(added[:, :, ::2, 1::3], (2,))
        scaled = functional.normalize(added, dim=3)
        patches = functional.unfold(added, 2, stride=2)
        windows = added.unfold(2, 3, 2)
        crossed = torch.einsum("nchw,nkhw->nhck", thin, thin)
        product = thin @ thin.transpose(2, 3)
        n, c, h, w = y.shape
        cut = y.view(n, c, h // 3, 3, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, 6, c)
        attended = functional.scaled_dot_product_attention(cut, cut, cut)
        whole = attended.view(n, h // 3, w // 2, 3, 2, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)
        token = torch.cat([torch.ones(n, c, 1, dtype=x.dtype, device=x.device), y.flatten(2)], dim=2)
        changed = y * 1.0
        changed[:, :, 2:5, 1:3] = rolled[:, :, 2:5, 1:3]
        head, tail = token.split([5, token.shape[2] - 5], dim=2)
        return [
            rolled,
            thin,
            scaled,
            patches,
            windows,
            crossed,
            product,
            whole,
            self.last(whole),
            token,
            changed,
            head,
            tail,
        ]


def test_numbers_that_are_moved_by_functions() -> None:
    """At six units of every output the field is the gradient's bounding box, or both see nothing."""
    shape = (3, 9, 8)
    module = Moving().eval()
    recording = record(module, [Tensor(shape)])
    found = report(recording.network)
    assert [row.name for row in found.rows if row.field is None] == []
    flows = fields_of_outputs(recording.network)
    module = module.double()
    torch.manual_seed(0)
    x = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    for output, field in zip(module(x), flows, strict=True):
        for share in (0.0, 0.2, 0.45, 0.6, 0.8, 1.0):
            unit = [int(share * (size - 1)) for size in output.shape[1:]]
            index = [at if field.spread(axis) else slice(None) for axis, at in enumerate(unit)]
            part = output[(0, *index)]
            (gradient,) = torch.autograd.grad((part * torch.rand_like(part)).sum(), x, retain_graph=True)
            seen = (gradient[0].abs().sum(0) > 1e-12).nonzero()
            claimed = list(field.of(unit))
            if len(seen):
                assert claimed == [(int(axis.min()), int(axis.max())) for axis in seen.T]
            else:
                assert any(low > high for low, high in claimed)


class Slicing(nn.Module):
    """As rotary embeddings without prefix tokens have it: the first part of a split is empty."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×C×H×W → N×C×HW"""
        x = torch.cat([x[:, :, :0] * 2, x[:, :, 0:].roll(1, 2)], dim=2).flatten(2)
        return torch.cat([x[..., :0].flip(-1), x], -1)


def test_tensors_without_elements() -> None:
    """They are empty, which is no failure and hides no field of what they are joined with."""
    found = told(Slicing(), (2, 5, 4))
    assert found.recording.failure is None
    assert found.report.complete
    assert all(row.field is not None for row in found.rows.values())
    assert found.report.rows[-1].call.y.shape == (2, 20)


def test_a_fault_of_our_own_is_not_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the recorder gets wrong is not put down to the line of the module that it looked at."""
    monkeypatch.setattr("cnncli.tracing.moving.compact", int)  # which takes no array
    with pytest.raises(TypeError, match="int"):
        record(Slicing(), [Tensor((2, 5, 4))])
