"""What a learning-rate range test says: the rates that it tries, the curve of its losses, and the rate that follows. Free of torch.

L. Smith, "Cyclical learning rates for training neural networks", 2015, section 3.3: let the rate rise while the network trains,
and look where the loss falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isfinite, log, log10, sqrt
from statistics import median
from typing import Literal, NamedTuple

from cnncli.errors import RequestError

REACH = 0.06  # of the steps: how far to either side a point of the curve looks
HIGHEST = 1e6  # a rate
FEWEST = 20  # losses that a curve is made of
FALL = 0.05  # share of the loss that must go for something to have been learned
CLEAR = 3.0  # times the scatter of batches that the loss must fall
DEVIATION = 1.4826  # times the median distance, of numbers from a normal distribution
ABOVE = 4.0  # times its lowest that a loss has risen to where it diverges, as in fastai and PyTorch Lightning
KEPT = 0.9  # share of the running mean kept at a step, by which divergence is noticed


class Point(NamedTuple):
    """One step. lr: that it was taken at · loss: of its batch, before it · smooth, slope: the curve's, slope by a tenfold rate."""

    lr: float
    loss: float
    smooth: float
    slope: float


class Suggestion(NamedTuple):
    """What the curve says.

    lr: the rate to take, None where the curve says nothing · why: in words, how it was found, or why there is none · steepest,
    lowest: where the loss falls most steeply, below that of guessing, and where it is lowest · valley: as fastai suggests
    """

    lr: float | None
    why: str
    steepest: float | None = None
    lowest: float | None = None
    valley: float | None = None


End = Literal["reached", "diverged", "not finite"]


def check_range(low: float, high: float) -> None:
    """Raise `RequestError` for rates that cannot rise from the one to the other."""
    if not 0 < low < high <= HIGHEST:
        raise RequestError(
            f"--from {low:g} --to {high:g}: rates rise from a positive one to a higher, {HIGHEST:g} at most; "
            "write --from 1e-5 --to 10"
        )


def rates(low: float, high: float, steps: int) -> list[float]:
    """`steps` rates from `low` to `high`, each the same number of times the one before."""
    first, whole = log(low), log(high) - log(low)
    inner = [exp(first + whole * step / (steps - 1)) for step in range(1, steps - 1)]
    return [low, *inner, high]


class Watch:
    """Notices when losses diverge: their running mean is above the first loss and above `ABOVE` times its own lowest."""

    def __init__(self) -> None:
        self._sum = self._weight = 0.0
        self._first = self._lowest = float("inf")

    def diverged(self, loss: float) -> bool:
        """Whether the losses do, with the next one of them."""
        self._sum = KEPT * self._sum + (1 - KEPT) * loss
        self._weight = KEPT * self._weight + 1 - KEPT
        mean = self._sum / self._weight
        if not isfinite(self._first):
            self._first = loss
        self._lowest = min(self._lowest, mean)
        return mean > max(self._first, ABOVE * self._lowest)


def curve(lrs: Sequence[float], losses: Sequence[float]) -> list[Point]:
    """The losses with what lies behind their noise: at each rate the line that fits the losses around it best.

    Nearer losses weigh more (a triangle, over `REACH` of the steps on either side), so that the curve does not lag behind, as a
    running mean does. W. Cleveland, "Robust locally weighted regression", 1979, with lines and without the robust part.
    """
    width = _width(len(losses)) + 1
    places = [log10(lr) for lr in lrs]
    return [
        Point(lr, loss, *_line(places, losses, middle, width))
        for middle, (lr, loss) in enumerate(zip(lrs, losses, strict=True))
    ]


def _width(steps: int) -> int:
    """How many steps to either side a point of the curve looks."""
    return max(3, round(REACH * steps))


def _line(places: Sequence[float], losses: Sequence[float], middle: int, width: int) -> tuple[float, float]:
    """Value and slope at `middle` of the weighted least-squares line."""
    near = range(max(0, middle - width + 1), min(len(losses), middle + width))
    weights = [1 - abs(each - middle) / width for each in near]
    total = sum(weights)
    x = sum(weight * places[each] for weight, each in zip(weights, near, strict=True)) / total
    y = sum(weight * losses[each] for weight, each in zip(weights, near, strict=True)) / total
    square = sum(weight * (places[each] - x) ** 2 for weight, each in zip(weights, near, strict=True))
    both = sum(weight * (places[each] - x) * (losses[each] - y) for weight, each in zip(weights, near, strict=True))
    slope = both / square if square else 0.0
    return y + slope * (places[middle] - x), slope


def valley(points: Sequence[Point]) -> float:
    """The rate in the middle of the longest descent: of the longest subsequence of the curve that only falls, as fastai has it."""
    lengths: list[int] = []
    before: list[int | None] = []
    for place, point in enumerate(points):
        higher = [each for each in range(place) if points[each].smooth > point.smooth]
        last = max(higher, key=lambda each: lengths[each], default=None)
        before.append(last)
        lengths.append(1 if last is None else lengths[last] + 1)
    chain: list[int] = []
    at: int | None = max(range(len(points)), key=lambda each: lengths[each])
    while at is not None:
        chain.append(at)
        at = before[at]
    return points[chain[len(chain) // 2]].lr


def suggestion(points: Sequence[Point], chance: float) -> Suggestion:
    """The rate halfway, as a factor, from where the loss falls most steeply to where it is lowest; or why there is none.

    Most steeply: below the loss of guessing. First weights often begin above it, and what falls then is their size, at rates that
    are far too small to learn with. The steepest rate is safe and slow, at the lowest point the loss is about to rise: halfway lay
    among the best for the recipes that come with cnncli.

    chance: the loss of guessing by the classes' shares, below which a network has learned something about its images
    """
    if len(points) < FEWEST:
        few = f"{len(points)} steps before the loss was lost are too few to tell a slope from noise, {FEWEST} are the least"
        return Suggestion(None, f"{few}; begin lower (--from) or take more steps (--steps)")
    bottom = min(range(len(points)), key=lambda place: points[place].smooth)
    down = points[: bottom + 1]
    flat = _flat(down, chance)
    if flat:
        return Suggestion(None, flat)
    start = min(chance, down[0].smooth)
    steepest = min((point for point in down if point.smooth <= start), key=lambda point: point.slope).lr
    lowest = points[bottom].lr
    why = f"halfway from {steepest:.2g}, where the loss falls most steeply, to {lowest:.2g}, where it is lowest"
    return Suggestion(sqrt(steepest * lowest), why, steepest, lowest, valley(points))


def edge(points: Sequence[Point], found: Suggestion, end: End) -> str:
    """Where the range itself cuts the curve short, and what to write; "" where it does not."""
    if found.steepest is None or found.lowest is None:
        return ""
    width = _width(len(points))
    if found.steepest < points[width].lr:
        return f"the loss already falls at {points[0].lr:.2g}; begin lower (--from)"
    if end == "reached" and found.lowest > points[-width].lr:
        return f"the loss still falls at {points[-1].lr:.2g}; go higher (--to)"
    return ""


def _flat(down: Sequence[Point], chance: float) -> str:
    """Why a curve down to its lowest point is no descent; "" where it is one."""
    began, lowest = down[0].smooth, down[-1].smooth
    scatter = DEVIATION * median(abs(point.loss - point.smooth) for point in down)  # a single wild batch does not count
    start, what = (chance, "of guessing by the classes' shares") if chance <= began else (began, "at the start")
    if lowest > (1 - FALL) * start:
        return f"the curve is flat: its lowest loss is {lowest:.3f}, and {start:.3f} is the loss {what}"
    if start - lowest < CLEAR * scatter:
        return f"the curve is flat: it falls from {start:.3f} to {lowest:.3f}, while batches differ by {scatter:.3f}"
    return ""


def chance_loss(shares: Sequence[float], smoothing: float) -> float:
    """The mean cross-entropy of answering every image with the classes' shares, as targets smoothed by `smoothing` have them."""
    softened = [(1 - smoothing) * share + smoothing / len(shares) for share in shares]
    return -sum(share * log(share) for share in softened if share)
