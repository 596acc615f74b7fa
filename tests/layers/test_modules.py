"""Modules that torch.nn lacks compute what torch computes when the same is written another way."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnncli.layers import Call, Tensor
from cnncli.layers._bitmaps import HEIGHT, WIDTH, bitmaps
from cnncli.layers.attention import MultiheadAttention
from cnncli.layers.conv import Conv1d, Conv2d
from cnncli.layers.dropout import StochasticDepth
from cnncli.layers.merge import Mul
from cnncli.layers.partial_conv import PartialConv2d
from cnncli.layers.rbf import RBF
from cnncli.layers.subsampling import TrainableSubsampling


@pytest.mark.parametrize("bias", [True, False])
def test_attention_is_torchs(*, bias: bool) -> None:
    """Same parameters, same start, same numbers as torch.nn.MultiheadAttention with one tensor three times."""
    torch.manual_seed(0)
    ours = MultiheadAttention(embed_dim=12, num_heads=3, bias=bias).module()
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True)
    assert all(torch.equal(ours.state_dict()[name], value) for name, value in theirs.state_dict().items())
    x = torch.randn(2, 5, 12)
    assert torch.allclose(ours(x), theirs(x, x, x)[0], atol=1e-6)


def test_attention_drops_in_training_alone() -> None:
    """Two passes in train mode differ, two in eval mode do not."""
    module = MultiheadAttention(embed_dim=4, num_heads=2, dropout=0.5).module()
    x = torch.randn(1, 6, 4)
    assert not torch.equal(module(x), module(x))
    assert torch.equal(module.eval()(x), module(x))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_sides_that_differ(mode: str) -> None:
    """Padding by pairs is torch's own padding and then a convolution; the weights have torch's names."""
    module = Conv2d(in_channels=2, out_channels=3, kernel_size=3, padding=((0, 2), (1, 0)), padding_mode=mode).module()
    plain = nn.Conv2d(2, 3, 3)
    plain.load_state_dict(module.state_dict())
    x = torch.randn(1, 2, 5, 5)
    padded = functional.pad(x, (1, 0, 0, 2), "constant" if mode == "zeros" else mode)
    assert torch.equal(module(x), plain(padded))


def test_sides_that_agree_are_plain_padding() -> None:
    """One spec, one spelling."""
    assert Conv1d(out_channels=1, kernel_size=3, padding=((2, 2),)) == Conv1d(out_channels=1, kernel_size=3, padding=2)


def test_a_partial_convolution_is_a_convolution_with_zeros() -> None:
    """Pairs outside the table have no weight and get no gradient; those inside have their own."""
    spec = PartialConv2d(in_channels=3, table=((0,), (1, 2), (2, 0)), kernel_size=2, padding=1)
    module = spec.module()
    full = nn.Conv2d(3, 3, 2, padding=1)
    nn.init.zeros_(full.weight)
    with torch.no_grad():
        for pair, (row, read) in enumerate([(0, 0), (1, 1), (1, 2), (2, 2), (2, 0)]):
            full.weight[row, read] = module.state_dict()["weight"][pair]
        assert full.bias is not None
        full.bias.copy_(module.state_dict()["bias"])
    x = torch.randn(2, 3, 4, 4)
    assert torch.allclose(module(x), full(x))
    module(x).sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.ne(0).any()) for parameter in module.parameters())


def test_c3_of_lenet() -> None:
    """Sixteen maps, sixty pairs: 1,516 parameters, 151,600 connections and 150,000 MACs at 14×14."""
    x = Tensor((6, 14, 14))
    spec = PartialConv2d(kernel_size=5).resolve((x,))
    call = Call((x,), spec.outputs((x,)))
    assert (spec.params, spec.connections(call), spec.macs(call)) == (1_516, 151_600, 150_000)
    assert spec.maps[0] == (0, 1, 2)
    assert spec.maps[15] == (0, 1, 2, 3, 4, 5)


def test_subsampling_starts_as_an_average() -> None:
    """Sum × coefficient + bias; coefficients start at a quarter and biases at 0."""
    module = TrainableSubsampling(in_channels=2).module()
    x = torch.randn(1, 2, 4, 4)
    assert torch.allclose(module(x), functional.avg_pool2d(x, 2))
    with torch.no_grad():
        module.get_parameter("weight").copy_(torch.tensor([1.0, 2.0]))
        module.get_parameter("bias").copy_(torch.tensor([10.0, 20.0]))
    expected = functional.avg_pool2d(x, 2) * torch.tensor([4.0, 8.0])[:, None, None]
    assert torch.allclose(module(x), expected + torch.tensor([10.0, 20.0])[:, None, None])


def test_rbf_is_the_squared_distance() -> None:
    """0 at a digit's own drawing, four times the differing pixels elsewhere."""
    module = RBF(in_features=84).module()
    drawn = torch.tensor(bitmaps(10), dtype=torch.float32)
    distances = module(drawn)
    differing = (drawn[:, None] != drawn[None]).sum(-1)
    assert torch.equal(distances, 4.0 * differing)
    assert distances.argmin(1).tolist() == list(range(10))
    assert torch.equal(RBF(in_features=84, negative=True).module()(drawn), -distances)


def test_bitmaps_are_ten_drawings_and_codes() -> None:
    """84 pixels of −1 and 1 each, all different; digits differ in at least eight pixels, codes too; they never change."""
    found = bitmaps(26)
    assert all(len(pixels) == WIDTH * HEIGHT == 84 and set(pixels) == {-1, 1} for pixels in found)
    apart = min(sum(map(int.__ne__, a, b)) for i, a in enumerate(found) for b in found[:i])
    assert apart >= 8
    assert found[:10] == bitmaps(10)


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_stochastic_depth_keeps_the_mean(mode: str) -> None:
    """Examples are 0 or divided by 1 − p, alike within a batch in batch mode; eval mode does nothing."""
    module = StochasticDepth(p=0.25, mode=mode).module()
    torch.manual_seed(0)
    results = torch.stack([module(torch.ones(8, 3)) for _ in range(500)])
    assert results.unique().tolist() == pytest.approx([0, 4 / 3])
    assert results.mean().item() == pytest.approx(1, abs=0.05)
    assert bool((results == results[:, :, :1]).all())
    assert bool((results == results[:, :1]).all()) == (mode == "batch")
    x = torch.ones(8, 3)
    assert module.eval()(x) is x


def test_gradients_decide_what_a_product_keeps() -> None:
    """A factor is kept for its partner's gradient alone."""
    x, gate = Tensor((4, 3, 3)), Tensor((4, 1, 1))
    kept = Mul().saved(Call((x, gate), (x,), (True, False)))
    assert kept.inputs == (1,)
