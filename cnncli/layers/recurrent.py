"""Recurrent layers: the same weights at every step of a sequence, as torch.nn.RNN, GRU and LSTM."""

from __future__ import annotations

from typing import ClassVar

from cnncli.arithmetic.formula import Formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import ShapeError
from cnncli.layers import OWN, Call, Shape, Tensor, at_least, dims, spec
from cnncli.layers.traced import Measured, everything


@spec
class Recurrent(Measured):
    """L×input_size → L×hidden_size (twice as wide in two directions), and the last state of every layer and direction.

    Further inputs are the states to start from.
    """

    home = OWN
    gates: ClassVar[int]
    states: ClassVar[int] = 1
    """How many states a step hands on."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes below one."""
        at_least(1, input_size=self.input_size, hidden_size=self.hidden_size, num_layers=self.num_layers)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _handed(self) -> int:
        """Numbers that one direction hands on."""
        return self.proj_size or self.hidden_size

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The sequence of states, then the last states."""
        if not inputs or len(inputs[0].shape) < 2 or inputs[0].shape[-1] != self.input_size:
            given = dims(inputs[0].shape) if inputs else "nothing"
            raise ShapeError(f"{self.torch_name} takes steps of {self.input_size:,} numbers, the input is {given}")
        x = inputs[0]
        front = (self.num_layers * self._directions, *x.shape[:-2])
        last = [x.like((*front, size)) for size in (self._handed, self.hidden_size)[: self.states]]
        return (x.like((*x.shape[:-1], self._directions * self._handed)), *last)

    @property
    def weights(self) -> dict[str, Shape]:
        """For each layer and direction: gates×input, gates×state, and two biases (and a projection of the state)."""
        found: dict[str, Shape] = {}
        rows = self.gates * self.hidden_size
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else self._directions * self._handed
            for end in ("", "_reverse")[: self._directions]:
                found[f"weight_ih_l{layer}{end}"] = (rows, width)
                found[f"weight_hh_l{layer}{end}"] = (rows, self._handed)
                if self.bias:
                    found |= {f"bias_{way}_l{layer}{end}": (rows,) for way in ("ih", "hh")}
                if self.proj_size:
                    found[f"weight_hr_l{layer}{end}"] = (self.proj_size, self.hidden_size)
        return found

    def macs(self, call: Call) -> int:
        """Steps × the elements of all matrices; gates are multiplied element by element and cost none."""
        return self._steps(call) * sum(shape[0] * shape[1] for shape in self.weights.values() if len(shape) == 2)

    def connections(self, call: Call) -> int:
        """Steps × the elements of all matrices and biases."""
        return self._steps(call) * self.params

    def _steps(self, call: Call) -> int:
        return call.x.numel // call.x.shape[-1]

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """In two directions every step sees all steps; in one, all before it, which is not followed here."""
        if fields and self.bidirectional:
            return fields[0].mixing(-2).mixing(-1)
        return everything(fields[:1], len(fields[0].places)) if fields else None

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Parameters, and with an input MACs and connections."""
        matrices = [shape for shape in self.weights.values() if len(shape) == 2]
        weights = " + ".join(f"{rows:,}·{columns:,}" for rows, columns in matrices)
        biases = sum(shape[0] for shape in self.weights.values() if len(shape) == 1)
        both = f"{weights} + {biases:,}" if biases else weights
        parameters = Formula("parameters", "Σ rows·columns + biases", both, self.params, "of every layer and direction")
        if not call.inputs:
            return (parameters,)
        steps = self._steps(call)
        return (
            parameters,
            Formula("MACs", "steps · Σ rows·columns", f"{steps:,} · ({weights})", self.macs(call)),
            Formula("connections", "steps · parameters", f"{steps:,} · ({both})", self.connections(call)),
        )

    @property
    def brief(self) -> str:
        """`lstm 128→256 ×2`."""
        words = f"{self.torch_name.lower()} {self.input_size}→{self.hidden_size}"
        words += f" ×{self.num_layers}" if self.num_layers > 1 else ""
        return f"{words} both ways" if self.bidirectional else words


@spec
class RNN(Recurrent):
    """One gate: the state is tanh or ReLU of W·x + U·h + biases."""

    gates = 1

    nonlinearity: str = "tanh"


class GRU(Recurrent):
    """Three gates. Cho et al., 2014."""

    gates = 3


class LSTM(Recurrent):
    """Four gates, and a second state, the cell's. Hochreiter & Schmidhuber, 1997."""

    gates = 4
    states = 2


@spec
class Cell(Measured):
    """One step: input_size → hidden_size, further inputs the states to start from."""

    home = OWN
    gates: ClassVar[int]
    states: ClassVar[int] = 1

    input_size: int
    hidden_size: int
    bias: bool = True

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The new states."""
        if not inputs or not inputs[0].shape or inputs[0].shape[-1] != self.input_size:
            given = dims(inputs[0].shape) if inputs else "nothing"
            raise ShapeError(f"{self.torch_name} takes {self.input_size:,} numbers, the input is {given}")
        return (inputs[0].like((*inputs[0].shape[:-1], self.hidden_size)),) * self.states

    @property
    def weights(self) -> dict[str, Shape]:
        """Gates×input, gates×state, and two biases."""
        rows = self.gates * self.hidden_size
        matrices: dict[str, Shape] = {"weight_ih": (rows, self.input_size), "weight_hh": (rows, self.hidden_size)}
        return matrices | {"bias_ih": (rows,), "bias_hh": (rows,)} if self.bias else matrices

    def macs(self, call: Call) -> int:
        """The elements of both matrices."""
        return call.x.numel // self.input_size * self.gates * self.hidden_size * (self.input_size + self.hidden_size)

    def connections(self, call: Call) -> int:
        """The elements of both matrices and biases."""
        return call.x.numel // self.input_size * self.params

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Known only where all inputs' units see everything."""
        return everything(fields, len(call.y.shape))

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """Parameters, and with an input MACs and connections."""
        rows = self.gates * self.hidden_size
        weights = f"{rows:,}·({self.input_size:,} + {self.hidden_size:,})"
        both = f"{weights} + {2 * rows:,}" if self.bias else weights
        parameters = Formula("parameters", "rows·(inputs + states) + biases", both, self.params)
        if not call.inputs:
            return (parameters,)
        steps = call.x.numel // self.input_size
        return (
            parameters,
            Formula("MACs", "rows·(inputs + states)", f"{steps:,} · {weights}", self.macs(call)),
            Formula("connections", "parameters", f"{steps:,} · ({both})", self.connections(call)),
        )

    @property
    def brief(self) -> str:
        """`lstmcell 128→256`."""
        return f"{self.torch_name.lower()} {self.input_size}→{self.hidden_size}"


class RNNCell(Cell):
    """One gate."""

    gates = 1


class GRUCell(Cell):
    """Three gates."""

    gates = 3


class LSTMCell(Cell):
    """Four gates and a second state."""

    gates = 4
    states = 2
