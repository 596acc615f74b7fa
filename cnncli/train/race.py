"""`train.precision: auto` on a CPU that computes in bfloat16: a short race against float32, on the run's own images.

What bfloat16 gains depends on the network, the machine and what else runs on it, and it can lose by far. A race leaves no trace in
the run: it is run by copies of the network, and torch's random numbers are put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from time import perf_counter
from typing import Any

import torch

from cnncli.train.device import random_state, set_random_state
from cnncli.train.images import Batch
from cnncli.train.job import Job
from cnncli.train.precision import Precision, Race
from cnncli.train.state import State, begin
from cnncli.train.step import loss

ROUNDS = 3  # timed steps in each precision; the quickest counts, as other programs can only slow a step down
FEWEST = 4  # images of a step
SECONDS, SHARE = 0.5, 0.02  # what a race may take: that long, or that share of the run where it is more


def begun(job: Job, before: Mapping[str, Any] | None = None) -> State:
    """A run before its first step, as `state.begin` makes it; where the device leaves it open, a race chooses the precision.

    before: what env.json tells of a beginning that came to nothing, whose choice stays
    """
    state = begin(job)
    if job.precision is None:
        known = Precision.remembered(before or {})
        state.precision = known or _chosen(job, state)
        if known is None and state.precision.race:
            state.notes = (*state.notes, state.precision.race.words)
    return state


def _chosen(job: Job, state: State) -> Precision:
    race = raced(job, state, job.train.chosen(*job.steps(1)[0]))
    return Precision(race.winner, race)


def rematch(job: Job, state: State, batch: Batch) -> bool:
    """Race once more, before the next step of the epoch, and leave bfloat16 where it loses; whether it does."""
    if raced(job, state, batch).winner == torch.bfloat16:
        return False
    state.precision.leave(len(state.epochs) + 1, state.batch + 1)
    return True


def raced(job: Job, state: State, batch: Batch) -> Race:
    """Forward and backward passes in both precisions, by turns, on as many images of `batch` as there is time for."""
    random = random_state(job.device)
    racers = [_racer(state, numbers) for numbers in (torch.float32, torch.bfloat16)]
    images, most = _fitting(job, racers[0], _first(batch, job.recipe.data.batch_size))
    taken: list[list[float]] = [[], []]
    for turn in range(ROUNDS + 1):
        for racer, seconds in zip(racers, taken, strict=True):
            seconds.append(timed(job, racer, images))
        if turn and sum(map(sum, taken)) > most:
            break
    set_random_state(random, job.device)
    return Race(*(float(f"{min(seconds[1:]) / len(images[1]):.4g}") for seconds in taken))  # the first step allocates


def _racer(state: State, numbers: torch.dtype) -> State:
    racer = replace(state, module=deepcopy(state.module), precision=Precision(numbers))
    racer.practise()
    return racer


def _fitting(job: Job, racer: State, batch: Batch) -> tuple[Batch, float]:
    """As much of a batch, doubled from a few images, as a race has time for; and the seconds it may take."""
    count = min(FEWEST, len(batch[1]))
    timed(job, racer, _first(batch, count))  # allocates
    while True:
        step = timed(job, racer, _first(batch, count))
        run = step * job.steps_an_epoch * job.recipe.train.epochs * job.images_a_step / count
        most = max(SECONDS, SHARE * run)
        if count == len(batch[1]) or 2 * 2 * (ROUNDS + 1) * step > most:
            return _first(batch, count), most
        count = min(2 * count, len(batch[1]))


def _first(batch: Batch, count: int) -> Batch:
    return batch[0][:count], batch[1][:count]


def timed(job: Job, racer: State, batch: Batch) -> float:
    """What a forward and a backward pass take."""
    began = perf_counter()
    torch.autograd.backward(loss(job, racer, batch, 0))
    racer.module.zero_grad(set_to_none=True)
    return perf_counter() - began
