"""What the training loop adds to forward, backward and step, beside the best of several bare loops over images in memory.

Needs MNIST (CNNCLI_DATA). One process, float32, LeNet on 60,000 images in batches of 256; each way trains an epoch in turn, several
rounds. Timers lie around forward (with the loss), backward and the optimizer's step; what is left of an epoch is outside of them:
gathering batches, counting loss and accuracy, and in ours also looking for numbers that are not finite, watching layers, checkpoints
and signals. The bar is on that: how much more of an epoch ours spends outside than the quickest bare loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, NamedTuple
from unittest.mock import patch

ROUNDS = 3
BATCH, RATE = 256, 0.9
BAR = 0.03


class Spent(NamedTuple):
    """Seconds of an epoch, and those outside of forward, backward and step."""

    epoch: float
    outside: float


class Timer:
    """Adds up the time within calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, timed."""

        def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  (as the function)
            begun = perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += perf_counter() - begun

        return timed


def main() -> None:
    """Print each way's quickest epoch and what of it lies outside, and how far ours is behind the best bare loop."""
    if "CNNCLI_DATA" not in os.environ:
        print("skipped: set CNNCLI_DATA to a folder that holds MNIST")
        return
    from cnncli.training.process import settle_in

    settle_in()  # before torch is imported, as the command does
    ways = {"ours": ours(), **bare_loops()}
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            spent[name].append(way())
    best = {
        name: Spent(min(each.epoch for each in found), min(each.outside for each in found))
        for name, found in spent.items()
    }
    for name, each in best.items():
        print(
            f"{name:40} {1000 * each.epoch:7.0f} ms an epoch, {1000 * each.outside:5.0f} ms outside ({each.outside / each.epoch:.1%})"
        )
    least = min(each.outside for name, each in best.items() if name != "ours")
    behind = (best["ours"].outside - least) / best["ours"].epoch
    print(f"ours spends {behind:.1%} of an epoch more outside than the best bare loop (at most {BAR:.0%})")


def ours() -> Callable[[], Spent]:
    """The loop that `cnncli train lenet-mnist` runs."""
    import torch

    from cnncli.sources.recipes import load
    from cnncli.training import loop, step
    from cnncli.training.setup import prepare
    from cnncli.training.state import initial_state

    setup = prepare(load("lenet-mnist", ["train.epochs=1000", "train.precision=float32"]), "cpu")
    state, timer = initial_state(setup), Timer()
    state.module.forward = timer.around(state.module.forward)
    state.optimizer.step = timer.around(state.optimizer.step)
    epochs = loop.train(setup, state)

    def epoch() -> Spent:
        timer.seconds = 0.0
        forward, backward = timer.around(step.cross_entropy), timer.around(torch.autograd.backward)
        with (
            patch.object(step, "cross_entropy", forward),
            patch.object(torch.autograd, "backward", backward),
            _training_alone(timer) as trained,
        ):
            done = next(epochs)
        return Spent(done.seconds, done.seconds - trained[0])

    return epoch


@contextmanager
def _training_alone(timer: Timer) -> Iterator[list[float]]:
    """What the timer has when the training of an epoch is over, before its evaluation."""
    from cnncli.training import loop

    found: list[float] = []
    judge = loop._evaluate_epoch  # noqa: SLF001

    def noted(*arguments: Any) -> Any:  # noqa: ANN401  (as the function)
        found.append(timer.seconds)
        return judge(*arguments)

    with patch.object(loop, "_evaluate_epoch", noted):
        yield found


def bare_loops() -> dict[str, Callable[[], Spent]]:
    """Loops written by hand: where the images are, and how a batch is taken from them."""
    import torch
    from torchvision.datasets import MNIST

    data = MNIST(os.environ["CNNCLI_DATA"])
    pixels, labels = data.data.unsqueeze(1), data.targets
    normal = pixels.float().div_(255).sub_(0.1307).div_(0.3081)
    last = normal.contiguous(memory_format=torch.channels_last)

    def batches_of_bytes(order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for indices in order.split(BATCH):
            yield (
                pixels.index_select(0, indices).float().mul_(1 / (255 * 0.3081)).sub_(0.4242),
                labels.index_select(0, indices),
            )

    def batches(order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for indices in order.split(BATCH):
            yield normal.index_select(0, indices), labels.index_select(0, indices)

    def shuffled_once(order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        yield from zip(
            normal.index_select(0, order).split(BATCH), labels.index_select(0, order).split(BATCH), strict=True
        )

    def channels_last(order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for indices in order.split(BATCH):
            yield last.permute(0, 2, 3, 1).index_select(0, indices).permute(0, 3, 1, 2), labels.index_select(0, indices)

    return {
        "bare, uint8, normalised by the batch": _bare(batches_of_bytes),
        "bare, float32, gathered by the batch": _bare(batches),
        "bare, float32, shuffled once an epoch": _bare(shuffled_once),
        "bare, float32, channels_last": _bare(channels_last, last=True),
    }


def _bare(batches: Callable[[Any], Iterator[tuple[Any, Any]]], *, last: bool = False) -> Callable[[], Spent]:
    """An epoch over `batches`; loss and accuracy are counted without waiting."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.optim.sgd import sgd

    from tests.bench.train_mnist import _lenet

    net: Any = _lenet()
    net.to(memory_format=torch.channels_last if last else torch.contiguous_format)
    weights = list(net.parameters())

    def epoch() -> Spent:
        timer, total, right = Timer(), torch.zeros(()), torch.zeros((), dtype=torch.int64)
        forward, backward = (
            timer.around(_scored),
            timer.around(torch.autograd.backward),
        )
        step = timer.around(_stepped)
        begun = perf_counter()
        for images, truth in batches(torch.randperm(60_000)):
            scores, loss = forward(images, truth)
            backward(loss)
            total.add_(loss.detach(), alpha=len(truth))
            right.add_((scores.detach().argmax(1) == truth).sum())
            step()
            for weight in weights:
                weight.grad = None
        total.item(), right.item()
        spent = perf_counter() - begun
        return Spent(spent, spent - timer.seconds)

    def _scored(images: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores = net(images)
        return scores, cross_entropy(scores, truth)

    @torch.no_grad()
    def _stepped() -> None:
        gradients = [weight.grad for weight in weights]
        sgd(
            weights,
            gradients,
            [None] * len(weights),
            fused=True,
            lr=RATE,
            weight_decay=0.0,
            momentum=0.0,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )

    return epoch
