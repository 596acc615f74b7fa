"""Our optimizers are torch's, step for step and bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from cnncli.sources.recipes import Adadelta, Adam, AdamW, AnyOptimizer, RMSprop, Sgd
from cnncli.training.optimizers import Optimizer
from tests.conftest import python

Theirs = Callable[[Sequence[torch.Tensor]], torch.optim.Optimizer]

PAIRS: list[tuple[AnyOptimizer, Theirs]] = [
    (Sgd(), lambda weights: torch.optim.SGD(weights, 0.1, fused=True)),
    (
        Sgd(momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda weights: torch.optim.SGD(weights, 0.1, 0.9, nesterov=True, weight_decay=0.01, fused=True),
    ),
    (Adam(weight_decay=0.1), lambda weights: torch.optim.Adam(weights, 0.1, weight_decay=0.1, fused=True)),
    (
        Adam(beta1=0.8, beta2=0.95, eps=1e-3),
        lambda weights: torch.optim.Adam(weights, 0.1, betas=(0.8, 0.95), eps=1e-3, fused=True),
    ),
    (AdamW(), lambda weights: torch.optim.AdamW(weights, 0.1, fused=True)),
    (
        AdamW(beta1=0.8, beta2=0.95, eps=1e-3),
        lambda weights: torch.optim.AdamW(weights, 0.1, betas=(0.8, 0.95), eps=1e-3, fused=True),
    ),
    (RMSprop(weight_decay=0.1), lambda weights: torch.optim.RMSprop(weights, 0.1, weight_decay=0.1, foreach=True)),
    (
        RMSprop(momentum=0.9, alpha=0.8, eps=1e-3),
        lambda weights: torch.optim.RMSprop(weights, 0.1, momentum=0.9, alpha=0.8, eps=1e-3, foreach=True),
    ),
    (Adadelta(rho=0.5, eps=1e-2), lambda weights: torch.optim.Adadelta(weights, 0.1, rho=0.5, eps=1e-2, foreach=True)),
    (Adadelta(), lambda weights: torch.optim.Adadelta(weights, 0.1, foreach=True)),
]
NAMES = [type(ours).__name__ + "+" * bool(ours.model_fields_set) for ours, _ in PAIRS]


def weights() -> list[torch.Tensor]:
    """A convolution's, channels last, and a bias."""
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(6, 3, 5, 5, generator=generator).to(memory_format=torch.channels_last)
    return [kernel.requires_grad_(), torch.randn(7, generator=generator, requires_grad=True)]


@pytest.mark.parametrize(("chosen", "theirs"), PAIRS, ids=NAMES)
def test_five_steps_are_those_of_torch(chosen: AnyOptimizer, theirs: Theirs) -> None:
    """Same weights, same gradients, same rate: the same bits."""
    ours, reference = weights(), weights()
    optimizer, expected = Optimizer(chosen, ours), theirs(reference)
    for _ in range(5):
        for mine, other in zip(ours, reference, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        optimizer.step(0.1, torch.zeros(()))
        expected.step()
    assert all(torch.equal(mine, other) for mine, other in zip(ours, reference, strict=True))


@pytest.mark.parametrize("chosen", [ours for ours, _ in PAIRS], ids=NAMES)
def test_no_step_is_taken_once_something_is_broken(chosen: AnyOptimizer) -> None:
    """With the flag set, gradients of NaN leave the weights as they are."""
    ours = weights()
    optimizer = Optimizer(chosen, ours)
    for weight in ours:
        weight.grad = torch.full_like(weight, float("nan"))
    optimizer.step(0.1, torch.ones(()))
    assert all(torch.equal(mine, before) for mine, before in zip(ours, weights(), strict=True))


def test_no_optimizer_imports_the_compiler() -> None:
    """torch._dynamo takes more than a second to import and is never needed here."""
    program = """
import sys
import torch
from cnncli.recipe.optimizer import Adadelta, Adam, AdamW, RMSprop, Sgd
from cnncli.training.optimizers import Optimizer
for chosen in (Sgd(momentum=0.9), Adam(), AdamW(), RMSprop(), Adadelta()):
    weight = torch.ones(3, requires_grad=True)
    weight.grad = torch.ones(3)
    Optimizer(chosen, [weight]).step(0.1, torch.zeros(()))
print("torch._dynamo" in sys.modules)
"""
    assert python("-c", program).stdout == "False\n"
