"""The numbers that a run computes in: asked for, chosen by the device, or found by a race between bfloat16 and float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple, Self

import torch

MARGIN = 1.1  # times as fast as float32 that bfloat16 must be, for it is less exact
FAR = 4.0  # times as slow as at the race is far slower
STEPS, STRETCH = 10, 2.0  # over so many steps, and seconds, at least

FOR_GOOD = "write train.precision: {} for a run that always ends with the same bytes"


class Race(NamedTuple):
    """Seconds that the forward and the backward pass take an image."""

    float32: float
    bfloat16: float

    @property
    def winner(self) -> torch.dtype:
        """bfloat16 where it gains something."""
        return torch.bfloat16 if self.float32 > MARGIN * self.bfloat16 else torch.float32

    @property
    def words(self) -> str:
        """What it came to, and how to choose for good."""
        ratio, numbers = self.float32 / self.bfloat16, name_of(self.winner)
        measured = f"a step in bfloat16 was measured to be {ratio:.2g} times as fast as in float32"
        return f"train.precision: auto is {numbers}: {measured}; {FOR_GOOD.format(numbers)}"


@dataclass
class Precision:
    """Where a run stands with its numbers.

    numbers: of the forward pass now · race: what chose them, None where the recipe or the device did · left: epoch and step, from
    1, before which bfloat16 was left for float32
    """

    numbers: torch.dtype
    race: Race | None = None
    left: tuple[int, int] | None = None
    _usual: float = field(default=0.0, repr=False)  # seconds an image
    _taken: list[tuple[float, int]] = field(default_factory=list, repr=False)  # seconds and images of the last steps

    def __post_init__(self) -> None:
        """At first steps are expected to take what they took at the race."""
        if self.race and not self._usual:
            self._usual = self.race.bfloat16

    @property
    def memory(self) -> dict[str, Any]:
        """What checkpoint and env.json hold of it, as plain values."""
        found: dict[str, Any] = {"precision": name_of(self.numbers)}
        if self.race:
            found["precision_race"] = self.race._asdict()
        if self.left:
            found["precision_left"] = dict(zip(("epoch", "step"), self.left, strict=True))
        return found

    @classmethod
    def remembered(cls, memory: Mapping[str, Any]) -> Self | None:
        """The one that `memory` is of; None where it tells of none."""
        numbers = getattr(torch, str(memory.get("precision")), None)
        if not isinstance(numbers, torch.dtype):
            return None
        race, left = memory.get("precision_race"), memory.get("precision_left")
        return cls(numbers, Race(**race) if race else None, (left["epoch"], left["step"]) if left else None)

    def far_slower(self, seconds: float, images: int) -> bool:
        """Take note of a step; whether steps are far slower than expected, and have been for some time."""
        if self.race is None or self.numbers == torch.float32:
            return False
        self._taken.append((seconds, images))
        if len(self._taken) < STEPS or sum(seconds for seconds, _ in self._taken) < STRETCH:
            return False
        now = median(seconds / images for seconds, images in self._taken)
        self._taken.clear()
        slower = now > FAR * self._usual
        if slower:
            self._usual = now  # should it stay with bfloat16 all the same, nothing faster is expected from now on
        return slower

    def leave(self, epoch: int, step: int) -> None:
        """Go on in float32 from that step on, counted from 1 as the epoch is."""
        self.numbers, self.left = torch.float32, (epoch, step)

    @property
    def farewell(self) -> str:
        """Where bfloat16 was left, and how to choose for good; "" where it was not."""
        if self.left is None:
            return ""
        slower = "steps in bfloat16 had become far slower, and slower than in float32, which they are in from there on"
        return f"epoch {self.left[0]}, step {self.left[1]}: {slower}; {FOR_GOOD.format('float32 or bfloat16')}"


def name_of(numbers: torch.dtype) -> str:
    """`bfloat16`"""
    return str(numbers).removeprefix("torch.")
