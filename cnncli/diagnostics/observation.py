"""What was seen of a network on some of its training steps: a row of statistics for each layer."""

from __future__ import annotations

from typing import NamedTuple

MOST = 48  # observations that are kept
EARLY = 10  # a step at which what the first ones did shows
FEWEST = 50  # steps from one observation to the next
AN_EPOCH = 5  # observations, where an epoch has the steps for it

RELU, SQUASHING, BATCH_NORM, WEIGHTS = "relu", "squashing", "batch norm", "weights"
"""What a layer is to the rules. squashing: sigmoid and tanh, flat on both sides."""


class Layer(NamedTuple):
    """name: its dotted path · type: its class, as torch calls it · role: one of those above."""

    name: str
    type: str
    role: str


class Seen(NamedTuple):
    """One layer on one step; None for what it does not have, or what was not finite.

    mean, deviation: of its outputs · idle: the share of a ReLU's units (channels of maps, else features) that are 0 for the whole
    batch, or of a sigmoid's or tanh's outputs where the slope is below 5 % of its largest · gradient: the 2-norm of the loss's
    gradient in its weight · weight: the 2-norm of that · update: the 2-norm of the step's change of it, divided by `weight`

    Mean, deviation and flat outputs are taken of at most 16,384 outputs, the change of at most 8,192 weights.
    """

    mean: float | None = None
    deviation: float | None = None
    idle: float | None = None
    gradient: float | None = None
    weight: float | None = None
    update: float | None = None


class Observation(NamedTuple):
    """One step: its number in the run, from 0, and its epoch's, from 1.

    place: how many were taken before it · images: that the network saw at once · input_mean, input_deviation: of their values,
    as the network gets them · seen: a row for each layer
    """

    step: int
    epoch: int
    place: int
    images: int
    input_mean: float | None
    input_deviation: float | None
    seen: tuple[Seen, ...]


class History(NamedTuple):
    """The observations of a run so far, in equal distances, and the last one.

    layers: in the order in which they are registered · spacing: of `spacing` observations one is kept
    """

    layers: tuple[Layer, ...] = ()
    observations: tuple[Observation, ...] = ()
    spacing: int = 1

    @property
    def last(self) -> Observation | None:
        """The newest."""
        return self.observations[-1] if self.observations else None

    def added(self, found: Observation) -> History:
        """With one more, and at most `MOST` in all."""
        kept = [*self._regular(self.spacing), found]
        spacing = self.spacing
        while len(kept) > MOST:
            spacing *= 2
            kept = [*(each for each in kept[:-1] if each.place % spacing == 0), found]
        return self._replace(observations=tuple(kept), spacing=spacing)

    def _regular(self, spacing: int) -> list[Observation]:
        return [each for each in self.observations if each.place % spacing == 0]

    @property
    def moved(self) -> bool:
        """Whether any step that was looked at changed a weight."""
        return any(row.update for each in self.observations for row in each.seen)

    def rows(self, role: str) -> list[tuple[Layer, Seen]]:
        """The layers of one role with what was seen of them last."""
        seen = self.last.seen if self.last else ()
        return [pair for pair in zip(self.layers, seen, strict=False) if pair[0].role == role]


def watched(step: int, steps: int) -> bool:
    """Whether a step of the run, from 0, is looked at, `steps` being those of an epoch."""
    return step == EARLY or step % max(FEWEST, -(-steps // AN_EPOCH)) == 0
