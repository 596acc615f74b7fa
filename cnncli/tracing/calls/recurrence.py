"""RNN, GRU and LSTM, whole sequences and single steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from cnncli.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from cnncli.tracing.said import Reader, Said, Says

KINDS: dict[str, tuple[type[RNN | GRU | LSTM], dict[str, Any]]] = {
    "lstm": (LSTM, {}),
    "gru": (GRU, {}),
    "rnn_tanh": (RNN, {}),
    "rnn_relu": (RNN, {"nonlinearity": "relu"}),
}
CELLS: dict[str, type[RNNCell | GRUCell | LSTMCell]] = {
    "lstm_cell": LSTMCell,
    "gru_cell": GRUCell,
    "rnn_tanh_cell": RNNCell,
    "rnn_relu_cell": RNNCell,
}


def _sequence(name: str) -> Says:
    def sequence(
        reader: Reader,
        input: torch.Tensor,
        hx: Any,
        params: Any,
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool = False,
    ) -> Said | None:
        if isinstance(params, bool):  # a packed sequence: lengths differ from example to example
            return None
        kind, more = KINDS[name]
        rows, width = params[0].shape
        hidden = rows // kind.gates
        given = params[1].shape[1]
        layer = kind(
            input_size=width,
            hidden_size=hidden,
            num_layers=num_layers,
            bias=has_biases,
            dropout=dropout,
            bidirectional=bidirectional,
            proj_size=given if given != hidden else 0,
            **more,
        )
        states = hx if isinstance(hx, tuple | list) else (hx,)
        return Said(layer, (input, *_mattering(reader, states)), dict(zip(layer.weights, params, strict=True)))

    return sequence


def _cell(name: str) -> Says:
    def cell(
        reader: Reader,
        input: torch.Tensor,
        hx: Any,
        w_ih: torch.Tensor,
        w_hh: torch.Tensor,
        b_ih: torch.Tensor | None = None,
        b_hh: torch.Tensor | None = None,
    ) -> Said:
        kind = CELLS[name]
        layer = kind(input_size=w_ih.shape[1], hidden_size=w_hh.shape[1], bias=b_ih is not None)
        states = hx if isinstance(hx, tuple | list) else (hx,)
        given = [each for each in (w_ih, w_hh, b_ih, b_hh) if each is not None]
        return Said(layer, (input, *_mattering(reader, states)), dict(zip(layer.weights, given, strict=True)))

    return cell


def _mattering(reader: Reader, states: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """States that are not just zeros."""
    return [state for state in states if not reader.constant(state) or reader.learned(state)]


CALLS = {**{name: _sequence(name) for name in KINDS}, **{name: _cell(name) for name in CELLS}}
