"""What there is to say of a run after an epoch: the rules of `cnncli.diagnostics`, asked with what the run has."""

from __future__ import annotations

from collections.abc import Sequence

from cnncli.diagnostics.case import Case, Facts
from cnncli.diagnostics.epoch import Epoch
from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.rules import EXPLODING, findings
from cnncli.sources.networks import arguments_of
from cnncli.training.setup import Job
from cnncli.training.state import State


def diagnosed(job: Job, state: State, epoch: Epoch) -> list[Finding]:
    """What is wrong after `epoch`, which is not among those of `state` yet, and was not said before; waits for the device."""
    state.watch.read()
    return findings(Case(facts(job), [*state.epochs, epoch], state.watch.history, state.findings))


def facts(job: Job) -> Facts:
    """What the rules know of a job."""
    takes = tuple(arguments_of(job.recipe.model.name) or ())
    return Facts(job.recipe, job.classes, job.labels, job.steps_an_epoch, takes)


def blown_up(state: State, words: str, lr: float) -> Finding:
    """What there is to say of a run that ended because its numbers were no longer finite, as `words` tell."""
    return Finding(EXPLODING, len(state.epochs) + 1, None, words, f"optimizer.lr={lr / 10:g}", {"lr": float(lr)})


def kinds(found: Sequence[Finding]) -> tuple[str, ...]:
    """What `Epoch.health` holds of them."""
    return tuple(each.kind for each in found)
