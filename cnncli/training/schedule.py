"""How the learning rate changes from step to step: a pure function of the step. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import cos, pi

from cnncli.sources.recipes import AnySchedule, Constant, Cosine, Linear, OneCycle, Step

Schedule = Callable[[int], float]
"""From a step, counted from 0, to its learning rate."""

RISE = 0.3  # of all steps: how long onecycle goes up
START, END = 1 / 25, 1 / 250_000  # where onecycle begins and ends, as a fraction of its peak


def lr_schedule(schedule: AnySchedule, lr: float, *, steps: int, epoch: int) -> Schedule:
    """Return the learning rate of each step: `lr` times the factor that `schedule` gives it.

    With a warm-up over w steps, step t < w has the factor (t + 1)/(w + 1), on the line from 0 before the first step to 1 at step w,
    where the schedule itself begins.

    Args:
        schedule: of the recipe.
        lr: the highest learning rate.
        steps: of the whole run.
        epoch: steps of one epoch.
    """
    if isinstance(schedule, OneCycle):
        return lambda step: lr * onecycle(step, steps)
    warm = round(schedule.warmup_epochs * epoch)
    fall = _fall(schedule, steps=steps - warm, epoch=epoch)
    return lambda step: lr * ((step + 1) / (warm + 1) if step < warm else fall(step - warm))


def linear(step: int, steps: int) -> float:
    """From 1 at step 0 in a straight line to 0 at `steps`, which is one past the last."""
    return 1 - step / steps


def cosine(step: float, steps: float) -> float:
    """From 1 at step 0 along half a cosine to 0 at `steps` (Loshchilov and Hutter, 2016, equation 5)."""
    return (1 + cos(pi * step / steps)) / 2


def stairs(step: int, stair: int, gamma: float) -> float:
    """`gamma` times smaller after every `stair` steps."""
    return gamma ** (step // stair)


def onecycle(step: int, steps: int) -> float:
    """From 1/25 up to 1 and down to 1/250,000 at the last step, along cosines (Smith and Topin, 2017; phases as in torch)."""
    peak = RISE * steps - 1  # between two steps, where it has to be
    if step <= peak:
        return START + (1 - START) * (1 - cosine(step, peak))
    return END + (1 - END) * cosine(step - peak, steps - 1 - peak)


def _fall(schedule: Constant | Linear | Cosine | Step, *, steps: int, epoch: int) -> Schedule:
    if isinstance(schedule, Linear):
        return partial(linear, steps=steps)
    if isinstance(schedule, Cosine):
        return partial(cosine, steps=steps)
    if isinstance(schedule, Step):
        return partial(stairs, stair=schedule.step_epochs * epoch, gamma=schedule.gamma)
    return lambda _: 1.0
