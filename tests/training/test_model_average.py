"""The running mean of the weights is the one that is asked for, is what is judged and kept, and survives a stop."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
import torch
from safetensors.torch import load
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cnncli.training.loop import evaluate, train
from cnncli.training.model import WeightAverage
from cnncli.training.run import model_file
from cnncli.training.setup import Setup
from cnncli.training.state import initial_state, restore, snapshot

Setups = Callable[..., Setup]


def test_late_steps_are_those_of_torch() -> None:
    """From step 8,999 on the given share is kept; parameters, running means, and the counter as it is."""
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    ours = WeightAverage(module, 0.9)
    theirs = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    theirs.n_averaged.fill_(1)  # its first call copies; ours begins with a copy
    for step in range(5):
        module(torch.randn(4, 1, 6, 6))
        with torch.no_grad():
            module[0].weight.add_(torch.randn(2, 1, 3, 3))
        ours.update(9000 + step)
        theirs.update_parameters(module)
    for (name, mean), expected in zip(
        ours.module.state_dict().items(), theirs.module.state_dict().values(), strict=True
    ):
        assert torch.allclose(mean, expected, atol=1e-6) or name.endswith("tracked"), name
    assert ours.module[1].num_batches_tracked == 5


def test_early_steps_soon_forget_the_first_weights() -> None:
    """A tenth is kept at the first step, two elevenths at the second."""
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = WeightAverage(module, 0.99)
    nn.init.ones_(module.weight)
    average.update(0)
    assert average.module.weight.item() == pytest.approx(0.9)
    average.update(1)
    assert average.module.weight.item() == pytest.approx(1 - 0.1 * 2 / 11)


def test_the_mean_is_judged_and_kept(setup: Setups) -> None:
    """Test scores and model.safetensors are the mean's, training goes on with the weights themselves."""
    asked, plain = setup("ema=0.9", "norm=batch"), setup("norm=batch")
    state, other = initial_state(asked), initial_state(plain)
    *_, last = train(asked, state)
    list(train(plain, other))
    assert state.average is not None
    mean, weights = state.average.module.state_dict(), state.module.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in other.module.state_dict().items())
    assert not torch.equal(mean["fc3.weight"], weights["fc3.weight"])
    found = evaluate(state.average.module, asked.test, asked.evaluation_batch)
    assert found is not None
    assert found[0] == last.test
    kept = load(model_file(asked, state))
    assert all(torch.equal(kept[name], mean[name]) for name in mean)


@pytest.mark.parametrize("after", [2, 5, 7])
def test_a_mean_goes_on_where_it_stood(setup: Setups, after: int) -> None:
    """Stopped within and between epochs: the same mean to the bit."""
    asked = setup("ema=0.9", "accumulate=2", "batch_size=16", "cutmix=1", "norm=batch")
    whole, stopped, asked_for = initial_state(asked), initial_state(asked), count(1)
    list(train(asked, whole))
    list(train(asked, stopped, lambda: next(asked_for) >= after))
    resumed = restore(asked, snapshot(stopped, asked))
    list(train(asked, resumed))
    left, right = whole.eval_model.state_dict(), resumed.eval_model.state_dict()
    assert whole.average is not None
    assert all(torch.equal(left[name], right[name]) for name in left)
