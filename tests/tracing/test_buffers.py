"""Buffers: each once, whoever reads it; those that no row reads are counted and named as well."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnncli.analysis.report import report
from cnncli.errors import RequestError
from cnncli.layers import Tensor
from cnncli.render.folding import View
from cnncli.render.notebook import summary_html
from cnncli.render.summary import Findings, summary_json, summary_text
from cnncli.tracing import record
from tests.tracing.says import told
from tests.tracing.zoo import Published, published

QUICK = {
    "densenet121",
    "googlenet",
    "inception_v3",
    "mobilenet_v3_small",
    "resnet18",
    "swin_t",
    "swin_v2_t",
    "vit_b_16",
}
FIRST = {each.name: each for each in reversed(published())}
ZOO = [pytest.param(each, id=name, marks=() if name in QUICK else pytest.mark.slow) for name, each in FIRST.items()]


def buffers_of(module: nn.Module) -> int:
    """Numbers of the buffers that are no parameters, each tensor once."""
    learned = {id(parameter) for parameter in module.parameters()}
    return sum(each.numel() for each in module.buffers() if id(each) not in learned)


@pytest.mark.parametrize("model", ZOO)
def test_all_buffers_of_torchvisions_classifiers(model: Published) -> None:
    """Counts of batches and tables of positions too, and statistics of heads for training alone."""
    module = model.module()
    found = report(record(module, [Tensor((3, model.side, model.side))]).network)
    assert found.totals.buffers == buffers_of(module)
    assert bool(found.network.unread) == (model.name == "inception_v3")


class Holder(nn.Module):
    """A linear layer of 5 → 5, buffers, and what is done with its output and them."""

    def __init__(self, does: Callable[..., torch.Tensor], *fleeting: str, **buffers: torch.Tensor | None) -> None:
        super().__init__()
        self.fc, self.does = nn.Linear(5, 5), does
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor, persistent=name not in fleeting)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×5 → N×5"""
        return self.does(self, self.fc(x))


def _nothing(module: Holder, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    return x


def _kept(module: Holder, x: torch.Tensor) -> torch.Tensor:
    module.cache = x
    return x


def _written(module: Holder, x: torch.Tensor) -> torch.Tensor:
    module.cache[:] = x.mean(0)
    return x


SAME = torch.ones(3, 3)
HELD = {
    "unread mask": (Holder(_nothing, mask=torch.ones(7, 7)), 49, ["mask"]),
    "in no state dict": (Holder(_nothing, "mask", mask=torch.ones(7, 7)), 49, ["mask"]),
    "none": (Holder(_nothing, mask=None), 0, []),
    "two names": (Holder(_nothing, one=SAME, other=SAME), 9, ["one"]),
    "two names, one read": (Holder(lambda m, x: x + m.other.sum(), one=SAME, other=SAME), 9, []),
    "positions": (Holder(lambda m, x: x + m.fc.bias[m.index], index=torch.arange(5), mask=torch.ones(2)), 7, ["mask"]),
    "read for a decision": (Holder(lambda m, x: x if m.flag else 2 * x, flag=torch.tensor(1)), 1, ["flag"]),
    "replaced": (Holder(_kept, cache=torch.zeros(5)), 5, ["cache"]),
    "written into": (Holder(_written, cache=torch.zeros(5)), 5, []),
    "statistics without a count": (
        Holder(lambda m, x: functional.batch_norm(x, m.mean, m.var), mean=torch.zeros(5), var=torch.ones(5)),
        10,
        [],
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_each_buffer_counts_once(name: str) -> None:
    """What nothing that flows meets is named."""
    module, numbers, unread = HELD[name]
    found = told(module, (5,)).report
    assert found.totals.buffers == buffers_of(module) == numbers
    assert list(found.network.unread) == unread


def test_a_parameter_that_is_a_buffer_too_is_a_parameter() -> None:
    """The tensor is counted, not its names."""
    module = Holder(_nothing)
    module.register_buffer("weight", module.fc.weight)
    assert told(module, (5,)).report.totals[:3] == (30, 30, 0)


def test_batch_norms_count_their_batches_wherever_their_weights_are_from() -> None:
    """Mean and variance of 5 channels and one count each; half frozen, on shared weights, a shared mean, or a shared count."""
    one, other = nn.BatchNorm1d(5), nn.BatchNorm1d(5)
    one.weight.requires_grad_(requires_grad=False)
    assert told(one, (5,)).report.totals.buffers == 11
    other.weight, other.bias = one.weight, one.bias
    assert [row.buffers for row in told(nn.Sequential(one, other), (5,)).report.rows] == [11, 11]
    other.num_batches_tracked = one.num_batches_tracked
    assert [row.buffers for row in told(nn.Sequential(one, other), (5,)).report.rows] == [11, 10]
    other.running_mean = one.running_mean
    assert [row.buffers for row in told(nn.Sequential(one, other, one), (5,)).report.rows] == [11, 5, 0]


class Headed(nn.Module):
    """A head for training alone, its statistics with it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.aux = nn.Linear(5, 5), nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×5 → N×5"""
        return torch.as_tensor(self.fc(x))


def test_they_are_named_in_text_json_and_html() -> None:
    """Below the parameters that nothing reads."""
    found = told(Headed(), (5,)).report
    line = "buffers that no row reads, though counted (7 numbers):"
    assert line in summary_text(found, View())
    assert line in summary_html(found)
    values = summary_json(found, Findings())
    assert values["unread_buffers"] == ["aux.1.running_mean", "aux.1.running_var", "aux.1.num_batches_tracked"]
    assert values["unused"] == ["aux.0.weight", "aux.0.bias", "aux.1.weight", "aux.1.bias"]
    assert "unread_buffers" not in summary_json(told(nn.BatchNorm1d(5), (5,)).report, Findings())


@pytest.mark.parametrize("lazy", [nn.LazyLinear(3), nn.LazyBatchNorm1d(affine=False)])
def test_what_waits_for_an_input_that_never_comes_has_no_size(lazy: nn.Module) -> None:
    """It is named; neither is it counted as nothing nor is it our fault."""
    module = Holder(_nothing)
    module.add_module("head", lazy)
    with pytest.raises(RequestError, match=r"^nothing reads head\.\w+, so that its size is not known; give it one"):
        told(module, (5,))
