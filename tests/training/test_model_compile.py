"""Training through torch.compile: used for training alone, to the same numbers, and refused in one line where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cnncli.errors import RequestError
from cnncli.training.loop import train
from cnncli.training.setup import Setup
from cnncli.training.state import State, initial_state
from tests.conftest import python

Setups = Callable[..., Setup]


def test_training_alone_runs_what_was_compiled(setup: Setups, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four steps an epoch, no evaluation; the weights are those of the module itself."""
    calls: list[int] = []

    def compiled(module: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda images: (calls.append(len(images)), module(images))[1]

    monkeypatch.setattr(torch, "compile", compiled)
    states: list[State] = []
    for asked in (setup("compile=true"), setup()):
        states.append(initial_state(asked))
        list(train(asked, states[-1]))
    assert calls == [32, 32, 32, 4] * 2
    left, right = (state.module.state_dict() for state in states)
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_machine_that_cannot_compile_is_named(setup: Setups, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the first of torch's many, and the cure."""
    from torch._dynamo.exc import BackendCompilerFailed

    def fails(_: torch.Tensor) -> None:
        raise BackendCompilerFailed("inductor", RuntimeError("no compiler found\nand much more"), None)

    monkeypatch.setattr(torch, "compile", lambda _: fails)
    asked = setup("compile=true")
    with pytest.raises(RequestError) as caught:
        list(train(asked, initial_state(asked)))
    found = str(caught.value)
    assert found.startswith("train.compile: torch cannot compile here (")
    assert found.endswith("no compiler found); write compile: false")


@pytest.mark.slow
def test_compiled_and_plain_training_agree(tmp_path: Path) -> None:
    """As far as sums in another order do: float32, one epoch."""
    line = ["train", "lenet", "epochs=1", "limit=200", "precision=float32", "--format", "json"]
    program = f"import os, sys; os.chdir({str(tmp_path)!r}); from cnncli.cli import run; sys.exit(run(sys.argv[1:]))"
    losses = []
    for choice in ("compile=true", "compile=false"):
        found = python("-W", "ignore", "-c", program, *line, choice, OMP_NUM_THREADS="1")
        assert found.returncode == 0, found.stderr
        losses.append(json.loads(found.stdout.splitlines()[0])["train_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
