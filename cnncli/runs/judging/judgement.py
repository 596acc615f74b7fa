"""What came of letting a trained network classify a split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from cnncli.runs.judging import figures

if TYPE_CHECKING:
    import torch

    from cnncli.diagnostics.epoch import Score


class Mistake(NamedTuple):
    """One image that was taken for another class.

    place: its number in the split, from 0 · path: of its file, if it lies in one · truth, guess: classes by number ·
    probability: of the guess · pixels: uint8 C×H×W, as the network takes it
    """

    place: int
    path: str | None
    truth: int
    guess: int
    probability: float
    pixels: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Every image of a split, classified.

    title: the network's · run: its folder · which: last or best, the checkpoint · epochs: that it was trained for · data, split:
    the images · classes: the run's · confusion: K×K counts, a row for each true class · bins: the images by confidence ·
    mistakes: the most confident ones, those first · skipped: paths of images that cannot be read · printed: the accuracy that
    training wrote down for the same, if it did · notes: what a user should know
    """

    title: str
    run: str
    which: str
    epochs: int
    data: str
    split: str
    device: str
    classes: tuple[str, ...]
    score: Score
    confusion: tuple[tuple[int, ...], ...]
    bins: tuple[figures.Bin, ...]
    mistakes: tuple[Mistake, ...]
    skipped: tuple[str, ...] = ()
    printed: float | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def count(self) -> int:
        """Images."""
        return sum(map(sum, self.confusion))

    @cached_property
    def right(self) -> int:
        """Images classified rightly."""
        return sum(row[place] for place, row in enumerate(self.confusion))

    @property
    def interval(self) -> tuple[float, float]:
        """Of the accuracy, at 95 %."""
        return figures.interval(self.right, self.count)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error."""
        return figures.calibration_error(self.bins)

    @property
    def confidence(self) -> float:
        """The mean probability of the guesses."""
        return sum(part.images * part.confidence for part in self.bins) / self.count

    @cached_property
    def per_class(self) -> tuple[figures.Class, ...]:
        """Count, recall and precision."""
        return figures.classes(self.confusion, self.classes)

    @cached_property
    def confusions(self) -> list[figures.Confusion]:
        """Which classes were taken for which, the most frequent first."""
        return figures.confusions(self.confusion)
