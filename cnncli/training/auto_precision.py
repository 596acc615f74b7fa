"""`train.precision: auto` on a CPU with bfloat16: a short race against float32, on the run's own images.

What bfloat16 gains depends on the network, the machine and what else runs on it, and it can lose by far. A race leaves no trace in
the run: it is run by copies of the network, and torch's random numbers are put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from time import perf_counter
from typing import Any

import torch

from cnncli.training.device import random_state, set_random_state
from cnncli.training.images import Batch
from cnncli.training.precision import Precision, Race
from cnncli.training.setup import Setup
from cnncli.training.state import State, initial_state
from cnncli.training.step import loss

ROUNDS = 3  # timed steps in each precision; the quickest counts, as other programs can only slow a step down
FEWEST = 2  # images of a step
HOPELESS = 4.0  # times as slow as float32
SECONDS, SHARE = 0.5, 0.02  # what a race may take: that long, or that share of the run where it is more


def begin_run(setup: Setup, before: Mapping[str, Any] | None = None) -> State:
    """Return the state before the first step, as `initial_state` does; a race chooses the precision where that is left open.

    Args:
        setup: what to train.
        before: env.json of a start that reached no checkpoint, whose choice stays.
    """
    state = initial_state(setup)
    if setup.precision is None:
        saved = Precision.from_saved(before or {})
        if saved is None:
            race = run_race(setup, state, setup.train.chosen(*setup.steps(1)[0]))
            state.notes = (*state.notes, race.note)
            saved = Precision(race.winner, race)
        state.precision = saved
    return state


def rematch(setup: Setup, state: State, batch: Batch) -> bool:
    """Race once more, before the next step of the epoch, and fall back to float32 where that wins; return whether it does."""
    if run_race(setup, state, batch).winner == torch.bfloat16:
        return False
    state.precision.fall_back(len(state.epochs) + 1, state.batch + 1)
    return True


def run_race(setup: Setup, state: State, batch: Batch) -> Race:
    """Time forward and backward passes in both precisions, by turns, on as many images of `batch` as there is time for."""
    random = random_state(setup.device)
    racers = [
        replace(state, module=deepcopy(state.module), precision=Precision(dtype))
        for dtype in (torch.float32, torch.bfloat16)
    ]
    for racer in racers:
        racer.set_train_mode()
    images = _first(batch, FEWEST)
    laps = [_lap(setup, racers, images)]  # which allocates
    if not _hopeless(laps[0]):
        images, most = _fitting(setup, racers[0], _first(batch, setup.recipe.data.batch_size))
        laps = [_lap(setup, racers, images)]
        while len(laps) <= ROUNDS and not _hopeless(laps[-1]) and (len(laps) == 1 or sum(map(sum, laps)) < most):
            laps.append(_lap(setup, racers, images))
    set_random_state(random, setup.device)
    quickest = (min(seconds) for seconds in zip(*(laps[1:] or laps), strict=True))
    return Race(*(float(f"{seconds / len(images[1]):.4g}") for seconds in quickest))


def _lap(setup: Setup, racers: Sequence[State], images: Batch) -> tuple[float, ...]:
    return tuple(timed(setup, racer, images) for racer in racers)


def _hopeless(lap: Sequence[float]) -> bool:
    """Return whether bfloat16 is so slow that the rest of the race would only take time."""
    float32, bfloat16 = lap
    return bfloat16 > max(HOPELESS * float32, SECONDS / 4)


def _fitting(setup: Setup, racer: State, batch: Batch) -> tuple[Batch, float]:
    """Return as much of a batch, doubled from a few images, as a race has time for; and the seconds it may take."""
    count = min(FEWEST, len(batch[1]))
    while True:
        step = timed(setup, racer, _first(batch, count))
        run = step * setup.steps_per_epoch * setup.recipe.train.epochs * setup.images_per_step / count
        most = max(SECONDS, SHARE * run)
        if count == len(batch[1]) or 2 * 2 * (ROUNDS + 1) * step > most:
            return _first(batch, count), most
        count = min(2 * count, len(batch[1]))


def _first(batch: Batch, count: int) -> Batch:
    return batch[0][:count], batch[1][:count]


def timed(setup: Setup, racer: State, batch: Batch) -> float:
    """Return the seconds that a forward and a backward pass take."""
    began = perf_counter()
    torch.autograd.backward(loss(setup, racer, batch, 0))
    racer.module.zero_grad(set_to_none=True)
    return perf_counter() - began
