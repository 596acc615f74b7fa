"""Networks whose last maps are 1×1 and 2×2, in both precisions, streamed and in memory: every run ends with the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from cnncli.training.auto_precision import begin_run
from cnncli.training.default_recipe import default_recipe
from cnncli.training.setup import prepare
from cnncli.training.step import loss
from tests.training.kills import Forked, disturbed, undisturbed

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("elsewhere", "own_data")]

NETWORKS = {"resnet18": 16, "mobilenet_v2": 32, "vgg11 ratio=8 hidden=256": 32, "googlenet": 32}  # sides of the images
LINE = (
    "train {network} --data folder:set resize={side} precision={precision} data.cache={cache} epochs=2 batch_size=8 lr=0.01 workers=2"
    " checkpoint_steps=1 schedule.name=onecycle 'augment=[{{crop: 2}}, flip]'"
)

aten = torch.ops.aten
BACKWARD = {
    aten.convolution_backward.default, aten.native_batch_norm_backward.default, aten.max_pool2d_with_indices_backward.default,
    aten.avg_pool2d_backward.default,
}  # fmt: skip


def draw() -> None:
    """JPEGs of many sizes, 24 to train on."""
    for number in range(36):
        path = Path("set", "test" if number >= 24 else "train", "abc"[number % 3], f"{number}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((30 + number % 5, 34), 40 + 30 * (number % 3)).convert("RGB").save(path)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", NETWORKS)
def test_runs_end_with_the_same_bytes(network: str, precision: str) -> None:
    """Three in peace, one that was killed, each streamed and in memory."""
    draw()
    ends = set()
    for cache in ("never", "auto"):
        line = LINE.format(network=network, side=NETWORKS[network], precision=precision, cache=cache)
        name, first = network.split(maxsplit=1)[0], len(list(Path("runs").glob("*")))
        wholes = [undisturbed(line, f"{name}-{first + number}", Forked) for number in (1, 2, 3)]
        killed = disturbed(line, f"{name}-{first + 4}", 1, len(wholes[0].log), Forked)
        assert len(killed.kills) == 1
        ends |= {run.weights for run in (*wholes, killed)}
    assert len(ends) == 1


class Checked(TorchDispatchMode):
    """Computes the backward pass of each layer in float64 too, from what the layer was given. errors: of the largest entry"""

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[torch.dtype, list[float]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        if func not in BACKWARD:
            return result
        exact = func(*(value.double() if is_float(value) else value for value in args), **(kwargs or {}))
        floor = 1e-30
        if (
            func is aten.native_batch_norm_backward.default
        ):  # where all images are alike, the true gradient is none at all
            floor = (args[0].abs().max() * (args[2] * args[6]).abs().max()).item()
        pairs = zip(result, exact, strict=True) if isinstance(result, tuple) else ((result, exact),)
        for one, true in pairs:
            if is_float(one):
                error = (one.double() - true).abs().max() / true.abs().max().clamp(min=floor)
                self.errors.setdefault(args[1].dtype, []).append(error.item())
        return result


def is_float(value: object) -> bool:
    """Whether it is a tensor of them."""
    return isinstance(value, torch.Tensor) and value.is_floating_point()


@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_are_those_of_float64(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Layer by layer, in a step of a run, of what the layers were given: within 1e-4, and what is rounded to eight bits by that much."""
    draw()
    name, *arguments = network.split()
    for precision in ("float32", "bfloat16"):
        overrides = [*arguments, f"resize={NETWORKS[network]}", f"precision={precision}", "batch_size=24"]
        setup = prepare(default_recipe(name, "folder:set", overrides), "cpu")
        state, checked = begin_run(setup), Checked()
        state.set_train_mode()
        value = loss(setup, state, setup.train.chosen(*setup.steps(1)[0]), 0)
        with checked:
            torch.autograd.backward(value)
        worst = {numbers: max(errors) for numbers, errors in checked.errors.items()}
        with capsys.disabled():
            print(f"\n{network}, {precision}: {worst}")
        assert worst.get(torch.float32, 0.0) <= 1e-4
        assert worst.get(torch.bfloat16, 0.0) <= 2**-5  # where oneDNN does not compute, sums are rounded on their way
