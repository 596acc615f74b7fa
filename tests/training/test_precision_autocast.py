"""What trains in reduced precision on a CPU: every gradient is right, whatever the memory held before."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from cnncli.models import network
from cnncli.training.auto_precision import begin_run
from cnncli.training.default_recipe import default_recipe
from cnncli.training.loop import train
from cnncli.training.precision import Autocast, may_need_float32, needs_float32
from cnncli.training.setup import prepare
from tests.training.conftest import small

CPU = torch.device("cpu")
REDUCED = (torch.bfloat16, torch.float16)
EXACT = {
    torch.float32: 1e-5,
    torch.bfloat16: 2e-2,
    torch.float16: 3e-3,
}  # of the largest entry; inputs have no rounding error
FORMATS = (torch.contiguous_format, torch.channels_last)

# Kernel, stride, padding and map of the convolutions whose gradients were seen to be left unwritten.
SEEN = (
    (3, 2, 1, 1), (3, 3, 1, 1), (3, 3, 1, 2), (5, 1, 2, 1), (5, 2, 2, 1), (5, 3, 2, 1), (5, 3, 2, 2), (7, 1, 3, 1), (7, 1, 3, 2),
    (7, 2, 3, 1), (7, 3, 3, 1), (7, 3, 3, 2),
)  # fmt: skip

NETWORK = """\
kind: network
name: shrinking
input: 1x8x8
layers:
  - conv1: {Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}
  - relu1: {ReLU: {}}
  - conv2: {Conv2d: {out_channels: 4, kernel_size: 5, stride: 4, padding: 2, groups: 2}}
  - relu2: {ReLU: {}}
  - conv3: {Conv2d: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}}
  - flatten: {Flatten: {}}
  - fc: {Linear: {out_features: 10}}
"""


class Unwritten(TorchDispatchMode):
    """A CPU that leaves garbage where no entry of an image meets a weight, in reduced precision. found: how often that was"""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        if func is not torch.ops.aten.convolution_backward.default or args[1].dtype not in REDUCED:
            return result
        ones = [torch.ones_like(tensor, dtype=torch.float64) for tensor in args[:3]]
        met = func(*ones, *args[3:-1], [False, True, False])[1]
        self.found += bool((met == 0).any())
        result[1][met == 0] = 1e4
        return result


def dirty(like: torch.Tensor) -> None:
    """Leave 1e30 in memory of the size of a tensor and its neighbours, in each width, for the next to find."""
    kept = [
        torch.full((like.numel() * times + 16,), value, dtype=dtype)
        for dtype, value in ((torch.float32, 1e30), (torch.bfloat16, 1e30), (torch.float16, 6e4))
        for times in (1, 1, 2, 4, 16)
    ]
    del kept


def gradients(module: nn.Module, image: torch.Tensor, numbers: torch.dtype) -> list[torch.Tensor]:
    """The scores, and the gradients of image and weights, of a loss whose own gradient has no rounding error, as training has them."""
    module.zero_grad(set_to_none=True)
    cast, image = Autocast(numbers if numbers in REDUCED else torch.float32, CPU), image.clone().requires_grad_()
    with cast():
        scores = module(image.to(numbers))
    generator = torch.Generator().manual_seed(1)
    weights = torch.randint(-4, 5, scores.shape, generator=generator).to(scores.dtype)
    loss = (scores * weights).to(torch.float64).sum()
    for tensor in (image, *module.parameters()):
        dirty(tensor)
    torch.autograd.backward(loss)
    return [scores.detach(), *(tensor.grad for tensor in (image, *module.parameters()) if tensor.grad is not None)]


def compare(module: nn.Module, shape: tuple[int, ...], numbers: torch.dtype, form: torch.memory_format) -> None:
    """The gradients are those of float64, and the same bytes each time."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(-8, 9, shape, generator=generator) / 8 + 0.0
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randint(-8, 9, weight.shape, generator=generator) / 8)
    exact = gradients(deepcopy(module).double(), image.double(), torch.float64)
    if image.ndim == 4:
        module, image = module.to(memory_format=form), image.contiguous(memory_format=form)
    first = gradients(module, image, numbers)
    for one, true in zip(first, exact, strict=True):
        assert (one - true).abs().max() <= EXACT[numbers] * max(1, true.abs().max()), (module, shape, numbers, form)
    for _ in range(2):
        again = gradients(module, image, numbers)
        assert all(map(torch.equal, first, again)), (module, shape, numbers, form)


def test_idle_taps_are_those_that_never_meet_an_image() -> None:
    """By trying every output and every tap, of convolutions and of transposed ones; all that were seen to be wrong are among them."""
    for kernel, stride, padding, size, dilation in product(
        (1, 2, 3, 5, 7), (1, 2, 3), (0, 1, 2, 3), range(1, 9), (1, 2)
    ):
        outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        met = {
            tap
            for tap in range(kernel)
            for output in range(outputs)
            if 0 <= output * stride + tap * dilation - padding < size
        }
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        if outputs > 0:
            assert needs_float32((size,), (kernel,), **options) == (len(met) < kernel)
            assert needs_float32((64, size), (1, kernel), **(options | {"padding": (0, padding)})) == (
                len(met) < kernel
            )
    assert all(needs_float32((n, n), (k, k), stride=s, padding=(p,)) for k, s, p, n in SEEN)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("numbers", EXACT)
def test_gradients_of_convolutions_are_those_of_float64(numbers: torch.dtype) -> None:
    """Over kernels, strides, paddings, dilations, groups, maps, axes and memory formats; the idle taps of the list among them."""
    for (kernel, stride, padding, size), form in product(
        {*SEEN, *product((1, 3, 5), (1, 2), (0, 1, 2), (1, 2, 4))}, FORMATS
    ):
        if size + 2 * padding < kernel:
            continue
        for groups, dilation in ((1, 1), (4, 1), (1, 2)):
            if size + 2 * padding > dilation * (kernel - 1):
                layer = nn.Conv2d(4, 8, kernel, stride, padding, dilation, groups)
                compare(layer, (3, 4, size, size), numbers, form)
    for size, dilation in product((1, 2, 3), (1, 2)):
        compare(nn.Conv2d(4, 8, 4, padding="same", dilation=dilation), (2, 4, size, size), numbers, FORMATS[0])
        compare(nn.Conv1d(4, 8, 3, 2, 1), (2, 4, size), numbers, FORMATS[0])
        compare(nn.Conv3d(4, 8, 3, 2, 1), (2, 4, size, size, size), numbers, FORMATS[0])
        compare(nn.Conv3d(4, 8, 3, 3), (2, 4, 7, 7, size + 2), numbers, FORMATS[0])


@pytest.mark.parametrize("numbers", EXACT)
def test_gradients_of_transposed_convolutions_are_those_of_float64(numbers: torch.dtype) -> None:
    """What is cropped is their padding."""
    for kernel, stride, padding, size, form in product((1, 3, 4), (1, 2, 3), (0, 1, 2), (1, 2, 4), FORMATS):
        if (size - 1) * stride - 2 * padding + kernel > 0:
            compare(nn.ConvTranspose2d(4, 8, kernel, stride, padding), (3, 4, size, size), numbers, form)
    compare(nn.ConvTranspose1d(4, 8, 3, 1, 1), (2, 4, 1), numbers, FORMATS[0])
    compare(nn.ConvTranspose3d(4, 8, 3, 2, 1, 1, groups=2), (2, 4, 1, 1, 1), numbers, FORMATS[0])


@pytest.mark.parametrize("numbers", EXACT)
def test_gradients_of_pools_and_norms_are_those_of_float64(numbers: torch.dtype) -> None:
    """Of images in these numbers."""
    layers = [
        nn.MaxPool2d(2, 2, ceil_mode=True), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, 2), nn.AvgPool2d(3, 2, 1),
        nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(2), nn.LPPool2d(2, 2),
        nn.BatchNorm2d(8), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True), nn.LocalResponseNorm(3),
    ]  # fmt: skip
    for layer, size, form in product(layers, (2, 4, 7), FORMATS):
        compare(layer, (4, 8, size, size), numbers, form)


def test_a_run_is_not_touched_by_what_the_memory_held(tmp_path: Path) -> None:
    """On a CPU that leaves such entries unwritten it ends with the same weights; without a remedy they would be garbage."""
    file = tmp_path / "net.yaml"
    file.write_text(NETWORK, encoding="utf-8")
    ends = []
    for numbers, faulty in product(("bfloat16", "float16"), (False, True)):
        asked = prepare(
            default_recipe(str(file), "digits", small(f"precision={numbers}", "resize=8", "lr=0.01")), "cpu"
        )
        state, fault = begin_run(asked), Unwritten()
        if faulty:
            with fault:
                list(train(asked, state))
        else:
            list(train(asked, state))
        assert not fault.found
        ends.append(state.module.state_dict())
    for sound, faulty in (ends[:2], ends[2:]):
        assert all(torch.equal(sound[name], faulty[name]) for name in sound)


def test_whoever_convolves_is_found() -> None:
    """A kernel that is computed first, a layer of torch.nn, and a transposed convolution."""

    class Computed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.other = nn.Parameter(torch.randn(4, 4, 3, 3)), nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            first = functional.conv2d(image, weight=self.kernel * 2, stride=2, padding=1)
            second: torch.Tensor = self.other(first)
            return functional.conv_transpose2d(second, self.kernel, None, 1, 1)

    module, image, cast = Computed(), torch.randn(2, 4, 1, 1), Autocast(torch.bfloat16, CPU)
    for faulty in (Autocast(torch.bfloat16, CPU, exact=False), cast):
        with Unwritten() as fault:
            with faulty():
                scores = module(image)
            torch.autograd.backward(scores.float().sum())
        assert scores.dtype == torch.bfloat16
        assert bool(fault.found) == (faulty is not cast)
        assert all(weight.grad is not None for weight in module.parameters())


def test_networks_without_idle_taps_are_told_from_their_rows() -> None:
    """Looking for them at every operation takes time, which they do not lose."""
    small_maps = [network("resnet18", input=(3, 16, 16)), network("mobilenet_v2", input=(3, 32, 32))]
    usual = [network(name) for name in ("lenet", "lenet@paper", "vgg11", "resnet18", "densenet121", "googlenet")]
    assert [may_need_float32(each) for each in (*small_maps, *usual)] == [True] * 2 + [False] * 6
