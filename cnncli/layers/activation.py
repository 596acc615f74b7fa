"""Activations: one number in, one number out; shapes and receptive fields stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cnncli.layers import Call, Layer, Saved


@dataclass(frozen=True, kw_only=True)
class _Activation(Layer):
    """What activations share; autograd keeps the output of some and the input of others."""

    folds = True
    keeps: ClassVar[str]

    def saved(self, call: Call) -> Saved:  # noqa: ARG002
        """The tensor from which the slope is computed."""
        return Saved(output=True) if self.keeps == "output" else Saved(inputs=(0,))


class Sigmoid(_Activation):
    """1/(1 + e⁻ˣ)."""

    kind = "sigmoid"
    keeps = "output"


class Tanh(_Activation):
    """(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)."""

    kind = "tanh"
    keeps = "output"


@dataclass(frozen=True, kw_only=True)
class ReLU(_Activation):
    """max(x, 0)."""

    kind = "relu"
    keeps = "output"

    inplace: bool = False

    @property
    def aliases(self) -> bool:
        """In place, the output overwrites the input."""
        return self.inplace


KINDS = {spec.kind: spec for spec in (Sigmoid, Tanh, ReLU)}
