"""Modules that call functions on functions, compile, yield, or hold tensors that are not laid out number by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import torch
from torch import nn
from torch._higher_order_ops.while_loop import while_loop
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import cnncli as package


class Net(nn.Module):
    """Two layers, and what is done with them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, *inputs: torch.Tensor) -> Any:  # noqa: ANN401
        """What the function makes of them."""
        return self.function(self, *inputs)


def _ensemble(net: Net, x: torch.Tensor) -> torch.Tensor:
    layers = [dict(each.named_parameters()) for each in (net.first, net.second)]
    weights = {name: torch.stack([each[name] for each in layers]) for name in layers[0]}
    call = torch.func.functional_call
    made = torch.func.vmap(lambda own, x: call(net.first, own, (x,)), in_dims=(0, None))(weights, x)
    return cast("torch.Tensor", made)


def _loop(net: Net, x: torch.Tensor) -> torch.Tensor:
    start = torch.zeros((), dtype=torch.long)
    made = while_loop(lambda at, _: at < 3, lambda at, x: (at + 1, net.first(x)), (start, net.second(x)))
    return cast("torch.Tensor", made[1])


def _yielding(net: Net, x: torch.Tensor) -> Iterator[torch.Tensor]:
    for layer in (net.first, net.second):
        x = layer(x)
        yield x


def _cumulative(net: Net, x: torch.Tensor) -> torch.Tensor:
    from torch._higher_order_ops.associative_scan import associative_scan

    made = associative_scan(torch.add, net.second(net.first(x)), 1, combine_mode="generic")
    return cast("torch.Tensor", made)


@pytest.mark.parametrize(
    ("function", "whole"),
    [
        (lambda net, x: torch.func.vmap(net.first)(net.second(x)), True),
        (_ensemble, True),
        (_yielding, True),
        (lambda net, x: torch.cond(x.sum() > 0, lambda x: net.second(net.first(x)), net.first, (x,)), False),
        (_cumulative, True),
        (lambda net, x: x[:, :0].transpose(1, 2).unsqueeze(1).sum() + net.first(net.second(x)), True),
        (lambda net, x: functional.cosine_similarity(net.first(net.second(x)), x), True),
    ],
)
def test_figures(function: Callable[..., Any], *, whole: bool) -> None:
    """Parameters and MACs are torch's; only what numbers decide is not complete."""
    net, x = Net(function).eval(), torch.rand(1, 5, 8)
    found = package.summary(net, x)
    assert found.failure is None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        made = net(x)
        list(made) if isinstance(made, Iterator) else made
    assert (found.totals.params, found.totals.macs) == (144, counter.get_total_flops() // 2)
    assert found.complete == whole


def test_a_loop_by_numbers() -> None:
    """Its body costs as often as it ran."""
    found = package.summary(Net(_loop), (8,))
    assert (found.totals.params, found.totals.macs, found.unexplained) == (144, 4 * 64, ())


def test_what_is_unknown_within_a_transform() -> None:
    """An operation that nobody knows the cost of makes the row's unknown, and names it."""
    found = package.summary(Net(lambda net, x: torch.func.vmap(torch.linalg.inv)(net.first(x))), (8, 8))
    assert found.unexplained == ("vmap",)
    found = package.summary(Net(lambda net, x: torch.func.grad(lambda x: net.first(x).sum())(x)), (8,))
    assert found.unexplained == ("grad",)
    assert found.totals.params == 144


def test_what_was_compiled() -> None:
    """It is recorded as it was written, as is the module of which only a child was compiled."""
    net = Net(lambda net, x: net.first(net.second(x)))
    net.first.compile()
    net.second = cast("nn.Linear", torch.compile(nn.Sequential(nn.Linear(8, 8), nn.ReLU())))
    found = package.summary(net, (8,))
    assert (found.failure, found.totals.params, found.totals.macs) == (None, 144, 128)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("laid", [torch.Tensor.to_sparse, torch.Tensor.to_sparse_csr])
def test_sparse_buffers(laid: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """They stand in for themselves, and are as they were afterwards."""
    net = Net(lambda net, x: torch.stack([net.graph @ each for each in net.first(x)]))
    net.register_buffer("graph", laid(torch.eye(5)))
    before = net.graph
    found = package.summary(net, (5, 8))
    assert found.failure is None
    assert found.totals.params == 144
    assert net.graph is before


class Left(BaseException):
    """What `except Exception` does not catch."""


@pytest.mark.parametrize("error", [SystemExit(3), Left(3)])
def test_a_module_that_ends_the_program(error: BaseException) -> None:
    """It is a fault of the module's, with its line."""

    def leave(*_: object) -> None:
        raise error

    found = package.summary(Net(leave), (8,))
    assert found.fault is not None
    assert found.fault.message == f"{type(error).__name__}: 3"
    assert found.fault.file == __file__


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors_are_refused(layout: torch.layout) -> None:
    """They have no one shape: what is computed of them is never taken for nothing."""
    nested = torch.nested.nested_tensor
    found = package.summary(Net(lambda net, x: net.first(nested([x[0], x[0][:3]], layout=layout))), (5, 8))
    assert found.fault is not None
    assert "give it padded ones" in found.fault.message


def test_weights_of_another_dtype() -> None:
    """The fix names the input that it takes."""
    found = package.summary(nn.Conv1d(3, 4, 3).bfloat16(), (3, 8))
    assert found.failure is not None
    assert found.failure.fix.endswith("write --input 3x8:bfloat16")
    assert package.summary(nn.Conv1d(3, 4, 3).bfloat16(), "3x8:bfloat16").failure is None


def test_a_network_torch_has_decomposed() -> None:
    """Batch normalisation and the like, called as torch calls them within, cost no MACs."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)).eval()
    inner = torch.export.export(net, (torch.rand(1, 3, 8, 8),)).run_decompositions().module()
    found = package.summary(inner, torch.rand(1, 3, 8, 8))
    assert (found.unexplained, found.totals.macs) == ((), 36 * 4 * 27 + 288)


def test_a_constant_with_a_batch_axis_of_its_own() -> None:
    """Fields of tensors that are broadcast meet from the last axis on, the batch among them."""

    def function(net: Net, x: torch.Tensor) -> torch.Tensor:
        place = torch.arange(5.0)[:, None] @ torch.ones(1, 8)
        return cast("torch.Tensor", net.second((net.first(x) + place[None]).flatten(1).unflatten(1, (5, 8))))

    found = package.summary(Net(function), torch.rand(1, 5, 8))
    assert found.failure is None
    assert found.complete
    assert {row.name: row.field is None for row in found.rows}["second"] is False
