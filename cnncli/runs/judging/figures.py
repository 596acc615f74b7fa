"""Figures that follow from counts and confidences: intervals, recall and precision, confusions, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

BINS = 15  # equal parts of 0 to 1, as in C. Guo et al., "On calibration of modern neural networks", 2017
LEVEL = 0.95

Counts = Sequence[Sequence[int]]
"""A confusion matrix: a row for each true class, a column for each guessed one."""


class Class(NamedTuple):
    """images: of it · right: those that were taken for it · guessed: images that were taken for it, whatever they are."""

    name: str
    images: int
    right: int
    guessed: int

    @property
    def recall(self) -> float | None:
        """The share of its images that were recognised; None where there are none."""
        return self.right / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """The share of what was taken for it that is it; None where nothing was."""
        return self.right / self.guessed if self.guessed else None


class Confusion(NamedTuple):
    """Images of the class `truth` taken for the class `guess`, both by number."""

    truth: int
    guess: int
    images: int


class Bin(NamedTuple):
    """Images whose confidence is above `low` and not above `high`: how many, their mean confidence, how many were right."""

    low: float
    high: float
    images: int
    confidence: float
    right: int

    @property
    def accuracy(self) -> float:
        """The share that was right."""
        return self.right / self.images if self.images else 0.0


def interval(right: int, count: int) -> tuple[float, float]:
    """Wilson's interval at 95 % for a share of which `right` of `count` are known (E. B. Wilson, 1927)."""
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    share, spread = right / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    reach = z * sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    low, high = max(0.0, centre - reach), min(1.0, centre + reach)
    return (0.0 if right == 0 else low), (1.0 if right == count else high)


def classes(confusion: Counts, names: Sequence[str]) -> tuple[Class, ...]:
    """What a confusion matrix says of each class."""
    guessed = [sum(column) for column in zip(*confusion, strict=True)]
    return tuple(
        Class(name, sum(row), row[place], guessed[place])
        for place, (name, row) in enumerate(zip(names, confusion, strict=True))
    )


def confusions(confusion: Counts) -> list[Confusion]:
    """Which classes were taken for which others, the most frequent first."""
    found = (
        Confusion(truth, guess, count)
        for truth, row in enumerate(confusion)
        for guess, count in enumerate(row)
        if count and truth != guess
    )
    return sorted(found, key=lambda each: -each.images)


def bins(confidences: Sequence[float], right: Sequence[bool]) -> tuple[Bin, ...]:
    """Images by the confidence of their guess, in `BINS` equal parts of 0 to 1."""
    members: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, hit in zip(confidences, right, strict=True):
        members[_place(confidence)].append((confidence, hit))
    edges = pairwise(place / BINS for place in range(BINS + 1))
    return tuple(
        Bin(low, high, len(inside), sum(c for c, _ in inside) / max(1, len(inside)), sum(hit for _, hit in inside))
        for (low, high), inside in zip(edges, members, strict=True)
    )


def calibration_error(parts: Sequence[Bin]) -> float:
    """Expected calibration error: the distance of accuracy from confidence, each bin weighted by its images (Guo et al. 2017)."""
    total = sum(part.images for part in parts)
    return sum(part.images * abs(part.accuracy - part.confidence) for part in parts) / total


def _place(confidence: float) -> int:
    """The bin of a confidence; those on an edge belong below it."""
    place = min(int(confidence * BINS), BINS - 1)
    return place - 1 if place and confidence <= place / BINS else place
