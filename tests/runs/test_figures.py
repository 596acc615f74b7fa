"""Intervals, classes, confusions and calibration, against the books and against counting by hand."""

from __future__ import annotations

from math import comb, isclose, sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncli.runs.judging.figures import BINS, Class, Confusion, bins, calibration_error, classes, confusions, interval

Z = 1.959963984540054

matrices = st.integers(1, 6).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 50), min_size=size, max_size=size), min_size=size, max_size=size)
)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe(right: int, count: int, low: float, high: float) -> None:
    """R. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3."""
    assert interval(right, count) == pytest.approx((low, high), abs=5e-5)


@given(count=st.integers(1, 10_000), share=st.floats(0, 1))
def test_an_interval_solves_its_equation(count: int, share: float) -> None:
    """At its ends, a true share p lies z standard deviations from the one observed; and the share lies within."""
    right = round(share * count)
    low, high = interval(right, count)
    assert 0 <= low <= right / count <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert isclose(abs(right / count - end), Z * sqrt(end * (1 - end) / count), rel_tol=1e-6, abs_tol=1e-9)


def test_an_interval_holds_the_truth_19_times_of_20() -> None:
    """Summed over every outcome of 100 images at six accuracies: 95 % on average."""
    covered = [
        sum(
            comb(100, right) * share**right * (1 - share) ** (100 - right)
            for right in range(101)
            if interval(right, 100)[0] <= share <= interval(right, 100)[1]
        )
        for share in (0.3, 0.5, 0.62, 0.75, 0.87, 0.93)
    ]
    assert 0.945 < sum(covered) / len(covered) < 0.96


@given(matrices)
def test_classes_and_confusions_add_up_to_the_matrix(confusion: list[list[int]]) -> None:
    """Images, rights and guesses each sum to what the matrix holds; so do the confusions, which come largest first."""
    found = classes(confusion, [str(place) for place in range(len(confusion))])
    total, right = sum(map(sum, confusion)), sum(row[place] for place, row in enumerate(confusion))
    assert sum(each.images for each in found) == sum(each.guessed for each in found) == total
    assert sum(each.right for each in found) == right
    largest = confusions(confusion)
    assert sum(each.images for each in largest) == total - right
    assert [each.images for each in largest] == sorted((each.images for each in largest), reverse=True)


def test_a_class_without_images_has_no_recall() -> None:
    """Unknown is None, not 0; the same for the precision of a class that nothing was taken for."""
    absent, never, usual = classes([[0, 0, 0], [0, 0, 4], [1, 0, 3]], ["absent", "never", "usual"])
    assert absent == Class("absent", 0, 0, 1)
    assert (absent.recall, absent.precision) == (None, 0.0)
    assert (never.recall, never.precision) == (0.0, None)
    assert (usual.recall, usual.precision) == (0.75, 3 / 7)
    assert confusions([[0, 0, 0], [0, 0, 4], [1, 0, 3]]) == [Confusion(1, 2, 4), Confusion(2, 0, 1)]


def test_calibration_by_hand() -> None:
    """Three images in two bins: |1/2 − 0.96| weighs 2/3, |1 − 0.5| weighs 1/3."""
    parts = bins([0.95, 0.97, 0.5], [True, False, True])
    assert [(part.images, part.right) for part in parts if part.images] == [(1, 1), (2, 1)]
    assert calibration_error(parts) == pytest.approx((2 * 0.46 + 0.5) / 3)


def test_who_is_as_sure_as_right_has_no_error_and_who_is_always_sure_has_all() -> None:
    """The two ends: of 100 guesses at 0.75, 75 right; of 100 at 1.0, none."""
    assert calibration_error(bins([0.75] * 100, [place < 75 for place in range(100)])) == pytest.approx(0)
    assert calibration_error(bins([1.0] * 100, [False] * 100)) == 1


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60))
def test_bins_are_those_of_torch_bucketize(images: list[tuple[float, bool]]) -> None:
    """Open below and closed above, as in Guo's code; nothing is lost, and the error is a mean distance."""
    parts = bins([confidence for confidence, _ in images], [right for _, right in images])
    edges = torch.tensor([place / BINS for place in range(1, BINS)], dtype=torch.float64)
    places = torch.bucketize(torch.tensor([confidence for confidence, _ in images], dtype=torch.float64), edges)
    assert [part.images for part in parts] == places.bincount(minlength=BINS).tolist()
    assert 0 <= calibration_error(parts) <= 1
