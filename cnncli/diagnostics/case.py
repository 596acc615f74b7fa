"""What the rules judge: a run as it stands after an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import log
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.observation import WEIGHTS, History, Layer, Seen

if TYPE_CHECKING:
    from cnncli.diagnostics.epoch import Epoch
    from cnncli.sources.recipes import Recipe

LEVEL = 0.98  # of the loss of guessing, above which a loss is at its level
LUCK = 0.05  # accuracy above the share of the most frequent class that does not count as learning
STEPS = (
    350  # that a run is given to leave the level of guessing; the textbook's sigmoid LeNet on MNIST takes 240 to 300
)
PASSES = 10  # epochs that it is given at most, however few steps they have


class Facts(NamedTuple):
    """What does not change on the way.

    labels: training images of each class · steps: of an epoch · arguments: that the network takes
    """

    recipe: Recipe
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    steps: int
    arguments: tuple[str, ...] = ()

    @property
    def shares(self) -> list[float]:
        """Of each class in the training images."""
        return [count / sum(self.labels) for count in self.labels]

    @property
    def chance(self) -> float:
        """The accuracy of always naming the most frequent class."""
        return max(self.shares)

    @property
    def guessing(self) -> float:
        """The lowest loss without looking at the image: the entropy of the targets, with label smoothing as the recipe has it."""
        smoothing = self.recipe.train.label_smoothing
        targets = [(1 - smoothing) * share + smoothing / len(self.labels) for share in self.shares]
        return -sum(share * log(share) for share in targets if share > 0)


class Case:
    """A run after an epoch: the facts, its epochs, what was seen of its layers, and what was said before."""

    def __init__(
        self, facts: Facts, epochs: Sequence[Epoch], history: History, earlier: Sequence[Finding] = ()
    ) -> None:
        """epochs: at least one."""
        self.facts, self.epochs, self.history, self.earlier = facts, tuple(epochs), history, tuple(earlier)

    @property
    def recipe(self) -> Recipe:
        """What it is trained by."""
        return self.facts.recipe

    @property
    def last(self) -> Epoch:
        """The epoch that is over."""
        return self.epochs[-1]

    @property
    def taken(self) -> int:
        """Steps so far."""
        return self.last.step

    @cached_property
    def guesses(self) -> bool:
        """Whether the last epoch was no better than guessing, though it had the time to be."""
        level = self.facts.guessing
        late = self.last.epoch >= 2 and (self.taken >= STEPS or self.last.epoch >= PASSES)
        lucky = self.last.train.acc < self.facts.chance + LUCK
        return late and lucky and level > 0 and self.last.train.loss >= LEVEL * level

    def rows(self, role: str) -> list[tuple[Layer, Seen]]:
        """The layers of one role with what was seen of them last."""
        return self.history.rows(role)

    def lasting(self, role: str, what: str, least: float) -> list[tuple[Layer, float]]:
        """The layers of one role of which a statistic was `least` or more the last two times, with the last value."""
        found = []
        for place, layer in enumerate(self.history.layers):
            values = [getattr(each.seen[place], what) for each in self.history.observations[-2:]]
            if (
                layer.role == role
                and len(values) == 2
                and all(value is not None and value >= least for value in values)
            ):
                found.append((layer, values[-1]))
        return found

    @cached_property
    def weighted(self) -> list[tuple[Layer, Seen]]:
        """The layers that are trained, normalisation apart, with what was seen of them last."""
        return [pair for pair in self.rows(WEIGHTS) if pair[1].gradient is not None]

    @cached_property
    def paces(self) -> list[float]:
        """The largest change of a layer in each step that was looked at, as a share of its weights."""
        return [max((row.update or 0.0 for row in each.seen), default=0.0) for each in self.history.observations]

    @property
    def pace(self) -> float | None:
        """Their median."""
        return median(self.paces) if self.paces else None

    @cached_property
    def fall(self) -> tuple[Layer, Layer, float, int] | None:
        """How far gradients fall on their way to the input: the layers at both ends, the largest factor, and at which step.

        A layer's gradient is taken relative to its weights, ‖g‖/‖w‖, so that layers of all sizes can be compared.
        """
        ends = [layer for layer, _ in self.weighted]
        if len(ends) < 2:
            return None
        first, last = (self.history.layers.index(layer) for layer in (ends[0], ends[-1]))
        factors = [
            (_relative(each.seen[last]) / _relative(each.seen[first]), each.step)
            for each in self.history.observations
            if _relative(each.seen[first]) > 0
        ]
        return (ends[0], ends[-1], *max(factors)) if factors else None


def _relative(row: Seen) -> float:
    return (row.gradient or 0.0) / row.weight if row.weight else 0.0
