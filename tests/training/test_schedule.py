"""The learning rate of each step, against torch's schedulers and by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from cnncli.sources.recipes import AnySchedule, Constant, Cosine, Linear, OneCycle, Step
from cnncli.training.schedule import lr_schedule
from tests.conftest import python

Scheduler = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]

STEPS, EPOCH = 60, 12
THEIRS: list[tuple[AnySchedule, Scheduler]] = [
    (Constant(), lambda given: lr_scheduler.ConstantLR(given, 1.0)),
    (Linear(), lambda given: lr_scheduler.LinearLR(given, 1.0, 0.0, STEPS)),
    (Cosine(), lambda given: lr_scheduler.CosineAnnealingLR(given, STEPS)),
    (Step(step_epochs=2, gamma=0.5), lambda given: lr_scheduler.StepLR(given, 2 * EPOCH, 0.5)),
    (OneCycle(), lambda given: lr_scheduler.OneCycleLR(given, 0.3, STEPS)),
]
SCHEDULES = st.sampled_from([schedule for schedule, _ in THEIRS])


@pytest.mark.parametrize(("schedule", "theirs"), THEIRS, ids=lambda value: getattr(value, "name", ""))
def test_each_schedule_is_that_of_torch(schedule: AnySchedule, theirs: Scheduler) -> None:
    """Without a warm-up, every step's rate is what torch's scheduler of that name gives."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = theirs(optimizer)
    ours = lr_schedule(schedule, 0.3, steps=STEPS, epoch=EPOCH)
    for step in range(STEPS):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        if step < STEPS - 1:
            scheduler.step()


def test_a_warm_up_rises_in_a_straight_line_to_where_the_schedule_begins() -> None:
    """Half an epoch of 8 steps: 1/5, 2/5, 3/5, 4/5, then the cosine over the rest."""
    warm = lr_schedule(Cosine(warmup_epochs=0.5), 1.0, steps=24, epoch=8)
    assert [warm(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    bare = lr_schedule(Cosine(), 1.0, steps=20, epoch=8)
    assert [warm(step + 4) for step in range(20)] == [bare(step) for step in range(20)]


@given(SCHEDULES, st.integers(1, 500), st.integers(1, 100))
def test_no_rate_leaves_its_bounds(schedule: AnySchedule, epoch: int, epochs: int) -> None:
    """Every rate is above 0 and at most lr, however short the run."""
    steps = epoch * epochs
    found = lr_schedule(schedule, 0.7, steps=steps, epoch=epoch)
    assert all(0 < found(step) <= 0.7 + 1e-12 for step in {0, 1, steps // 3, steps - 2, steps - 1} if 0 <= step < steps)


def test_a_schedule_needs_no_torch() -> None:
    """The module and what it imports leave torch alone."""
    assert python("-c", "import sys, cnncli.training.schedule; print('torch' in sys.modules)").stdout == "False\n"
