"""Where numbers cease to be finite: the layer that is named is the first, in the step that is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from cnncli.errors import NonFiniteError
from cnncli.training.loop import train
from cnncli.training.monitor import first_nonfinite, nonfinite
from cnncli.training.setup import Setup
from cnncli.training.state import State, initial_state

Setups = Callable[..., Setup]
BREAKS = {"inf": float("inf"), "nan": float("nan")}


class Backward(torch.autograd.Function):
    """Gives on what it gets; its gradient is infinite."""

    @staticmethod
    def forward(_context: object, x: torch.Tensor) -> torch.Tensor:
        """As it is."""
        return x.clone()

    @staticmethod
    def backward(_context: object, *gradients: torch.Tensor) -> torch.Tensor:
        """Not as it is."""
        return gradients[0] * float("inf")


def only(setup: Setup, step: int) -> Callable[[torch.Tensor], bool]:
    """Tells the batch of a step of the first epoch by its images."""
    images, _ = setup.train.chosen(*setup.steps(1)[step - 1])
    return lambda found: torch.equal(found, images)


def broken_at(setup: Setup, step: int, layer: str, change: Callable[[torch.Tensor], torch.Tensor]) -> State:
    """A run whose `layer` gives something else for the images of one step."""
    state, it_is, now = initial_state(setup), only(setup, step), [False]

    def look(_module: nn.Module, images: tuple[torch.Tensor]) -> None:
        now[0] = it_is(images[0])

    state.module.register_forward_pre_hook(look)
    state.module.get_submodule(layer).register_forward_hook(lambda _m, _x, y: change(y) if now[0] else y)
    return state


@pytest.mark.parametrize("step", [1, 3, 4])
@pytest.mark.parametrize("layer", ["conv1", "act2", "fc3"])
@pytest.mark.parametrize("value", BREAKS)
def test_the_first_layer_whose_output_is_not_finite_is_named(setup: Setups, step: int, layer: str, value: str) -> None:
    """With its step, whatever the layers after it give."""
    asked = setup("augment=[]")
    state = broken_at(asked, step, layer, lambda y: y * BREAKS[value])
    with pytest.raises(
        NonFiniteError, match=rf"^epoch 1, step {step}: the output of {layer} is no longer finite; lower"
    ):
        list(train(asked, state))
    assert nonfinite(state.module.state_dict()) is None


@pytest.mark.parametrize(("layer", "named"), [("act2", "the output of conv2"), ("fc3", r"fc3\.(weight|bias)")])
def test_a_gradient_is_named_where_the_backward_pass_meets_it_first(setup: Setups, layer: str, named: str) -> None:
    """All outputs are finite; it is what comes back that is not."""
    asked = setup("augment=[]")
    state = broken_at(asked, 2, layer, Backward.apply)  # type: ignore[arg-type]
    with pytest.raises(NonFiniteError, match=rf"^epoch 1, step 2: the gradient of {named} is no longer finite"):
        list(train(asked, state))


def test_a_layer_that_breaks_by_chance_breaks_again(setup: Setups) -> None:
    """Random numbers are drawn as the first time: here one step in eight is bad, by what dropout drew."""
    asked = setup("batch_size=4", "augment=[]")
    state = initial_state(asked)

    def dropped(module: nn.Module, _: object, y: torch.Tensor) -> torch.Tensor:
        mask = torch.dropout(torch.ones(3), 0.5, module.training)
        return y / mask.sum() if module.training else y

    state.module.get_submodule("fc2").register_forward_hook(dropped)
    with pytest.raises(NonFiniteError, match=r"the output of fc2 is no longer finite"):
        list(train(asked, state))


def test_the_loss_is_named_where_every_output_is_finite(setup: Setups) -> None:
    """Scores that are finite, further apart than float32 can say."""
    asked = setup("precision=float32", "augment=[]", "batch_size=100")
    state = broken_at(asked, 1, "fc3", lambda y: y + 3e38 * torch.linspace(-1, 1, 10))
    with pytest.raises(NonFiniteError, match=r"^epoch 1, step 1: the loss is no longer finite"):
        list(train(asked, state))


def test_a_finite_step_breaks_nowhere() -> None:
    """None; and no hook stays behind."""
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert first_nonfinite(module, lambda: module(torch.ones(5, 3)).sum()) is None
    assert not any(layer._forward_hooks for layer in module)  # noqa: SLF001
    assert not any(weight._backward_hooks for weight in module.parameters())  # noqa: SLF001


def test_the_first_spoilt_tensor_is_named() -> None:
    """In the order they stand in."""
    tensors = {"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")]), "c": torch.tensor(float("inf"))}
    assert nonfinite(tensors) == "b"
    assert nonfinite({"a": tensors["a"], "counter": torch.tensor(3)}) is None
    assert nonfinite({}) is None
