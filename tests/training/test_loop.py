"""The loop: a function of its recipe, exact where it counts, and sound when the numbers are not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
import torch
from torch.nn.functional import cross_entropy

from cnncli.diagnostics.epoch import Epoch
from cnncli.errors import NonFiniteError
from cnncli.training.loop import evaluate, train
from cnncli.training.setup import Setup
from cnncli.training.state import State, initial_state, restore, snapshot

Setups = Callable[..., Setup]


def same(first: State, second: State) -> bool:
    """Whether every weight and buffer is equal to the bit."""
    left, right = first.module.state_dict(), second.module.state_dict()
    return all(torch.equal(left[name], right[name]) for name in left)


def trained(setup: Setup) -> tuple[State, list[Epoch]]:
    """A run from its beginning to its end."""
    state = initial_state(setup)
    return state, list(train(setup, state))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
def test_two_runs_of_one_recipe_are_equal_to_the_bit(setup: Setups, optimizer: str) -> None:
    """Weights, losses and counts, whatever was drawn before."""
    asked = setup(f"optimizer.name={optimizer}")
    first, epochs = trained(asked)
    torch.rand(17)
    second, again = trained(asked)
    assert same(first, second)
    assert [epoch.train for epoch in epochs] == [epoch.train for epoch in again]


def test_another_seed_is_another_run(setup: Setups) -> None:
    """First weights and order differ."""
    assert not same(initial_state(setup()), initial_state(setup("seed=1")))
    assert not torch.equal(torch.cat(setup().order(1)), torch.cat(setup("seed=1").order(1)))


def test_the_order_is_a_permutation_of_its_own_for_every_epoch(setup: Setups) -> None:
    """Each image once, in the last batch those that are left, and the same order whatever the batch size."""
    asked = setup("limit=100", "batch_size=32")
    orders = [asked.order(epoch) for epoch in (1, 2)]
    assert [len(part) for part in orders[0]] == [32, 32, 32, 4]
    first, second = (torch.cat(parts) for parts in orders)
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(100))
    assert not torch.equal(first, second)
    assert torch.equal(first, torch.cat(setup("limit=100", "batch_size=7").order(1)))


@pytest.mark.parametrize("after", [1, 4, 6, 9])  # of four steps an epoch, then one question each for test and val
def test_a_run_that_was_stopped_anywhere_ends_as_if_it_had_not_been(setup: Setups, after: int) -> None:
    """In an epoch, before and in its evaluation, in the next epoch: the snapshot goes on to the same bits and the same history."""
    asked = setup("momentum=0.9", "augment=[{shift: 2}, flip]", "val=0.1")
    whole, history = trained(asked)
    asked_for, stopped = count(1), initial_state(asked)
    before = list(train(asked, stopped, lambda: next(asked_for) >= after))
    assert len(before) == (after > 6)
    resumed = restore(asked, snapshot(stopped, asked))
    rest = list(train(asked, resumed))
    assert same(whole, resumed)
    assert [epoch.train for epoch in before + rest] == [epoch.train for epoch in history]
    assert resumed.epochs[-1].val == history[-1].val


def test_dropout_goes_on_where_it_stood(setup: Setups) -> None:
    """A network that draws random numbers in its forward pass, stopped in the middle of an epoch."""
    asked = setup()
    whole, other = _with_dropout(asked), _with_dropout(asked)
    list(train(asked, whole))
    asked_for = count(1)
    list(train(asked, other, lambda: next(asked_for) >= 2))
    saved = snapshot(other, asked)
    torch.rand(5)
    again = _with_dropout(asked)
    fresh = restore(asked, saved)
    again.module.load_state_dict(fresh.module.state_dict())
    again.epochs, again.batch, again.metrics = fresh.epochs, fresh.batch, fresh.metrics
    again.optimizer.memory = fresh.optimizer.memory
    list(train(asked, again))
    assert same(whole, again)


def _with_dropout(setup: Setup) -> State:
    state = initial_state(setup)
    state.module.get_submodule("fc1").register_forward_hook(
        lambda module, _, out: torch.dropout(out, 0.5, module.training)
    )
    return state


def test_the_training_score_is_that_of_the_forward_passes(setup: Setups) -> None:
    """At a rate too small to move a weight it is the score of the module itself, counted exactly, last batch included."""
    asked = setup("lr=1e-30", "schedule.name=constant", "augment=[]", "epochs=1", "precision=float32")
    state, (epoch,) = trained(asked)
    found = evaluate(state.module, asked.train, 100)
    assert found is not None
    assert epoch.train.acc == found[0].acc
    assert epoch.train.loss == pytest.approx(found[0].loss, rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 360, 1000])
def test_an_evaluation_counts_exactly(setup: Setups, batch_size: int) -> None:
    """Whatever the batch size, counts and loss are those of one image after the other."""
    asked = setup()
    module = initial_state(asked).module
    found = evaluate(module, asked.test, batch_size)
    assert found is not None
    score, confusion = found
    right, losses = 0, []
    with torch.no_grad():
        for index in range(360):
            pixels, label = asked.test.chosen(torch.tensor([index]))
            scores = module(pixels)
            right += int(scores.argmax() == label)
            losses.append(cross_entropy(scores, label).item())
    assert score.acc == right / 360
    assert score.loss == pytest.approx(sum(losses) / 360, rel=1e-5)
    assert confusion.sum() == 360
    assert torch.equal(confusion.sum(1), asked.test.labels.bincount(minlength=10))


def test_training_lowers_the_loss(setup: Setups) -> None:
    """Six short epochs on 400 digits: less than half of the first loss, and most of them told apart."""
    _, epochs = trained(setup("epochs=6", "limit=400", "augment=[]"))
    assert epochs[-1].train.loss < epochs[0].train.loss / 2
    assert epochs[-1].train.acc > 0.8
    assert [epoch.step for epoch in epochs] == [13, 26, 39, 52, 65, 78]


@pytest.mark.parametrize("lr", ["1e12", "1e38"])
def test_numbers_that_are_not_finite_stop_the_run_before_they_spoil_a_weight(setup: Setups, lr: str) -> None:
    """The error names epoch, step and cure; the weights are finite still, or the epoch is never yielded."""
    asked = setup(f"lr={lr}", "schedule.name=constant", "momentum=0")
    state = initial_state(asked)
    with pytest.raises(NonFiniteError, match=r"epoch 1, step [1-4]: .*finite; lower optimizer\.lr \(it was 1e\+"):
        list(train(asked, state))
    assert state.epochs == []


def test_the_weights_stay_those_before_the_step_that_broke(setup: Setups) -> None:
    """An image of infinities in the third batch: what two sound steps made is what is left."""
    asked = setup("schedule.name=constant", "augment=[]", "epochs=1")
    expected = initial_state(asked)
    asked_for = count(1)
    list(train(asked, expected, lambda: next(asked_for) >= 2))
    state = initial_state(asked)
    forward, calls = state.module.forward, count(1)
    state.module.forward = lambda x: forward(x) * (float("inf") if next(calls) == 3 else 1.0)
    with pytest.raises(NonFiniteError, match="epoch 1, step 3: the gradient is no longer finite"):
        list(train(asked, state))
    assert same(expected, state)


def test_label_smoothing_and_clipping_reach_the_step(setup: Setups) -> None:
    """Either changes the weights that come out."""
    plain, _ = trained(setup("epochs=1"))
    smooth, _ = trained(setup("epochs=1", "label_smoothing=0.1"))
    clipped, _ = trained(setup("epochs=1", "clip_norm=0.1"))
    assert not same(plain, smooth)
    assert not same(plain, clipped)


def test_a_clipped_gradient_is_no_longer_than_asked_for(setup: Setups) -> None:
    """One step of plain descent at rate 1 moves the weights by at most `clip_norm`."""
    asked = setup(
        "epochs=1", "clip_norm=0.01", "lr=1", "momentum=0", "weight_decay=0", "schedule.name=constant", "batch_size=100"
    )
    before, after = initial_state(asked), initial_state(asked)
    list(train(asked, after))
    moved = torch.cat([(new - old).flatten() for new, old in zip(after.weights, before.weights, strict=True)])
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_a_target_stops_the_run(setup: Setups) -> None:
    """`target_acc` ends it after the first epoch that reaches it."""
    _, epochs = trained(setup("epochs=9", "target_acc=0.05"))
    assert len(epochs) == 1


def test_patience_stops_the_run(setup: Setups) -> None:
    """Without a step there is no progress: the first epoch stays the best, and two more are waited for."""
    _, epochs = trained(setup("epochs=9", "val=0.2", "patience=2", "lr=1e-30"))
    assert len(epochs) == 3


def test_both_formats_and_both_precisions_train(setup: Setups) -> None:
    """Channels first and last differ by rounding alone; bfloat16 comes close."""
    losses = {}
    for setting in ("memory_format=contiguous", "memory_format=channels_last", "precision=bfloat16"):
        _, epochs = trained(setup("epochs=1", setting))
        losses[setting] = epochs[0].train.loss
    assert losses["memory_format=channels_last"] == pytest.approx(losses["memory_format=contiguous"], rel=1e-3)
    assert losses["precision=bfloat16"] == pytest.approx(losses["memory_format=contiguous"], rel=0.1)


def test_accumulated_batches_are_one_large_one(setup: Setups) -> None:
    """Four batches of 8 give the gradient of one of 32, the last of each epoch smaller; the same steps, the same counts."""
    (large, history), (small, other) = (
        trained(setup("precision=float32")),
        trained(setup("precision=float32", "batch_size=8", "accumulate=4")),
    )
    left, right = large.module.state_dict(), small.module.state_dict()
    assert all(torch.allclose(left[name], right[name], atol=2e-5) for name in left)
    assert [epoch.step for epoch in history] == [epoch.step for epoch in other] == [4, 8]
    for first, second in zip(history, other, strict=True):
        assert second.train.loss == pytest.approx(first.train.loss, rel=1e-4)
        assert second.train.acc == pytest.approx(first.train.acc, abs=0.011)
