"""Mixup and CutMix: shares that add up, pixels from where they should come, a function of the seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from cnncli.training.device import generator
from cnncli.training.loop import train
from cnncli.training.mixup import Mix, draw, mixed, mixed_loss, window
from cnncli.training.setup import Setup
from cnncli.training.state import initial_state

SIDES = st.integers(1, 33)


def of(seed: int, mixup: float = 0.0, cutmix: float = 0.0, count: int = 8) -> Mix:
    """What is drawn for a batch."""
    found = draw(mixup, cutmix, count, generator("mix", seed))
    assert found is not None
    return found


def test_nothing_is_drawn_where_nothing_is_asked_for() -> None:
    """No mix at all."""
    assert draw(0, 0, 8, generator("mix", 0)) is None


@given(st.integers(0, 10**6), st.floats(0.05, 5))
def test_an_image_keeps_the_larger_kept(seed: int, alpha: float) -> None:
    """From a half to all of it; its partners are a permutation."""
    for mix in (of(seed, mixup=alpha), of(seed, cutmix=alpha)):
        assert 0.5 <= mix.fraction <= 1
        assert mix.partners.sort().values.tolist() == list(range(8))


def test_shares_come_from_the_beta_distribution() -> None:
    """At alpha 1 the larger of both shares is uniform from 1/2 to 1; at 0.2 most batches are hardly mixed."""
    even = torch.tensor([of(seed, mixup=1.0).fraction for seed in range(2000)])
    assert even.mean().item() == pytest.approx(0.75, abs=0.01)
    assert (even < 0.6).float().mean().item() == pytest.approx(0.2, abs=0.03)
    little = torch.tensor([of(seed, mixup=0.2).fraction for seed in range(2000)])
    expected = torch.distributions.Beta(0.2, 0.2).sample((20_000,))
    assert little.mean().item() == pytest.approx(torch.maximum(expected, 1 - expected).mean().item(), abs=0.015)


def test_both_are_as_likely_each() -> None:
    """With both asked for."""
    cut = sum(of(seed, mixup=1.0, cutmix=1.0).box is not None for seed in range(1000))
    assert 440 < cut < 560


def test_mixup_is_the_weighted_mean() -> None:
    """Of each image and its partner."""
    images, mix = torch.rand(8, 3, 5, 7), of(3, mixup=1.0)
    expected = mix.fraction * images + (1 - mix.fraction) * images[mix.partners]
    assert torch.allclose(mixed(mix, images), expected, atol=1e-6)


@given(st.integers(0, 10**6), SIDES, SIDES)
def test_cutmix_takes_a_rectangle_of_the_partner(seed: int, height: int, width: int) -> None:
    """Inside the box the partner's pixels, outside its own; the box lies in the image and has about its share of it."""
    images, mix = torch.rand(8, 2, height, width), of(seed, cutmix=1.0)
    rows, columns = window(mix, (height, width))
    assert 0 <= rows.start <= rows.stop <= height
    assert 0 <= columns.start <= columns.stop <= width
    inside = torch.zeros(height, width, dtype=torch.bool)
    inside[rows, columns] = True
    assert torch.equal(mixed(mix, images), torch.where(inside, images[mix.partners], images))
    assert abs(inside.float().mean().item() - (1 - mix.fraction)) <= 0.6 * (1 / height + 1 / width) + 0.3 / (
        height * width
    )


@pytest.mark.parametrize("options", [{"mixup": 1.0}, {"cutmix": 1.0}])
def test_the_loss_is_that_of_mixed_labels(options: dict[str, float]) -> None:
    """As cross-entropy by the probabilities of both labels, smoothed or not; for a box by the pixels that it has."""
    scores, labels, mix = torch.randn(8, 5), torch.randint(5, (8,)), of(1, **options)
    size = (9, 6)
    rows, columns = window(mix, size) if mix.box else (slice(0, 0), slice(0, 0))
    share = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / 54 if mix.box else mix.fraction
    hot = torch.nn.functional.one_hot(labels, 5).float()
    both = share * hot + (1 - share) * hot[mix.partners]
    for smoothing in (0.0, 0.1):
        loss = partial(cross_entropy, label_smoothing=smoothing)
        found, expected = mixed_loss(mix, loss, scores, labels, size), loss(scores, both)
        assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_training_mixes_by_seed_epoch_and_step(setup: Callable[..., Setup]) -> None:
    """Twice the same run; another than without; and images as they came are not changed."""
    runs = []
    for overrides in (["mixup=1"], ["mixup=1"], [], ["cutmix=1"], ["mixup=1", "cutmix=1"]):
        asked = setup(*overrides)
        pixels = asked.train.pixels.clone()
        state = initial_state(asked)
        losses = [epoch.train.loss for epoch in train(asked, state)]
        assert torch.equal(asked.train.pixels, pixels)
        runs.append(losses)
    assert runs[0] == runs[1]
    assert len({tuple(losses) for losses in runs}) == 4
