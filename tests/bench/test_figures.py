"""What follows from times, and how the largest batch is found."""

from __future__ import annotations

from statistics import median, quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncli.bench.figures import BACKWARD, Timed, largest, percentile, within
from cnncli.bench.plan import LAYOUTS, PRECISIONS, Case, planned
from cnncli.errors import RequestError

SECONDS = st.lists(st.floats(1e-6, 10), min_size=1, max_size=50)


@given(SECONDS, st.floats(0, 1))
def test_percentiles_are_between_the_ends(values: list[float], share: float) -> None:
    """And rise with the share; the half is the median, the quarters are Python's own."""
    assert min(values) <= percentile(values, share) <= max(values) + 1e-12
    assert percentile(values, 0) == min(values)
    assert percentile(values, 1) == max(values)
    assert percentile(values, 0.5) == pytest.approx(median(values))
    if len(values) > 1:
        quarters = quantiles(values, n=4, method="inclusive")
        assert [percentile(values, part / 4) for part in (1, 2, 3)] == pytest.approx(quarters)


@given(SECONDS, st.integers(1, 1024), st.booleans(), st.integers(0, 10**12))
def test_figures_follow_from_the_median(seconds: list[float], batch: int, backward: bool, macs: int) -> None:  # noqa: FBT001
    """Examples, and two operations a MAC, three times as many with the backward pass."""
    found = Timed(Case(batch, "float32", "contiguous", backward), tuple(seconds))
    assert found.examples_per_second * found.median == pytest.approx(batch)
    passes = BACKWARD if backward else 1
    assert found.flops_per_second(macs) * found.median == pytest.approx(2 * macs * batch * passes)
    assert found.late >= found.median * 0.999999
    assert found.spread >= 0


@given(st.integers(0, 3000), st.integers(1, 2000), st.floats(0, 0.3))
def test_the_largest_batch_fits_and_is_nearly_the_limit(limit: int, most: int, share: float) -> None:
    """What is found was tried and fitted; within the share, no more does; and few batches are tried."""
    tried: list[int] = []

    def fits(batch: int) -> bool:
        tried.append(batch)
        assert 1 <= batch <= most
        return batch <= limit

    found = largest(fits, most, within=share)
    wanted = min(limit, most)
    assert found <= wanted
    assert wanted - found <= max(1, share * found)
    assert found == 0 or found in tried
    assert (found == 0) == (wanted == 0)
    assert len(tried) <= 2 * most.bit_length() + 3


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.integers(0, 10**12))
def test_a_straight_line_is_followed_to_the_limit(weights: int, each: int, limit: int) -> None:
    """One example more would not stay within."""

    def needed(batch: int) -> int:
        return weights + each * batch

    found = within(limit, needed)
    assert found == 0 or needed(found) <= limit
    assert needed(found + 1) > limit


def test_a_plan_is_read() -> None:
    """Each once, batches in order; all combinations, those with the backward pass behind."""
    found = planned("32,1, 8,1", "bfloat16", None, 0.5, forward_only=False)
    assert found.batches == (1, 8, 32)
    assert found.precisions == ("bfloat16",)
    assert found.layouts is None
    cases = found.cases(PRECISIONS, LAYOUTS)
    assert len(cases) == len(set(cases)) == 3 * 2 * 2 * 2
    assert [case.batch for case in cases[:6]] == [1, 8, 32, 1, 8, 32]
    assert [case.backward for case in cases[:6]] == [False] * 3 + [True] * 3
    assert cases[-1].words == "forward + backward of 32, bfloat16, channels last"
    forward = planned("1", None, None, 0.5, forward_only=True)
    assert forward.cases(("float32",), ("contiguous",)) == (Case(1, "float32", "contiguous", backward=False),)


@pytest.mark.parametrize(
    ("batches", "precisions", "layouts", "seconds", "words"),
    [
        ("0", None, None, 1.0, "write them as in 1,8,32"),
        ("1,,2", None, None, 1.0, "write them as in 1,8,32"),
        ("-1", None, None, 1.0, "write them as in 1,8,32"),
        ("9" * 30, None, None, 1.0, "write them as in 1,8,32"),
        ("1", "float16", None, 1.0, "did you mean 'bfloat16'"),
        ("1", None, "channels-last", 1.0, "did you mean 'channels_last'"),
        ("1", None, None, 0.0, "no time to measure"),
        ("1", None, None, float("nan"), "no time to measure"),
    ],
)
def test_a_wrong_plan_is_refused(
    batches: str, precisions: str | None, layouts: str | None, seconds: float, words: str
) -> None:
    """With the cure."""
    with pytest.raises(RequestError, match=words):
        planned(batches, precisions, layouts, seconds, forward_only=False)
