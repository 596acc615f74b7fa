"""What follows from times: medians and their spread, operations a second, the largest batch. Free of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from cnncli.bench.plan import Case

BACKWARD = 3  # times the operations of the forward pass that both passes are counted as: one for outputs, two for the gradients


class Timed(NamedTuple):
    """A measurement. seconds: of each repetition · peak_bytes: the most memory at once, weights included; None: not measured"""

    case: Case
    seconds: tuple[float, ...]
    peak_bytes: int | None = None

    @property
    def median(self) -> float:
        """Seconds of the repetition in the middle."""
        return median(self.seconds)

    @property
    def late(self) -> float:
        """Seconds that 95 of 100 repetitions keep within."""
        return percentile(self.seconds, 0.95)

    @property
    def spread(self) -> float:
        """The distance from a quarter to three quarters of the repetitions, as a share of the median."""
        return (percentile(self.seconds, 0.75) - percentile(self.seconds, 0.25)) / self.median

    @property
    def examples_per_second(self) -> float:
        """By the median."""
        return self.case.batch / self.median

    def flops_per_second(self, macs: int) -> float:
        """Two operations for each of an example's `macs`, three times as many with the backward pass, by the median."""
        return 2 * macs * (BACKWARD if self.case.backward else 1) * self.examples_per_second


class Most(NamedTuple):
    """The largest batch that fits. tried: whether it was run; else it is an estimate · limit_bytes: what it has to fit in."""

    backward: bool
    batch: int
    tried: bool
    limit_bytes: int


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lies, in a straight line between the two around it (R's type 7)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def within(limit: int, needed: Callable[[int], int]) -> int:
    """The largest batch of which the bytes `needed` stay within `limit`, or 0; they grow in a straight line, so two say all."""
    one, two = needed(1), needed(2)
    if one > limit:
        return 0
    return 1 + (limit - one) // max(1, two - one)


def largest(fits: Callable[[int], bool], most: int, *, within: float = 0.05) -> int:
    """The largest batch that `fits`, found by trying: doubled until one does not, then halved between, to a share `within`.

    0 where not even one does, `most` where that does. What fits, fits in smaller batches too.
    """
    good, bad = 0, 1
    while bad <= most and fits(bad):
        good, bad = bad, 2 * bad
    if bad > most and good < most and fits(most):
        return most
    bad = min(bad, most)
    while bad - good > max(1, within * good):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def gib(nbytes: int) -> str:
    """Three figures: `0.0346 GiB`, `19.3 GiB`."""
    return f"{nbytes / 2**30:.3g} GiB"
