"""Calls that a module made, as Python again: the last one as an expression, what is computed for it as statements before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cnncli.formats.python.layout import Argument, Call, positional
from cnncli.formats.python.methods import UnwrittenError, literal, method
from cnncli.layers import Tensor
from cnncli.layers.traced_call import (
    AFTER,
    Alike,
    Batched,
    Computed,
    Flowing,
    Held,
    Layout,
    Operand,
    Place,
    Spelled,
    Stretch,
    Unknown,
    Word,
    computed,
    leaves,
)


class Statement(NamedTuple):
    """`target = value`; a target of "" stands for a statement of its own."""

    target: str
    value: str | Call

    @property
    def start(self) -> str:
        """What stands before the value."""
        return f"{self.target} = " if self.target else ""


class Words(NamedTuple):
    """A row's statements, and the expression that they lead to."""

    before: list[Statement]
    value: str | Call


class Surroundings(NamedTuple):
    """Where a row is written.

    inputs: the variables it reads · tensors: what they hold · outputs: the variables it is kept in · weight: what a parameter is
    called there, by its name in the state dict · free: names for values of its own · many: the variable that holds how many
    examples there are, where no input says it
    """

    inputs: Sequence[str]
    tensors: Sequence[Tensor]
    outputs: Sequence[str]
    weight: Callable[[str], str]
    free: Callable[[int], str]
    many: str | None = None

    @property
    def examples(self) -> str | None:
        """How many examples there are; None where nobody says it."""
        batched = (name for name, tensor in zip(self.inputs, self.tensors, strict=False) if tensor.batch == 0)
        return next((f"{name}.shape[0]" for name in batched), self.many)


def words(call: Spelled, around: Surroundings) -> Words:
    """The call in a forward pass whose values have the batch first; raises `UnwrittenError`."""
    return _Speller(around).row(call)


@dataclass
class _Speller:
    around: Surroundings
    before: list[Statement] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    """Variables of what was computed, by its number."""
    made: dict[int, str] = field(default_factory=dict)
    """Variables of what calls made, by the call's identity: several outputs of one stand in one."""
    left: Counter[int] = field(default_factory=Counter)
    """How often what was computed is still read, by its number."""
    count: int = 0
    held: str = ""
    """A parameter or buffer that the row reads."""

    def row(self, call: Spelled) -> Words:
        """Statements and expression of a row's call."""
        self.held = next((each.name for each in leaves(call) if isinstance(each, Held)), "")
        found = computed(call)
        for reader in (call, *(each.call for each in found)):
            self.left.update(operand.number for operand in reader.operands if isinstance(operand, Computed))
        for each in found:
            self._compute(each)
        alike = _indifferent(call)
        operands = [
            self._laid(operand, layout, alike=alike)
            for operand, layout in zip(call.operands, call.form.operands, strict=True)
        ]
        value = self._value(call, operands)
        if call.form.function == "Tensor.__setitem__":
            self._say("", value)
            value = operands[0]
        results = [] if alike else [place for place, layout in enumerate(call.form.results) if not layout.usual]
        if not results or not self.around.outputs:
            return Words(self.before, value)
        if len(call.form.results) > 1:
            raise UnwrittenError("several outputs with the batch elsewhere")
        self._say(self.around.outputs[0], value)
        return Words(self.before, self._back(self.around.outputs[0], call.form.results[0]))

    def _say(self, target: str, value: str | Call) -> None:
        self.before.append(Statement(target, value))

    def _once(self, call: Spelled, operands: Sequence[str]) -> str:
        """The variable that holds what a call makes."""
        if call.form == AFTER:
            return operands[0]
        value = self._value(call, operands)
        if call.inplace:
            self._say("", value)
            return operands[0]
        return self._variable(value, self._over(call))

    def _over(self, call: Spelled) -> str | None:
        """The variable of an operand that nothing else reads."""
        read = [operand.number for operand in call.operands if isinstance(operand, Computed)]
        self.left.subtract(read)
        waiting = {_variable_of(name) for number, name in self.names.items() if self.left[number] > 0}
        mine = (_variable_of(self.names[number]) for number in read)
        return next((name for name in mine if name.isidentifier() and name not in waiting), None)

    def _variable(self, value: str | Call, name: str | None = None) -> str:
        """The one that holds a value, a new one unless it has a name."""
        if name is None:
            name = self.around.free(self.count)
            self.count += 1
        self._say(name, value)
        return name

    def _compute(self, each: Computed) -> None:
        """A variable for what is computed."""
        operands = [self._operand(operand) for operand in each.call.operands]
        if id(each.call) not in self.made:
            self.made[id(each.call)] = self._once(each.call, operands)
        name = self.made[id(each.call)]
        self.names[each.number] = name if each.index is None else f"{name}[{each.index}]"

    def _operand(self, operand: Operand) -> str:
        if isinstance(operand, Unknown):
            raise UnwrittenError(operand.why)
        if isinstance(operand, Computed):
            return self.names[operand.number]
        if isinstance(operand, Held):
            return self.around.weight(operand.name)
        if isinstance(operand, Alike):
            fitting = (
                n for n, t in zip(self.around.inputs, self.around.tensors, strict=True) if t.dtype == operand.dtype
            )
            name = next(fitting, None)
            if name is None:
                raise UnwrittenError(f"a tensor that is new, {operand.dtype} as none that it reads")
            return name
        return self.around.inputs[operand.at]

    def _laid(self, operand: Operand, layout: Layout, *, alike: bool) -> str:
        """An operand as it lay in the module."""
        name = self._operand(operand)
        if not isinstance(operand, Flowing) or alike or layout.usual:
            return name
        axis = layout.batch if layout.folded is None else layout.folded
        moved = f"{name}.movedim(0, {axis})" if axis else name
        folded = "" if layout.folded is None else f".flatten({axis}, {(axis or 0) + 1})"
        return self._variable(f"{moved}{folded}")

    def _back(self, name: str, layout: Layout) -> str:
        """An output with the batch first."""
        axis = layout.batch if layout.folded is None else layout.folded
        folded = "" if layout.folded is None else f".unflatten({axis}, (-1, {layout.times}))"
        return f"{name}{folded}" + (f".movedim({axis}, 0)" if axis else "")

    def _value(self, call: Spelled, operands: Sequence[str]) -> str | Call:
        """The call itself."""
        home, _, name = call.form.function.rpartition(".")
        args = [self._plain(each, operands) for each in call.form.args]
        named = tuple(Argument(self._plain(value, operands), f"{key}=") for key, value in call.form.named)
        if home != "Tensor":
            return Call(call.form.function, (*positional(args), *named))
        if not isinstance(call.form.args[0], Place):
            raise UnwrittenError(f"{name} of something that is no tensor")
        return method(name, [str(args[0]), *args[1:]], named)

    def _plain(self, value: object, operands: Sequence[str]) -> str | Call:
        """An argument."""
        if isinstance(value, Place):
            return operands[value.at]
        if isinstance(value, Batched):
            return self._examples(value.times)
        if isinstance(value, Word):
            return f"{self._any()}.device" if value.text == "device" else value.text
        if isinstance(value, Stretch):
            return f"slice({', '.join(str(self._plain(each, operands)) for each in value)})"
        if isinstance(value, tuple | list):
            brackets = "[]" if isinstance(value, list) else "()"
            return Call("", positional([self._plain(each, operands) for each in value]), brackets)
        return literal(value)

    def _any(self) -> str:
        """A tensor on the device that all are on."""
        if self.around.inputs:
            return self.around.inputs[0]
        if not self.held:
            raise UnwrittenError("a device, where nothing flows in")
        return self.around.weight(self.held)

    def _examples(self, times: int) -> str:
        examples = self.around.examples
        if examples is None:
            raise UnwrittenError("the number of examples, where nothing flows in")
        return examples if times == 1 else f"{times} * {examples}"


def _variable_of(expression: str) -> str:
    """What `value[0]` is a part of."""
    return expression.partition("[")[0]


def _indifferent(call: Spelled) -> bool:
    """Whether the call does the same wherever the batch lies: element by element on one tensor that flows, or matrix by matrix."""
    if call.form.function in _PRODUCTS and len(call.operands) == 2:
        front = Layout(None, 0)
        return all(layout._replace(times=1) == front for layout in (*call.form.operands, *call.form.results))
    plain = all(
        type(each) in (Place, int, float, bool, type(None))
        for each in (*call.form.args, *(v for _, v in call.form.named))
    )
    return plain and call.form.function.rpartition(".")[2].strip("_") in _ELEMENTWISE and len(call.operands) == 1


_PRODUCTS = {"torch.matmul", "Tensor.matmul", "Tensor.__matmul__"}
_ELEMENTWISE = {
    *(
        "add",
        "sub",
        "rsub",
        "mul",
        "div",
        "truediv",
        "neg",
        "pow",
        "exp",
        "log",
        "sqrt",
        "rsqrt",
        "square",
        "abs",
        "sin",
        "cos",
    ),
    *(
        "clamp",
        "clip",
        "clamp_min",
        "clamp_max",
        "relu",
        "sigmoid",
        "tanh",
        "clone",
        "reciprocal",
        "erf",
        "floor",
        "round",
    ),
}
