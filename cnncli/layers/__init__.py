"""Layer specs: frozen, torch-free descriptions from which every figure is derived.

A family of layers is a file in this folder; it declares `KINDS`, a dict from the kind's name on the command line
(`conv`, `max-pool`) to its spec. A spec has PyTorch's own argument names and knows, from input shapes alone, its outputs,
weights, MACs, connections, receptive field, what autograd saves for it, and the formula behind each; and how to build its
`torch.nn` module (torch is imported inside that method alone).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields, replace
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar, dataclass_transform

from cnncli.arithmetic.receptive_field import Field, union
from cnncli.errors import RequestError, ShapeError, UnknownName
from cnncli.registry import entries, find

if TYPE_CHECKING:
    from torch import nn

    from cnncli.arithmetic.formula import Formula

ITEM_BYTES = {
    **dict.fromkeys(("complex128",), 16),
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32", "complex32", "qint32"), 4),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool", "qint8", "quint8"), 1),
    **dict.fromkeys(("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"), 1),
}
_IN_A_BYTE = {**dict.fromkeys(("uint4", "int4", "float4_e2m1fn"), 2), **dict.fromkeys(("uint2", "int2"), 4)}
"""Numbers that share a byte, in files of other programs."""

T = TypeVar("T")

Shape = tuple[int, ...]
Sizes = tuple[int | None, ...]
"""Output sizes, None where an axis keeps its own."""
Pairs = tuple[tuple[int, int], ...]
"""Padding before and after, for each axis."""
Table = tuple[tuple[int, ...], ...]
"""For each output map, the input maps it reads."""

TEXT = "string"
"""The dtype of tensors of text, whose size in bytes nobody knows."""
OWN = "cnncli.build.modules"
"""Where the modules stand that torch.nn does not have."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """What flows between layers.

    shape: of one example, the batch axis left out (C×H×W for an image) · dtype: torch's name without `torch.` ·
    batch: where the batch axis stands in the whole tensor; None where no axis is the batch, and `shape` is complete
    """

    shape: Shape
    dtype: str = "float32"
    batch: int | None = 0

    @property
    def numel(self) -> int:
        """Elements of one example."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of one example; 0 of text, whose length is not known."""
        if self.dtype in _IN_A_BYTE:
            return -(-prod(self.shape) // _IN_A_BYTE[self.dtype])
        return prod(self.shape) * (0 if self.dtype == TEXT else ITEM_BYTES[self.dtype])

    def like(self, shape: Shape) -> Tensor:
        """A tensor of another shape, of the same dtype and batch axis."""
        return Tensor(shape, self.dtype, self.batch)


class Call(NamedTuple):
    """One use of a layer in a network: what goes in and comes out, and what training needs gradients for.

    grads: for each input, whether a gradient flows back into it · frozen: the layer's weights are not trained
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    grads: tuple[bool, ...] = ()
    frozen: bool = False

    @property
    def x(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def y(self) -> Tensor:
        """The first output."""
        return self.outputs[0]


class Saved(NamedTuple):
    """What autograd keeps of one call for the backward pass (train mode, float32, CPU), besides weights.

    inputs: indices of the inputs kept · output: whether the output is kept · per_example, constant: bytes of tensors that are
    neither (a mask, pooling indices; batch statistics), for each example and once
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    per_example: int = 0
    constant: int = 0


@dataclass_transform(kw_only_default=True, frozen_default=True)
def spec(kind: type[T]) -> type[T]:
    """Make a frozen, keyword-only dataclass of a subclass of `Layer`.

    `Layer` has `__eq__`, `__hash__`, `__repr__` and `__setattr__` once for all kinds: making a class then takes 0.2 ms instead of
    0.8, and a command makes dozens before it prints anything.
    """
    return dataclass(kw_only=True, eq=False, repr=False, match_args=False)(kind)


@spec
class Layer:
    """A layer's spec. Subclasses add PyTorch's arguments as fields and override what their layer does differently."""

    kind: ClassVar[str] = ""
    """Its name on the command line."""
    folds: ClassVar[bool] = False
    """A table may show it in the row before (activation, dropout, flatten)."""
    idles: ClassVar[bool] = False
    """It has parameters that nothing reads."""
    home: ClassVar[str] = "torch.nn"
    """The Python module that holds the class it builds: torch's, or `OWN`."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__:
            raise FrozenInstanceError(
                f"{type(self).__name__}.{name} cannot be changed; with_arguments makes another spec"
            )
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Layer) and type(self) is type(other) and self.config == other.config)

    def __hash__(self) -> int:
        return hash((type(self), *self.config.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.config.items())})"

    def __post_init__(self) -> None:
        """Subclasses check their arguments here, and write them in one form."""

    @property
    def aliases(self) -> bool:
        """The output lives in the first input's memory: a view of it, or computed in place."""
        return False

    @property
    def idle(self) -> bool:
        """In eval mode the layer hands its input on as it is (dropout): its output needs no memory of its own there."""
        return self.aliases

    @property
    def torch_name(self) -> str:
        """The name of the `torch.nn` class, or of our own module."""
        return type(self).__name__

    @property
    def config(self) -> dict[str, Any]:
        """The arguments, by PyTorch's names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def with_arguments(self, **arguments: object) -> Self:
        """The same spec with some arguments replaced."""
        return replace(self, **arguments)

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:  # noqa: ARG002  (most layers take any input as they are)
        """The spec with what it leaves open read from its inputs; raises `ShapeError` where they disagree."""
        return self

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the resolved layer makes of its inputs; raises `ShapeError` where it cannot take them."""
        return (only(inputs, self.torch_name),)

    @property
    def weights(self) -> dict[str, Shape]:
        """Learnable tensors of the resolved layer, name to shape; its parameters are their elements."""
        return {}

    @property
    def buffers(self) -> dict[str, Shape]:
        """Tensors that are stored but not learned (batch-norm statistics)."""
        return {}

    @property
    def params(self) -> int:
        """Learnable numbers."""
        return sum(prod(shape) for shape in self.weights.values())

    @property
    def untrained(self) -> int:
        """Learnable numbers that are held fixed while the others are trained."""
        return 0

    def macs(self, call: Call) -> int | None:  # noqa: ARG002
        """Multiply-accumulates per example; None where unknown."""
        return 0

    def connections(self, call: Call) -> int | None:  # noqa: ARG002
        """LeCun's count per example: (fan-in + 1 with a bias) × output units; None where unknown."""
        return 0

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """The receptive field of an output unit, from those of the inputs, which are broadcast to each other."""
        ends = {None if each.batch is None else each.batch - len(each.shape) for each in call.inputs}
        if len(ends) == 1 or call.y.batch is None or len(fields) != len(call.inputs):
            return union(fields)
        pairs = zip(fields, call.inputs, strict=True)  # axes meet from the last on, the batch among them
        found = union([each if tensor.batch is None else each.inserted(tensor.batch) for each, tensor in pairs])
        return found and found.dropped(call.y.batch)

    def fields(self, fields: tuple[Field, ...], call: Call) -> tuple[Field | None, ...]:
        """The receptive field of each output's units."""
        return (self.field(fields, call),) * len(call.outputs)

    def saved(self, call: Call) -> Saved:
        """What autograd keeps of this call: nothing where no gradient is asked for."""
        asked = any(call.grads) or (not call.frozen and bool(self.weights))
        return self.kept(call) if asked else Saved()

    def kept(self, call: Call) -> Saved:  # noqa: ARG002
        """What autograd keeps of a call that takes part in the backward pass."""
        return Saved()

    def formulas(self, call: Call) -> tuple[Formula, ...]:  # noqa: ARG002
        """The formulas behind the figures above."""
        return ()

    @property
    def brief(self) -> str:
        """A few words for a table's row: `5×5 p2`, `relu`."""
        return self.kind

    @property
    def folded(self) -> str:
        """The words it adds to the row before when it is folded into it."""
        return self.brief

    @property
    def sentence(self) -> str:
        """One line for a heading: `conv 6 → 16, kernel 5×5, stride 1, padding 0`."""
        return f"{self.kind} {self.brief}".strip() if self.brief != self.kind else self.kind

    def module(self) -> nn.Module:
        """The `torch.nn` module (or our own) that the resolved spec describes; imports torch."""
        module: nn.Module = getattr(import_module(self.home), self.torch_name)(**self.config)
        return module


def layer_kind(kind: str) -> type[Layer]:
    """The spec called `kind` on the command line; raises `UnknownName`."""
    found: type[Layer] = find("cnncli.layers", "KINDS", kind, "layer kind")
    return found


def layer_kinds() -> dict[str, type[Layer]]:
    """All specs by their name on the command line."""
    return entries("cnncli.layers", "KINDS")


def make(kind: type[Layer], arguments: Mapping[str, object], *, where: str = "") -> Layer:
    """The spec of `kind` with arguments from outside (a command line, a file), names and types checked.

    Raises `UnknownName` and `RequestError`; `where` stands before the message.
    """
    known = {field.name: field for field in fields(kind)}
    for name, value in arguments.items():
        if name not in known:
            raise UnknownName("argument", name, known, where=where)
        if not _takes(str(known[name].type), value):
            raise RequestError(f"{where}{name} takes {_wanted(str(known[name].type))}, not {_instead(name, value)}")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in arguments]
    if missing:
        raise RequestError(f"{where}{kind.kind} needs {missing[0]}; write {missing[0]}=…")
    try:
        return kind(**arguments)
    except RequestError as error:
        raise type(error)(f"{where}{error}") from error


def _table(value: Any) -> bool:  # noqa: ANN401  (whatever came from outside)
    return isinstance(value, tuple) and bool(value) and all(_shape(row) for row in value)


def _pairs(value: Any) -> bool:  # noqa: ANN401
    return _table(value) and all(len(row) == 2 for row in value)


def _without_none(value: Any) -> Any:  # noqa: ANN401
    return tuple(0 if item is None else item for item in value) if isinstance(value, tuple) else value


def _shape(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, tuple) and bool(value) and all(type(item) is int for item in value)


_TAKES: dict[str, Callable[[object], bool]] = {
    "int": lambda value: type(value) is int,
    "float": lambda value: type(value) in (int, float),
    "bool": lambda value: type(value) is bool,
    "str": lambda value: type(value) is str,
    "None": lambda value: value is None,
    "Shape": _shape,
    "Sizes": lambda value: _shape(_without_none(value)),
    "Pairs": _pairs,
    "Table": _table,
}
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a word",
    "Shape": "one number an axis (3x5)",
    "Sizes": "one number an axis (3x5)",
    "Pairs": "a pair of numbers an axis",
    "Table": "a list of numbers a map",
}


def _takes(annotation: str, value: object) -> bool:
    return any(_TAKES[part](value) for part in annotation.split(" | "))


def _wanted(annotation: str) -> str:
    return " or ".join(_WORDS[part] for part in annotation.split(" | ") if part in _WORDS)


def _instead(name: str, value: object) -> str:
    """A wrong value as one writes it, with what was surely meant by a shape in the place of a number of channels or features."""
    if not _shape(value):
        return repr(value)
    assert isinstance(value, tuple)  # noqa: S101  (a shape is one)
    shown = "x".join(map(str, value))
    if name == "in_features":
        return f"{shown}; write {prod(value)}, their product"
    if name == "in_channels" and len(value) == 3:
        return f"{shown}; write {value[0]}, and the input's shape as --input {shown}"
    return f"{shown}; write one number"


def per_axis(value: int | Shape, axes: int, name: str, least: int) -> Shape:
    """`value` for each of `axes` axes; raises `RequestError` for a wrong number of values or one below `least`."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(values) != axes:
        raise RequestError(f"{name} {dims(values)} has {len(values)} values; write one, or {axes}")
    if min(values) < least:
        raise RequestError(f"{name} {dims(values)} is too small; the least is {least}")
    return values


def agree(name: str, given: int | None, found: int) -> int:
    """`found`, read from the input; raises `ShapeError` where `given` says otherwise."""
    if given is not None and given != found:
        raise ShapeError(f"{name} is {given:,}, the input has {found:,}", fix=f"write {name} {given} → {found}")
    return found


def at_least(least: int, **values: int | None) -> None:
    """Raise `RequestError` for the first of `values` below `least`; None is left open and passes."""
    for name, value in values.items():
        if value is not None and value < least:
            raise RequestError(f"{name} {value} is too small; the least is {least}")


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise `RequestError` where `value` is none of `choices`."""
    if value not in choices:
        raise RequestError(f"{name} {value!r} is not known; write {', '.join(choices[:-1])} or {choices[-1]}")


def only(inputs: tuple[Tensor, ...], what: str) -> Tensor:
    """The only input, none of its axes empty; raises `ShapeError`."""
    if len(inputs) != 1:
        raise ShapeError(f"{what} takes one input, got {len(inputs)}")
    if 0 in inputs[0].shape:
        raise ShapeError(f"{what} cannot take {dims(inputs[0].shape)}, which holds nothing")
    return inputs[0]


def ranked(inputs: tuple[Tensor, ...], rank: int, what: str) -> Tensor:
    """The only input, which must have `rank` axes besides the batch; raises `ShapeError`."""
    x = only(inputs, what)
    if len(x.shape) != rank:
        wanted = {1: "a vector", 2: "C×L", 3: "C×H×W", 4: "C×D×H×W"}[rank]
        raise ShapeError(f"{what} takes {wanted}, the input is {dims(x.shape) or 'a single number'}")
    return x


def axis_of(tensor: Tensor, dim: int) -> int:
    """Where PyTorch's dimension `dim`, which counts the batch, stands in `tensor.shape`; raises `ShapeError`."""
    rank = len(tensor.shape) + (tensor.batch is not None)
    if not -rank <= dim < rank:
        raise ShapeError(f"dimension {dim} is not there; the input {dims(tensor.shape)} and its batch have {rank}")
    place = dim % rank
    if place == tensor.batch:
        raise ShapeError(f"dimension {dim} is the batch; examples stay apart")
    return place if tensor.batch is None or place < tensor.batch else place - 1


def dims(shape: Shape) -> str:
    """A shape as one reads it: 6×28×28."""
    return "×".join(map(str, shape))


def times(values: Shape) -> str:
    """One number where all are equal, else 3×5."""
    return str(values[0]) if len(set(values)) == 1 else dims(values)
