"""float16: what trains, what is left out, what is exact, and what is a failure all the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import nn

from cnncli.errors import NonFiniteError, RequestError
from cnncli.files.run_folder import new_folder
from cnncli.sources.recipes import load, resolved
from cnncli.training import device as devices
from cnncli.training.checkpoint import load as load_checkpoint
from cnncli.training.loop import train
from cnncli.training.precision import FIRST, LossScaler
from cnncli.training.request import ResumeRequest
from cnncli.training.resume import StoppedRun
from cnncli.training.run import start
from cnncli.training.setup import Setup
from cnncli.training.state import State, initial_state, restore, snapshot
from tests.conftest import Result
from tests.training.conftest import small
from tests.training.test_loop import same, trained

Setups = Callable[..., Setup]
HALF = ("precision=float16", "augment=[]", "schedule.name=constant", "lr=0.1", "epochs=1")
RATES = {"sgd": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001, "adadelta": 0.5}


def planted(setup: Setup, scale: float) -> State:
    """A run that begins with this scale."""
    state = initial_state(setup)
    assert state.scaling is not None
    state.scaling.scale.fill_(scale)
    return state


def skipped(state: State) -> int:
    """How many steps were left out."""
    assert state.scaling is not None
    return int(state.scaling.skipped)


def test_it_does_what_torchs_own_scaler_does() -> None:
    """Over overflows, and over as many sound steps as let the scale grow: the same scale, tracker and gradients after each."""
    theirs = torch.amp.GradScaler("cpu")
    weight = nn.Parameter(torch.ones(3))
    optimizer, ours = torch.optim.SGD([weight], lr=0.0), LossScaler(torch.device("cpu"))
    for step in range(4100):
        torch.autograd.backward(theirs.scale((weight * (1e38 if step in {0, 1, 2050} else 1.5)).sum()))
        assert weight.grad is not None
        gradient = weight.grad.clone()
        overflow, lost = ours.unscale([gradient], torch.zeros(()))
        theirs.step(optimizer)
        theirs.update()
        optimizer.zero_grad()
        assert overflow.item() == (step in {0, 1, 2050})
        assert not lost
        assert ours.scale.item() == theirs.get_scale()
        assert ours.grown.item() == theirs.state_dict()["_growth_tracker"]
        assert overflow or gradient.tolist() == [1.5] * 3
    assert (ours.scale.item(), ours.skipped.item()) == (FIRST / 2, 3)  # halved twice, doubled, halved, doubled


@pytest.mark.parametrize("optimizer", RATES)
def test_it_trains(setup: Setups, optimizer: str) -> None:
    """The layers compute in float16, the weights stay float32, and the loss comes down as that of float32 does."""
    options = ("epochs=2", "limit=200", "augment=[]", f"optimizer.name={optimizer}", f"lr={RATES[optimizer]}")
    asked = setup(*options, "precision=float16")
    state, seen = planted(asked, 2.0**10), set()
    state.module.get_submodule("conv2").register_forward_hook(lambda module, _, y: seen.add((module.training, y.dtype)))
    epochs = list(train(asked, state))
    _, expected = trained(setup(*options, "precision=float32"))
    assert seen == {(True, torch.float16), (False, torch.float32)}
    assert {weight.dtype for weight in state.weights} == {torch.float32}
    assert epochs[-1].train.loss < epochs[0].train.loss
    assert epochs[-1].train.loss == pytest.approx(expected[-1].train.loss, rel=0.05)
    assert skipped(state) == 0


def test_a_gradient_too_small_for_float16_arrives(setup: Setups) -> None:
    """At a scale of 1 it is nothing: float16 ends at 6e-8. Adam moves every weight whose gradient is not 0."""
    asked = setup(*HALF, "batch_size=100", "optimizer.name=adam", "eps=1e-30")
    moved = {}
    for scale in (1.0, 2.0**12):
        state, before = planted(asked, scale), initial_state(asked)
        state.module.get_submodule("fc3").register_full_backward_hook(lambda _m, given, _out: (given[0] * 1e-6,))
        list(train(asked, state))
        moved[scale] = sum(
            int((new != old).sum()) for new, old in zip(state.weights[:4], before.weights[:4], strict=True)
        )
    assert moved[1.0] < moved[2.0**12] / 10


@pytest.mark.parametrize("optimizer", RATES)
def test_an_overflow_is_left_out_and_halves_the_scale(setup: Setups, optimizer: str) -> None:
    """From a huge scale on, the run comes to the very weights and memory of one that began at the scale they end with."""
    asked = setup(*HALF, f"optimizer.name={optimizer}", "lr=0.0005", "batch_size=1", "limit=60")
    state = planted(asked, 2.0**60)
    list(train(asked, state))
    assert state.scaling is not None
    left_out = skipped(state)
    assert 30 < left_out < 60
    assert state.scaling.scale.item() == 2.0 ** (60 - left_out)
    other = initial_state(asked)
    assert spared(asked, other, left_out) == left_out
    assert same(state, other)
    for name, slots in state.optimizer.memory.items():
        assert all(torch.equal(*pair) for pair in zip(slots, other.optimizer.memory[name], strict=True)), name


def spared(setup: Setup, state: State, steps: int) -> int:
    """Train an epoch without its first `steps`, at the scale that the other run ended with; how many they were."""
    assert state.scaling is not None
    state.scaling.scale.fill_(2.0 ** (60 - steps))
    state.batch = steps
    torch.manual_seed(0)
    state.metrics.images = 1
    list(train(setup, state))
    return steps


@pytest.mark.parametrize("options", [(), ("clip_norm=0.1",), ("accumulate=4", "batch_size=8"), ("ema=0.9",)], ids=str)
def test_the_scale_is_not_seen_in_the_weights(setup: Setups, options: tuple[str, ...]) -> None:
    """Another scale is another run only where float16 rounds to nothing: clipped at the same length, summed to the same step."""
    asked = setup(*HALF, *options)
    low, high = planted(asked, 2.0**10), planted(asked, 2.0**12)
    for state in (low, high):
        list(train(asked, state))
    left, right = low.eval_model.state_dict(), high.eval_model.state_dict()
    assert all(torch.allclose(left[name], right[name], atol=1e-5) for name in left)
    assert not same(low, initial_state(asked))


def test_a_clipped_step_is_as_long_as_asked_for(setup: Setups) -> None:
    """The length is that of the gradient as it is, not as it was scaled."""
    asked = setup(*HALF, "clip_norm=0.01", "lr=1", "momentum=0", "weight_decay=0", "batch_size=100")
    state, before = planted(asked, 2.0**12), initial_state(asked)
    list(train(asked, state))
    moved = torch.cat([(new - old).flatten() for new, old in zip(state.weights, before.weights, strict=True)])
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("after", [1, 3, 5])
@pytest.mark.parametrize("options", [("optimizer.name=adamw", "ema=0.9"), ("accumulate=2", "clip_norm=1")], ids=str)
def test_a_snapshot_goes_on_to_the_same_bits(setup: Setups, after: int, options: tuple[str, ...]) -> None:
    """While the scale is still being found, too: it is part of where a run stands."""
    asked = setup("precision=float16", *options)
    whole, stopped, asked_for = planted(asked, 2.0**24), planted(asked, 2.0**24), count(1)
    list(train(asked, whole))
    list(train(asked, stopped, lambda: next(asked_for) >= after))
    resumed = restore(asked, snapshot(stopped, asked))
    list(train(asked, resumed))
    assert skipped(whole) > 1
    assert same(whole, resumed)
    assert whole.scaling is not None
    assert resumed.scaling is not None
    assert {name: value.item() for name, value in whole.scaling.memory.items()} == {
        name: value.item() for name, value in resumed.scaling.memory.items()
    }


@pytest.mark.usefixtures("elsewhere")
def test_a_run_that_was_stopped_ends_with_the_same_bytes() -> None:
    """Through its folder: the checkpoint holds the scale, and model.safetensors comes out equal."""
    recipe = load("lenet", small("precision=float16", "epochs=3"))
    whole, stopped = (start(recipe, new_folder(name, resolved(recipe)), "cpu") for name in ("whole", "stopped"))
    list(whole.epochs())
    for _ in stopped.epochs():
        stopped.interruption.number = 15
    saved = load_checkpoint(stopped.last_checkpoint)
    assert set(saved["scaling"]) == {"scale", "grown", "skipped"}
    going = StoppedRun(ResumeRequest(stopped.path, recipe, None)).run()
    list(going.epochs())
    first, second = (path.joinpath("model.safetensors").read_bytes() for path in (whole.path, stopped.path))
    assert first == second


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_at_once(setup: Setups, value: float) -> None:
    """No scale is to blame for it: the step and the layer are named as in float32, and the weights stay as they were."""
    asked = setup(*HALF, "epochs=1")
    state, calls = initial_state(asked), count(1)
    expected, asked_for = initial_state(asked), count(1)
    list(train(asked, expected, lambda: next(asked_for) >= 2))

    def spoil(_module: nn.Module, _inputs: object, y: torch.Tensor) -> torch.Tensor:
        return y * value if next(calls) >= 3 else y

    state.module.get_submodule("act2").register_forward_hook(spoil)
    with pytest.raises(NonFiniteError, match=r"^epoch 1, step 3: the output of act2 is no longer finite; lower"):
        list(train(asked, state))
    assert same(expected, state)


def test_overflows_that_do_not_cease_stop_the_run(setup: Setups) -> None:
    """Seventeen steps: sixteen halve the scale to 1, and the next one has nothing left to blame."""
    asked = setup(*HALF, "batch_size=4", "limit=100")
    state = initial_state(asked)
    state.module.get_submodule("fc3").register_full_backward_hook(lambda _m, given, _out: (given[0] * float("inf"),))
    first = [weight.clone() for weight in state.weights]
    with pytest.raises(NonFiniteError, match=r"^epoch 1, step 17: the gradient of .+ is no longer finite; lower"):
        list(train(asked, state))
    assert all(torch.equal(*pair) for pair in zip(first, state.weights, strict=True))


@pytest.mark.usefixtures("elsewhere", "one_thread")
def test_the_command_line_says_what_was_left_out(cnncli: Callable[..., Result]) -> None:
    """On stderr, once, at the end."""
    found = cnncli("train lenet epochs=2 limit=100 batch_size=32 precision=float16 augment=[]")
    assert found.code == 0
    assert found.err == "cnncli: float16: 2 of 8 steps were left out while the loss scale was found; it is 16,384 now\n"
    assert '"precision": "float16"' in Path("runs/lenet-1/env.json").read_text(encoding="utf-8")


@pytest.mark.usefixtures("elsewhere", "one_thread")
def test_numbers_that_are_not_finite_exit_with_4(cnncli: Callable[..., Result]) -> None:
    """A rate that no precision can bear ends as in float32."""
    found = cnncli("train lenet epochs=2 limit=100 batch_size=32 precision=float16 lr=1e30 schedule.name=constant")
    assert found.code == 4
    assert len(found.err.splitlines()) == 1
    assert "epoch 1, step" in found.err
    assert not Path("runs/lenet-1/model.safetensors").exists()


def test_no_step_waits_for_the_device(setup: Setups, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fused optimizer `.item()` is asked for once in fifty steps and at the end of an epoch, never in a step."""
    asked = setup(*HALF, "batch_size=1", "limit=40", "clip_norm=1", "ema=0.9")
    state, asked_for = initial_state(asked), []
    item = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: (asked_for.append(1), item(tensor))[1])
    list(train(asked, state))
    assert len(asked_for) < 20


def test_a_device_that_cannot_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether torch says so or only warns and computes in float32."""
    assert devices.precision("float16", torch.device("cpu")) == torch.float16

    def refusing(*_: object) -> None:
        raise RuntimeError("not implemented for 'Half'")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "conv2d", refusing)
        with pytest.raises(
            RequestError, match=r"^train\.precision: float16: torch \S+ does not compute in it on cpu; write"
        ):
            devices.precision("float16", torch.device("cpu"))
    monkeypatch.setattr(torch, "autocast", lambda *_: nullcontext())
    with pytest.raises(RequestError, match="does not compute in it on cpu"):
        devices.precision("float16", torch.device("cpu"))
