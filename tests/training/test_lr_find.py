"""The arithmetic of the learning-rate range test."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log, log10
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncli.errors import RequestError
from cnncli.training.lr_find import (
    ABOVE,
    FEWEST,
    DivergenceCheck,
    chance_loss,
    curve,
    range_note,
    rising_lrs,
    suggestion,
    valley,
)
from cnncli.training.request import check_range

LOWS, FACTORS = st.floats(1e-8, 1.0), st.floats(1.5, 1e8)
NOISE = st.lists(st.floats(-0.02, 0.02), min_size=100, max_size=100)


@given(LOWS, FACTORS, st.integers(2, 300))
def test_rates_rise_by_one_factor(low: float, factor: float, steps: int) -> None:
    """From the one end to the other, both exact."""
    found = rising_lrs(low, low * factor, steps)
    assert (found[0], found[-1], len(found)) == (low, low * factor, steps)
    ratios = [b / a for a, b in pairwise(found)]
    assert max(ratios) == pytest.approx(min(ratios), rel=1e-6)
    assert min(ratios) > 1


@given(st.floats(-5, 5), st.floats(-3, 3), st.integers(3, 200))
def test_a_line_is_its_own_curve(height: float, slope: float, steps: int) -> None:
    """What falls in a straight line over the rate's logarithm comes out as it is, the ends included."""
    lrs = rising_lrs(1e-4, 1.0, steps)
    points = curve(lrs, [height + slope * log10(lr) for lr in lrs])
    assert [point.smooth for point in points] == pytest.approx([point.loss for point in points], abs=1e-9)
    assert [point.slope for point in points] == pytest.approx([slope] * steps, abs=1e-6)


def _losses(lrs: list[float], chance: float) -> list[float]:
    """A textbook curve: guessing below 0.001, lowest at 0.1, divergence beyond."""
    return [chance - 1.8 / (1 + exp(-4 * (log10(lr) + 2))) + 3 * max(0.0, log10(lr) + 1) ** 2 for lr in lrs]


@given(NOISE)
def test_the_suggestion_lies_between_the_steepest_and_the_lowest(noise: list[float]) -> None:
    """Halfway as a factor; noise moves it little."""
    lrs = rising_lrs(1e-5, 10, 100)
    losses = [a + b for a, b in zip(_losses(lrs, 2.303), noise, strict=True)]
    found = suggestion(curve(lrs, losses), 2.303)
    assert found.lr is not None
    assert found.steepest is not None
    assert found.lowest is not None
    assert found.steepest <= found.lr <= found.lowest
    assert log(found.lr) == pytest.approx((log(found.steepest) + log(found.lowest)) / 2)
    assert 0.003 < found.steepest < 0.03
    assert 0.03 < found.lowest < 0.3
    assert not range_note(curve(lrs, losses), found, "reached")


@given(NOISE)
def test_a_loss_that_falls_to_guessing_is_flat(noise: list[float]) -> None:
    """First weights that are too large fall to it at rates that are far too small; that is no learning."""
    lrs = rising_lrs(1e-5, 10, 100)
    losses = [2.303 + 2 * exp(-3 * (log10(lr) + 5)) + b for lr, b in zip(lrs, noise, strict=True)]
    found = suggestion(curve(lrs, losses), 2.303)
    assert found.lr is None
    assert "flat" in found.why


def test_the_steepest_fall_is_looked_for_below_guessing() -> None:
    """The fall of too large a beginning is steeper, and would suggest a hundredth of the rate."""
    lrs = rising_lrs(1e-5, 10, 100)
    losses = [loss + 4 * exp(-3 * (log10(lr) + 5)) for lr, loss in zip(lrs, _losses(lrs, 2.303), strict=True)]
    found = suggestion(curve(lrs, losses), 2.303)
    assert found.steepest is not None
    assert found.steepest > 0.003


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_is_flat(seed: int) -> None:
    """Losses that jump by more than they fall say nothing, as those of a network that is trained already."""
    lrs, draw = rising_lrs(1e-5, 10, 100), Random(seed)  # noqa: S311  (noise)
    losses = [0.5 + draw.uniform(-0.3, 0.3) - 0.001 * place for place in range(100)]
    found = suggestion(curve(lrs, losses), 2.303)
    assert found.lr is None
    assert "while batches differ by 0." in found.why or "its lowest loss is" in found.why


def test_few_steps_are_too_few() -> None:
    """A run that diverges at once says nothing."""
    lrs = rising_lrs(1e-5, 10, 100)[: FEWEST - 1]
    assert "too few" in suggestion(curve(lrs, [1.0] * len(lrs)), 2.303).why
    assert suggestion([], 2.303).lr is None


def test_a_range_that_is_too_narrow_is_told() -> None:
    """Below, where the loss falls from the first step on; above, where it falls to the last."""
    lrs = rising_lrs(3e-3, 0.05, 100)
    points = curve(lrs, _losses(lrs, 2.303))
    assert "go higher" in range_note(points, suggestion(points, 2.303), "reached")
    assert range_note(points, suggestion(points, 2.303), "diverged") == ""
    lrs = rising_lrs(0.02, 10, 100)
    points = curve(lrs, _losses(lrs, 2.303))
    assert "begin lower" in range_note(points, suggestion(points, 2.303), "reached")


@given(st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_the_valley_is_in_the_longest_descent(losses: list[float]) -> None:
    """Compared with all subsequences, by their lengths."""
    lrs = rising_lrs(1e-5, 10, max(2, len(losses)))[: len(losses)]
    points = curve(lrs, losses)
    smooth = [point.smooth for point in points]
    up, down = [1] * len(smooth), [1] * len(smooth)
    for place in range(len(smooth)):
        down[place] += max((down[each] for each in range(place) if smooth[each] > smooth[place]), default=0)
    for place in reversed(range(len(smooth))):
        up[place] += max(
            (up[each] for each in range(place + 1, len(smooth)) if smooth[each] < smooth[place]), default=0
        )
    longest = max(down)
    middle = lrs.index(valley(points))
    assert down[middle] + up[middle] - 1 == longest
    assert down[middle] == longest - longest // 2


@given(st.lists(st.floats(0.5, 1.5), max_size=50), st.floats(1, 3))
def test_divergence_is_noticed_and_nothing_else(before: list[float], first: float) -> None:
    """A loss that stays below its first never diverges; one that grows tenfold at every step does within a few."""
    watch = DivergenceCheck()
    assert not any(watch.diverged(loss) for loss in [first * 1.5, *before])
    grown = [10.0**power for power in range(1, 6)]
    assert any(watch.diverged(ABOVE * loss) for loss in grown)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=20), st.floats(0, 0.9))
def test_guessing_costs_the_entropy(weights: list[float], smoothing: float) -> None:
    """At most that of equal shares, and less the more unequal they are; smoothing brings it nearer to that."""
    shares = [weight / sum(weights) for weight in weights]
    assert chance_loss([1 / len(shares)] * len(shares), smoothing) == pytest.approx(log(len(shares)))
    assert chance_loss(shares, 0) <= chance_loss(shares, smoothing) + 1e-9 <= log(len(shares)) + 2e-9


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-1, 1), (1, 1), (2, 1), (float("nan"), 1), (1, float("inf")), (1, 1e7)]
)
def test_rates_that_do_not_rise_are_refused(low: float, high: float) -> None:
    """With what to write."""
    with pytest.raises(RequestError, match="write --from 1e-5 --to 10"):
        check_range(low, high)
