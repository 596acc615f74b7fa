"""Looking at the layers: what is found is so, and training comes to the same bits as if nobody looked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

import pytest
import torch
from torch import nn

from cnncli.diagnostics import record
from cnncli.diagnostics.observation import Layer, Observation, Seen
from cnncli.sources.recipes import load
from cnncli.training import monitor as watching
from cnncli.training.loop import train
from cnncli.training.monitor import LayerMonitor
from cnncli.training.run import model_file
from cnncli.training.setup import Setup, prepare
from cnncli.training.state import State, health_text, initial_state, restore, snapshot

Setups = Callable[..., Setup]

EVERYTHING = (
    "model.norm=batch",
    "train.clip_norm=0.5",
    "train.ema=0.9",
    "train.accumulate=2",
    "train.mixup=0.4",
    "optimizer.name=adamw",
    "optimizer.lr=0.01",
    "batch_size=10",
)
DROPOUT = ("data.name=digits", "limit=20", "resize=32", "model.ratio=16", "hidden=32", "batch_size=10", "epochs=2")


def trained(setup: Setup) -> State:
    """After all its epochs."""
    state = initial_state(setup)
    for _ in train(setup, state):
        pass
    return state


@pytest.mark.parametrize("overrides", [(), EVERYTHING, DROPOUT], ids=["plain", "everything", "dropout"])
def test_the_weights_are_those_of_a_run_that_nobody_watched(
    setup: Setups, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...]
) -> None:
    """Bit for bit, and every random draw is the same, dropout's too; here every step is looked at."""
    small = prepare(load("vgg11-small-fashion-mnist", overrides), "cpu") if overrides is DROPOUT else setup(*overrides)
    monkeypatch.setattr(watching, "watched", lambda _step, _steps: False)
    alone = trained(small)
    monkeypatch.setattr(watching, "watched", lambda _step, _steps: True)
    seen = trained(small)
    assert len(seen.monitor.history.observations) == 2 * small.steps_per_epoch
    assert not alone.monitor.history.observations
    assert model_file(small, seen) == model_file(small, alone)
    assert [epoch.train for epoch in seen.epochs] == [epoch.train for epoch in alone.epochs]
    assert not any(layer._forward_hooks for layer in seen.module.modules())  # noqa: SLF001  (nothing is left behind)


def test_a_run_that_was_stopped_has_seen_what_one_that_was_not_has(setup: Setups) -> None:
    """To the letter, wherever it was stopped."""
    small = setup("batch_size=10", "limit=130")
    whole = health_text(trained(small))
    for stop in (1, 11, 12, 13, 20):
        state, asked = initial_state(small), iter(range(1, 100))
        for _ in train(small, state, lambda asked=asked, stop=stop: next(asked) >= stop):  # type: ignore[misc]
            pass
        again = restore(small, snapshot(state, small))
        for _ in train(small, again):
            pass
        assert health_text(again) == whole
    assert [each.step for each in record.parsed(whole, "here").history.observations] == [0, 10]


def looked(module: nn.Module, images: torch.Tensor, rate: float = 0.1) -> Observation:
    """One step of plain SGD on the sum of the outputs' squares."""
    monitor = LayerMonitor(module)
    monitor.begin(0, 1, 10)
    with monitor.forward(images):
        module(images).square().sum().backward()
    monitor.after_backward()
    with torch.no_grad():
        for weight in module.parameters():
            weight.sub_(weight.grad, alpha=rate)  # type: ignore[arg-type]
    monitor.after_update()
    monitor.read()
    return monitor.history.observations[0]


def near(value: float) -> object:
    """Four digits are kept."""
    return pytest.approx(value, rel=1e-3, abs=1e-6)


def test_what_is_found_is_so() -> None:
    """Each statistic against its definition, computed apart."""
    torch.manual_seed(0)
    images = torch.randn(8, 2, 5, 5) * 3 + 1
    conv, relu = nn.Conv2d(2, 4, 3), nn.ReLU()
    with torch.no_grad():
        conv.bias[1:3] = -1e3  # type: ignore[index]  (two of four channels are dead)
    module = nn.Sequential(conv, relu, nn.Flatten(), nn.Linear(36, 3))
    before, output = conv.weight.detach().clone(), conv(images).detach()
    module(images).square().sum().backward()
    gradient = conv.weight.grad.norm().item()  # type: ignore[union-attr]
    module.zero_grad()
    found = looked(module, images, 1e-6)
    first, second, third = found.seen
    assert (found.images, found.input_mean, found.input_deviation) == (
        8,
        near(images.mean().item()),
        near(images.std(correction=0).item()),
    )
    assert (first.mean, first.deviation) == (near(output.mean().item()), near(output.std(correction=0).item()))
    assert first.gradient == near(gradient)
    assert first.weight == near(before.norm().item())
    assert first.update == near(((conv.weight - before).norm() / before.norm()).item())
    assert (second.idle, second.gradient, first.idle) == (0.5, None, None)
    assert third.gradient is not None


@pytest.mark.parametrize(("layer", "flat"), [(nn.Sigmoid(), 4.36), (nn.Tanh(), 2.18)], ids=["sigmoid", "tanh"])
def test_where_a_slope_is_flat(layer: nn.Module, flat: float) -> None:
    """Below 5 % of its largest: there and beyond, on both sides."""
    module = nn.Sequential(nn.Linear(1, 1), layer)
    with torch.no_grad():
        module[0].weight.fill_(1)
        module[0].bias.fill_(0)
    inputs = torch.tensor([[-2 * flat], [-1.01 * flat], [-0.99 * flat], [0.0], [0.99 * flat], [1.01 * flat]])
    assert looked(module, inputs).seen[1].idle == near(3 / 6)
    slopes = torch.func.vmap(torch.func.grad(layer))(inputs[:, 0])
    assert [bool(slope < 0.05 * slopes.max()) for slope in slopes] == [True, True, False, False, False, True]


def test_layers_have_their_place(setup: Setups) -> None:
    """Named as the network names them; pools and flattening are left out; frozen layers have no gradient."""
    state = trained(setup("model.frozen=[conv1]", "model.norm=batch"))
    found = state.monitor.history
    assert found.layers[:3] == (
        Layer("conv1", "Conv2d", "weights"),
        Layer("norm1", "BatchNorm2d", "batch norm"),
        Layer("act1", "ReLU", "relu"),
    )
    assert [layer.name for layer in found.layers[-3:]] == ["fc2", "act4", "fc3"]
    assert found.last is not None
    assert found.last.seen[0].gradient is None
    assert found.last.seen[0].mean is not None
    assert all(row.gradient for layer, row in found.rows("weights") if layer.name != "conv1")


def test_numbers_that_are_not_finite_are_not_known() -> None:
    """JSON has no word for them."""
    found = looked(nn.Sequential(nn.Linear(2, 2)), torch.tensor([[float("inf"), 1.0]]))
    assert (found.input_mean, found.seen[0].mean) == (None, None)
    assert Seen().mean is None


def test_a_compiled_network_is_not_hooked() -> None:
    """Its gradients are there all the same."""
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    monitor = LayerMonitor(module, hooked=False)
    monitor.begin(0, 1, 1)
    with monitor.forward(torch.ones(1, 2)):
        module(torch.ones(1, 2)).sum().backward()
    monitor.after_backward()
    monitor.read()
    assert monitor.history.observations[0].seen[0].gradient is not None
    assert monitor.history.observations[0].seen[0].mean is None
    assert monitor.history.observations[0].seen[1] == Seen()


def test_another_network_begins_anew() -> None:
    """What was seen of one is not taken for the other's."""
    first, second = LayerMonitor(nn.Linear(1, 1)), LayerMonitor(nn.Sequential(nn.Linear(1, 1)))
    first.begin(0, 1, 1)
    first.read()
    second.resume(first.history)
    assert second.history.observations == ()


def test_few_steps_are_looked_at() -> None:
    """The first, the eleventh, and then every 50th or a fifth of an epoch."""
    looks = partial(filter, lambda step: watching.watched(step, 235))
    assert list(islice(looks(iter(range(10**6))), 5)) == [0, 10, 50, 100, 150]
    assert [step for step in range(4000) if watching.watched(step, 5000)] == [0, 10, 1000, 2000, 3000]
