"""RNN, GRU and LSTM: rows with honest parameters and MACs, sequences and single steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.tracing.says import macs_by_torch, params_of, told

SEQUENCES = {
    "rnn": lambda: nn.RNN(6, 4, batch_first=True),
    "rnn, relu": lambda: nn.RNN(6, 4, nonlinearity="relu", batch_first=True),
    "gru": lambda: nn.GRU(6, 4, num_layers=2, batch_first=True),
    "gru, no bias": lambda: nn.GRU(6, 4, bias=False, batch_first=True),
    "lstm": lambda: nn.LSTM(6, 4, batch_first=True),
    "lstm, both ways": lambda: nn.LSTM(6, 4, num_layers=2, bidirectional=True, batch_first=True),
    "lstm, projected": lambda: nn.LSTM(6, 4, num_layers=2, proj_size=3, batch_first=True),
}


@pytest.mark.parametrize("kind", SEQUENCES)
def test_sequences(kind: str) -> None:
    """One row, all parameters, MACs as torch's flop counter has them where it takes the layer apart (meta device)."""
    module = SEQUENCES[kind]()
    found = told(module, (5, 6))
    (row,) = found.report.rows
    assert row.params == params_of(module)
    assert row.macs == macs_by_torch(module, [(5, 6)])
    assert found.recording.unused == ()


def test_an_lstm_by_hand() -> None:
    """Four gates of 4, 6 inputs, two biases: 16·6 + 16·4 + 2·16 parameters; 5 steps of 16·(6 + 4) MACs."""
    (row,) = told(nn.LSTM(6, 4, batch_first=True), (5, 6)).report.rows
    assert row.params == 192
    assert row.macs == 800
    assert row.connections == 5 * 192
    assert [tensor.shape for tensor in row.call.outputs] == [(5, 4), (1, 4), (1, 4)]


class Steps(nn.Module):
    """Three steps of one cell, then one of another."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LSTMCell(6, 4), nn.GRUCell(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×6 → N×4"""
        state = None
        for _ in range(3):
            state = self.first(x, state)
        assert state is not None
        result: torch.Tensor = self.second(state[0])
        return result


def test_cells_share_their_weights_from_step_to_step() -> None:
    """One row a step; 16·(6 + 4) MACs each for the LSTM's, 12·(4 + 4) for the GRU's."""
    found = told(Steps(), (6,))
    assert [row.name for row in found.report.rows] == ["first", "first:2", "first:3", "second"]
    assert [row.macs for row in found.report.rows] == [160, 160, 160, 96]
    assert found.report.totals.params == params_of(Steps())
    assert found.recording.network.nodes[1].inputs == ("input", "first", "first:1")


def test_a_third_output_is_no_second_call() -> None:
    """`lstm:2` is the cell state of the first call, so that the second call goes by another number."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 6, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y, state = self.lstm(x)
            result: torch.Tensor = self.lstm(y, state)[0]
            return result

    found = told(Twice(), (5, 6))
    assert [node.name for node in found.recording.network.nodes] == ["lstm", "lstm:3"]
    assert found.recording.network.nodes[1].inputs == ("lstm", "lstm:1", "lstm:2")
    assert found.report.totals.params == params_of(Twice())
