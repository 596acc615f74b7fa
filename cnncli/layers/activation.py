"""Activations: one number in, one number out; shapes and receptive fields stay as they are."""

from __future__ import annotations

from typing import ClassVar, Literal

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Tensor, at_least, axis_of, one_of, only, spec


@spec
class Identity(Layer):
    """The input as it is."""

    kind = "identity"
    folds = True
    keeps: ClassVar[Literal["input", "output", "both", "nothing"]] = "nothing"
    """What autograd computes the slope from; `both` is the input and as much besides."""

    @property
    def aliases(self) -> bool:
        """The output is the input."""
        return True


class _Activation(Identity):
    """An activation with nothing to set."""

    kind = ""

    @property
    def aliases(self) -> bool:
        """The output has its own memory."""
        return False

    def kept(self, call: Call) -> Saved:
        """The tensor from which the slope is computed."""
        if self.keeps == "output":
            return Saved(output=True)
        return Saved(inputs=(0,), per_example=call.x.nbytes if self.keeps == "both" else 0)


@spec
class _InPlace(_Activation):
    """An activation that can overwrite its input."""

    copies: ClassVar[bool] = False
    """In place, autograd first copies the input, from which it needs the slope."""

    inplace: bool = False

    @property
    def aliases(self) -> bool:
        """In place, the output overwrites the input."""
        return self.inplace

    def kept(self, call: Call) -> Saved:
        """The tensor from which the slope is computed; in place, the output or a copy of the input."""
        if not self.inplace:
            return super().kept(call)
        return Saved(per_example=call.x.nbytes) if self.copies else Saved(output=True)


class Sigmoid(_Activation):
    """1/(1 + e⁻ˣ)."""

    kind = "sigmoid"
    keeps = "output"


class Tanh(_Activation):
    """(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)."""

    kind = "tanh"
    keeps = "output"


class LogSigmoid(_Activation):
    """log(1/(1 + e⁻ˣ))."""

    kind = "log-sigmoid"
    keeps = "both"


class ReLU(_InPlace):
    """max(x, 0)."""

    kind = "relu"
    keeps = "output"


class ReLU6(_InPlace):
    """min(max(x, 0), 6)."""

    kind = "relu6"
    keeps = "input"
    copies = True


class SELU(_InPlace):
    """1.0507·(x where positive, else 1.6733·(eˣ − 1))."""

    kind = "selu"
    keeps = "input"


class SiLU(_InPlace):
    """x/(1 + e⁻ˣ)."""

    kind = "silu"
    keeps = "input"
    copies = True


class Mish(_InPlace):
    """x·tanh(log(1 + eˣ))."""

    kind = "mish"
    keeps = "input"
    copies = True


class Hardswish(_InPlace):
    """x·min(max(x + 3, 0), 6)/6."""

    kind = "hardswish"
    keeps = "input"
    copies = True


class Hardsigmoid(_InPlace):
    """min(max(x + 3, 0), 6)/6."""

    kind = "hardsigmoid"
    keeps = "input"
    copies = True


@spec
class LeakyReLU(_InPlace):
    """x where positive, else negative_slope·x."""

    kind = "leaky-relu"
    keeps = "input"

    negative_slope: float = 0.01


@spec
class ELU(_InPlace):
    """x where positive, else alpha·(eˣ − 1)."""

    kind = "elu"
    keeps = "input"

    alpha: float = 1.0


class CELU(ELU):
    """x where positive, else alpha·(e^(x/alpha) − 1)."""

    kind = "celu"

    def __post_init__(self) -> None:
        """Refuse to divide by zero."""
        if self.alpha == 0:
            raise RequestError("alpha 0 would divide by zero; write another number")


@spec
class Hardtanh(_InPlace):
    """x between min_val and max_val, the nearer of them outside."""

    kind = "hardtanh"
    keeps = "input"
    copies = True

    min_val: float = -1.0
    max_val: float = 1.0

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not self.min_val < self.max_val:
            raise RequestError(f"min_val {self.min_val:g} is not below max_val {self.max_val:g}; swap them")


@spec
class GELU(_Activation):
    """x·Φ(x), Φ the normal distribution; approximate `tanh` takes a formula for it."""

    kind = "gelu"
    keeps = "input"

    approximate: str = "none"

    def __post_init__(self) -> None:
        """Refuse approximations torch does not know."""
        one_of("approximate", self.approximate, ("none", "tanh"))


@spec
class Softplus(_Activation):
    """log(1 + e^(beta·x))/beta; x itself where beta·x is above threshold."""

    kind = "softplus"
    keeps = "input"

    beta: float = 1.0
    threshold: float = 20.0


@spec
class Softmax(_Activation):
    """eˣ over the sum of them all along `dim`; dimension 1 is the channels or classes."""

    kind = "softmax"
    keeps = "output"

    dim: int = 1

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input, which must have the dimension."""
        x = only(inputs, self.torch_name)
        axis_of(x, self.dim)
        return (x,)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit sees everything along the dimension."""
        return fields[0].mixing(axis_of(call.x, self.dim))


class LogSoftmax(Softmax):
    """The logarithm of softmax."""

    kind = "log-softmax"


@spec
class PReLU(_Activation):
    """x where positive, else weight·x; one learned weight for all, or one for each channel."""

    kind = "prelu"
    keeps = "input"

    num_parameters: int = 1
    init: float = 0.25

    def __post_init__(self) -> None:
        """Refuse less than one weight."""
        at_least(1, num_parameters=self.num_parameters)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input, which must have a channel for each weight."""
        x = only(inputs, "PReLU")
        channels = x.shape[0] if x.shape else 1
        if self.num_parameters not in (1, channels):
            raise ShapeError(
                f"num_parameters is {self.num_parameters}, the input has {channels} channels",
                fix=f"write 1 or {channels}",
            )
        return (x,)

    @property
    def weights(self) -> dict[str, Shape]:
        """The slopes."""
        return {"weight": (self.num_parameters,)}

    def formulas(self, call: Call) -> tuple[Formula, ...]:  # noqa: ARG002
        """Parameters."""
        return (formula("parameters", "num_parameters", self.params, {"num_parameters": self.num_parameters}),)


@spec
class ScaledTanh(_Activation):
    """amplitude·tanh(slope·x): with LeCun's 1.7159·tanh(2x/3), ±1 maps to ±1 and lies where the curve bends most."""

    kind = "scaled-tanh"
    home = OWN

    amplitude: float = 1.7159
    slope: float = 2 / 3

    @property
    def folded(self) -> str:
        """`tanh`: the line it is folded into has no room for more."""
        return "tanh"

    def kept(self, call: Call) -> Saved:
        """The hyperbolic tangent before it is scaled."""
        return Saved(per_example=call.x.nbytes)


_SPECS = (
    *(Identity, Sigmoid, Tanh, LogSigmoid, ReLU, ReLU6, LeakyReLU, ELU, SELU, CELU, GELU, SiLU, Mish, Hardswish),
    *(Hardsigmoid, Hardtanh, Softplus, Softmax, LogSoftmax, PReLU, ScaledTanh),
)
KINDS: dict[str, type[Layer]] = {spec.kind: spec for spec in _SPECS}
