"""Frozen layers: neither weights nor statistics move, and the others are trained."""

from __future__ import annotations

from collections.abc import Callable

import torch

from cnncli.training.loop import train
from cnncli.training.setup import Setup
from cnncli.training.state import initial_state


def test_frozen_layers_stay_as_they_began(setup: Callable[..., Setup]) -> None:
    """Bit for bit, running means included; the layers after them learn."""
    asked = setup("norm=batch", "frozen=[conv1,norm1]")
    state = initial_state(asked)
    before = {name: tensor.clone() for name, tensor in state.module.state_dict().items()}
    list(train(asked, state))
    moved = {name for name, tensor in state.module.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if not name.startswith(("conv1.", "norm1."))}
    assert sum(weight.numel() for weight in state.weights) == 61_706 + 2 * 16 - 156
