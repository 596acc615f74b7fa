"""Cases that others get wrong, each with its value worked out."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cnncli.analysis.report import report
from cnncli.layers import Tensor
from cnncli.layers.embedding import Embedding
from cnncli.tracing import record
from tests.tracing.says import macs_by_torch, params_of, told


def test_transposed_convolution_counts_its_input_positions() -> None:
    """16 → 8, 4×4, stride 2, padding 1 on 8×8: every input position meets every weight of its channel."""
    found = told(nn.ConvTranspose2d(16, 8, 4, 2, 1), (16, 8, 8)).report.totals
    assert found.macs == 8 * 8 * 16 * 8 * 4 * 4 == 131_072
    assert found.params == 16 * 8 * 4 * 4 + 8


def test_grouped_transposed_convolution_without_bias() -> None:
    """In 4 groups an input channel meets 8/4 output channels."""
    found = told(nn.ConvTranspose2d(16, 8, 4, 2, 1, groups=4, bias=False), (16, 8, 8)).report.totals
    assert found.macs == 8 * 8 * 16 * 2 * 4 * 4 == 32_768
    assert found.params == 16 * 2 * 4 * 4


def test_same_padding_with_an_even_kernel() -> None:
    """4×4 at stride 1 pads 3 in all and keeps 9×9; 9·9·4 units read 3·4·4 inputs each."""
    found = told(nn.Conv2d(3, 4, 4, padding="same"), (3, 9, 9))
    assert found.report.rows[0].call.y.shape == (4, 9, 9)
    assert found.report.totals.macs == 9 * 9 * 4 * 3 * 4 * 4 == 15_552


class OnParameters(nn.Module):
    """A convolution without a module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3, 3, 3))
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×3×H×W → N×4×H×W"""
        return functional.conv2d(x, self.weight, self.bias, padding=1).relu()


def test_functional_convolution_on_parameters() -> None:
    """9·9·4 units read 3·3·3 inputs; 4·3·3·3 + 4 parameters belong to the row that reads them."""
    found = told(OnParameters(), (3, 9, 9))
    assert [row.name for row in found.report.rows] == ["conv2d", "relu"]
    assert found.rows["conv2d"].macs == 9 * 9 * 4 * 27 == 8_748
    assert found.rows["conv2d"].params == 112
    assert found.recording.unused == ()


class TiedWords(nn.Module):
    """Words in, scores for words out, by one table."""

    def __init__(self, *, bias: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.scores = nn.Linear(16, 50, bias=bias)
        self.scores.weight = self.words.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×L → N×L×50"""
        scores: torch.Tensor = self.scores(self.words(x))
        return scores


def test_tied_weights_count_once() -> None:
    """50·16 numbers, and 50 where the second use has a bias of its own; 12 positions times 16·50 MACs."""
    for bias in (False, True):
        found = report(record(TiedWords(bias=bias), [Tensor((12,), "int64")]).network)
        assert [row.params for row in found.rows] == [800, 50 * bias]
        assert [row.macs for row in found.rows] == [0, 12 * 16 * 50]
        assert isinstance(found.rows[0].layer, Embedding)


def test_a_module_called_twice() -> None:
    """The second call costs as much again and has no parameters; its row says whose it uses."""
    conv = nn.Conv2d(3, 3, 3, padding=1)
    found = told(nn.Sequential(conv, nn.ReLU(), conv), (3, 8, 8))
    first, _, second = found.report.rows
    assert (first.name, second.name) == ("0", "0:2")
    assert [node.shares for node in found.recording.network.nodes] == [None, None, "0"]
    assert (first.params, second.params) == (84, 0)
    assert first.macs == second.macs == 8 * 8 * 3 * 27
    assert found.report.totals.params == params_of(nn.Sequential(conv))


def test_scaled_attention_is_counted_by_pairs() -> None:
    """10 positions of 8 numbers: four projections 4·10·8·8, and for every pair 8 MACs to compare and 8 to weigh."""
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    attention = told(block, (10, 8)).rows["self_attn"]
    assert attention.macs == 4 * 10 * 8 * 8 + 2 * 10 * 10 * 8 == 4_160
    assert attention.params == 4 * (8 * 8 + 8)
    assert told(block, (10, 8)).report.totals.macs == macs_by_torch(block, [(10, 8)], grad=True)
