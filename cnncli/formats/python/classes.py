"""Parts of a network as classes: what `__init__` registers and what `forward` does, shapes in comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword

from cnncli.analysis.report import Row
from cnncli.errors import RequestError
from cnncli.formats.python import held
from cnncli.formats.python.chains import is_numbered
from cnncli.formats.python.expressions import applied, constructor, literal, shapes
from cnncli.formats.python.layout import WIDTH, Argument, Call, positional, statement
from cnncli.formats.python.recorded import EXAMPLES, Recorded
from cnncli.formats.python.spelling import Surroundings, Words
from cnncli.formats.python.variables import Free, Line, argument_names, lines
from cnncli.layers import Tensor
from cnncli.layers.merge import Add
from cnncli.network import Network, Node, source
from cnncli.network.blocks import Part
from cnncli.network.definitions import Definition, Definitions


@dataclass(frozen=True)
class _Scope:
    """The class that is being written: the part it is written after, and its definition if it has one."""

    part: Part
    definition: Definition | None = None

    def parameter(self, node: str, argument: str) -> str | None:
        """The constructor's parameter that stands for an argument of a layer."""
        if self.definition is None:
            return None
        return self.definition.names.get((self.part.relative(node), argument))


@dataclass
class Writer:
    """Writes classes, and remembers which classes of ours and which modules of torch they need."""

    network: Network
    rows: Mapping[str, Row]
    definitions: Definitions
    recorded: Recorded
    used: set[str] = field(default_factory=set)

    def tensor(self, value: str) -> Tensor:
        """The tensor behind a name."""
        if value in self.network.inputs:
            return self.network.inputs[value]
        maker, place = source(value, self.rows) or (value, 0)
        return self.rows[maker].call.outputs[place]

    def class_of(self, definition: Definition) -> list[str]:
        """The class that a definition stands for."""
        return self._class(definition.name, _about(definition), _Scope(definition.first, definition))

    def network_class(self, name: str, about: str, whole: Part) -> list[str]:
        """The network's own class."""
        return self._class(name, about, _Scope(whole))

    def _class(self, name: str, about: str, scope: _Scope) -> list[str]:
        parameters = [each.name for each in scope.definition.parameters] if scope.definition else []
        chain = self.recorded.is_chain(scope.part) and is_numbered(scope.part)
        found = [f"class {name}(nn.{'Sequential' if chain else 'Module'}):", f'    """{about}"""', ""]
        found += _signature("__init__", ["self", *parameters])
        if chain:
            items = tuple(self._chained(item, scope) for item in scope.part.items)
            return [
                *found,
                *statement("", Call("super().__init__", items)),
                *self._freezing(scope),
                *self._loading(scope),
            ]
        found += [
            "        super().__init__()",
            *self._registered(scope),
            *self._freezing(scope),
            *self._loading(scope),
            "",
        ]
        return [*found, *self._forward(scope)]

    def _registered(self, scope: _Scope) -> Iterator[str]:
        """A line for each module that the class holds."""
        tree: dict[str, object] = {}
        for item in scope.part.items:
            if isinstance(item, Part) or (
                item.shares is None and self.recorded.has_module(item) and not self._is_written_out(item, scope)
            ):
                name = scope.part.relative(item.path if isinstance(item, Part) else item.name)
                *path, last = name.split(".")
                home = tree
                for part in path:
                    home = home.setdefault(part, {})  # type: ignore[assignment]
                home[last] = self._made(item, scope)
        late = dict(self._bare(scope.part, tree))
        for name, made in tree.items():
            value = self._contained(made)
            if is_attribute(name):
                yield from statement(f"self.{name} = ", value)
            else:
                yield from statement("", Call("self.add_module", (Argument(f'"{name}"'), Argument(value))))
        for name, weight in late.items():
            yield from statement(f"{path_of(name)} = ", held.made(weight))

    def _bare(self, part: Part, tree: dict[str, object]) -> Iterator[tuple[str, held.Weight]]:
        """Add the weights that the part's own class holds; those that belong to a module come back."""
        for name, weight in self.recorded.held_in(part).items():
            *path, last = part.relative(name).split(".")
            home: object = tree
            for each in path:
                home = home.setdefault(each, {}) if isinstance(home, dict) else home
            if isinstance(home, dict):
                home[last] = held.made(weight)
            else:
                yield part.relative(name), weight

    def _contained(self, made: object) -> Call:
        """A module, or a container of those that have a longer name in common."""
        if isinstance(made, Call):
            return made
        assert isinstance(made, dict)  # noqa: S101  (what _registered builds)
        self.used.add("Container")
        held = tuple(Argument(self._contained(each), f'"{name}": ') for name, each in made.items())
        return Call("Container", (Argument(Call("", held, "{}")),))

    def _made(self, item: Node | Part, scope: _Scope) -> Call:
        """The expression that makes a layer, a chain or an instance of a class."""
        if isinstance(item, Node):
            return self._layer(item, scope)
        definition = self.definitions.of(item)
        if definition is not None:
            return self._instance(item, definition, scope)
        items = [self._chained(each, scope) for each in item.items]
        if is_numbered(item):
            return Call("nn.Sequential", tuple(items))
        self.used.add("OrderedDict")
        names = [item.relative(each.path if isinstance(each, Part) else each.name) for each in item.items]
        if all(map(is_attribute, names)):
            named = tuple(each._replace(name=f"{name}=") for name, each in zip(names, items, strict=True))
            return Call("nn.Sequential", (Argument(Call("OrderedDict", named)),))
        pairs = tuple(each._replace(name=f'"{name}": ') for name, each in zip(names, items, strict=True))
        return Call("nn.Sequential", (Argument(Call("OrderedDict", (Argument(Call("", pairs, "{}")),))),))

    def _chained(self, item: Node | Part, scope: _Scope) -> Argument:
        """A child of nn.Sequential; its shapes stand here, since there is no forward to hold them."""
        made = self._made(item, scope)
        comment = "" if isinstance(item, Part) and self.definitions.of(item) is None else self._shapes(item)
        return Argument(made, "", comment)

    def _layer(self, node: Node, scope: _Scope) -> Call:
        layer = self.recorded.inner(self.rows[node.name].layer)
        varying = [name for name in layer.config if scope.parameter(node.name, name)]
        found = constructor(layer, lambda name, value: scope.parameter(node.name, name) or literal(value), varying)
        head = self.recorded.torchs.get(node.name, found.head)
        self.used.add(head)
        return replace(found, head=head)

    def _instance(self, part: Part, definition: Definition, scope: _Scope) -> Call:
        values = self.definitions.values(part)
        found: list[Argument] = []
        for each in definition.parameters:
            layer, argument = each.slots[0]
            outer = scope.parameter(f"{part.path}.{layer}", argument)
            bare = len(definition.parameters) > _NAMED or (each.name in _BARE and not any(one.name for one in found))
            found.append(Argument(outer or literal(values[each.slots[0]]), "" if bare else f"{each.name}="))
        return Call(definition.name, tuple(found))

    def _freezing(self, scope: _Scope) -> Iterator[str]:
        """Layers whose weights are not trained; those in classes of their own are frozen there."""
        for node in self._own_nodes(scope.part):
            owns = node.frozen and node.shares is None and self.recorded.has_module(node)
            if owns and self.rows[node.name].layer.weights:
                yield f"        {path_of(scope.part.relative(node.name))}.requires_grad_(False)"

    def _loading(self, scope: _Scope) -> list[str]:
        """Fill the network's constant buffers from the file beside the code."""
        if scope.part.path or not self.recorded.tables:
            return []
        file = Call("Path(__file__).with_name", positional([f'"{self.recorded.beside}"']))
        return [
            *statement("constants = ", Call("torch.load", (Argument(file), Argument("True", "weights_only=")))),
            "        for name, values in constants.items():",
            "            self.get_buffer(name).copy_(values)",
        ]

    def _own_nodes(self, part: Part) -> Iterator[Node]:
        for item in part.items:
            if isinstance(item, Node):
                yield item
            elif self.definitions.of(item) is None:
                yield from self._own_nodes(item)

    def _forward(self, scope: _Scope) -> list[str]:
        part = scope.part
        any_number = bool(scope.definition and scope.definition.any_number)
        arguments = argument_names(part, any_number=any_number)
        made = [item.outputs if isinstance(item, Part) else self._outputs(item) for item in part.items]
        found, results = lines(part, made, arguments)
        found = [line for line in found if not self.recorded.is_silent(line.item)]
        if not found:
            return [*_signature("forward", ["self", *arguments]), *_returned(results)]
        free = Free({*arguments, *results, *(name for line in found for name in (*line.inputs, *line.outputs))})
        body = self._counted(part, found, arguments)
        body += [text for line in found[:-1] for text in self._line(line, scope, free)]
        last = found[-1]
        if tuple(last.outputs) == tuple(results) and len(results) == 1 and not self._adds_in_place(last):
            before, value = self._said(last, scope, free)
            body += [text for each in before for text in statement(each.start, each.value)]
            body += statement("return ", value, self._shapes(last.item))
        else:
            body += self._line(last, scope, free)
            body += _returned(results)
        return [*_signature("forward", ["self", *arguments]), *body]

    def _counted(self, part: Part, found: Sequence[Line], arguments: Sequence[str]) -> list[str]:
        """How many examples there are, where a line has to be told."""
        if not any(isinstance(line.item, Node) and line.item.name in self.recorded.counting for line in found):
            return []
        pairs = zip(arguments, part.inputs, strict=True)
        batched = [(name, tensor.batch) for name, value in pairs if (tensor := self.tensor(value)).batch is not None]
        return [f"        {EXAMPLES} = {name}.shape[{batch}]" for name, batch in batched[:1]]

    def _line(self, line: Line, scope: _Scope, free: Free) -> list[str]:
        comment = self._shapes(line.item)
        if self._adds_in_place(line):
            return statement(f"{line.outputs[0]} += ", line.inputs[1], comment)
        before, value = self._said(line, scope, free)
        targets = ", ".join(line.outputs) or "_"
        found = [text for each in before for text in statement(each.start, each.value)]
        return found + (statement(f"{targets} = ", value, comment) if value != targets else [])

    def _said(self, line: Line, scope: _Scope, free: Free) -> Words:
        """An item's expression, and the statements that it needs before."""
        item = line.item
        if isinstance(item, Part) or not self.recorded.is_recorded(item):
            return Words([], self._value(line, scope))
        tensors = [self.tensor(value) for value in item.inputs]
        many = EXAMPLES if item.name in self.recorded.counting else None
        around = Surroundings(
            line.inputs, tensors, line.outputs, lambda name: path_of(scope.part.relative(name)), free.name, many
        )
        return self.recorded.words(item, around, path_of(scope.part.relative(item.shares or item.name)))

    def _adds_in_place(self, line: Line) -> bool:
        """`x += y` says it, where the sum takes the first variable."""
        layer = self.rows[line.item.name].layer if isinstance(line.item, Node) else None
        in_place = layer is not None and type(layer) is Add and layer.aliases
        return in_place and len(line.inputs) == 2 and line.outputs == line.inputs[:1]

    def _value(self, line: Line, scope: _Scope) -> str | Call:
        item = line.item
        if isinstance(item, Node) and self._is_written_out(item, scope, line.inputs):
            written = applied(self.rows[item.name].layer, line.inputs)
            return written if written is not None else item.name
        name = item.path if isinstance(item, Part) else item.shares or item.name
        return Call(path_of(scope.part.relative(name)), tuple(map(Argument, line.inputs)))

    def _is_written_out(self, node: Node, scope: _Scope, inputs: tuple[str, ...] | None = None) -> bool:
        """Whether a layer is an expression in `forward` and no module."""
        if self.recorded.is_recorded(node):
            return False
        layer = self.rows[node.name].layer
        if inputs is None:
            every = bool(scope.definition and scope.definition.any_number) and node is scope.part.items[0]
            inputs = ("*inputs",) if every else tuple("x" for _ in node.inputs)
        varies = any(scope.parameter(node.shares or node.name, name) for name in layer.config)
        return not varies and applied(layer, inputs) is not None

    def _outputs(self, node: Node) -> tuple[str, ...]:
        """The values that a node makes."""
        count = len(self.rows[node.name].call.outputs)
        return (node.name, *(f"{node.name}:{place}" for place in range(1, count)))

    def _shapes(self, item: Node | Part) -> str:
        outputs = item.outputs if isinstance(item, Part) else self._outputs(item)
        return shapes([self.tensor(value) for value in item.inputs], [self.tensor(value) for value in outputs])


_QUOTABLE = re.compile(r"[A-Za-z0-9_ +-]+", re.ASCII)
_NAMED = 4  # a longer list of parameters reads better without their names, as in a table
_BARE = ("in_channels", "out_channels", "channels", "in_features", "out_features", "features")


def _about(definition: Definition) -> str:
    first, others = definition.first.path, len(definition.uses) - 1
    return f"{first} and {others} more; the shapes are those of {first}." if others else f"{first}."


def _signature(name: str, parameters: list[str]) -> list[str]:
    found = statement("", Call(f"def {name}", tuple(map(Argument, parameters))), depth=1)
    return [*found[:-1], f"{found[-1]}:"]


def _returned(results: list[str]) -> list[str]:
    if not results:  # nobody reads what the part makes
        return []
    line = f"        return {', '.join(results)}"
    return [line] if len(line) <= WIDTH else statement("return ", Call("", positional(results)))


def path_of(name: str) -> str:
    """What a module is called within its class: `self.stem`, or getattr(self.stem, "0") where it is a number."""
    found = "self"
    for part in name.split("."):
        found = f"{found}.{part}" if is_attribute(part) else f'getattr({found}, "{part}")'
    return found


def is_attribute(name: str) -> bool:
    """Whether a module's name can stand behind `self.`; two underscores in front would mean something else in a class."""
    return name.isidentifier() and name.isascii() and not iskeyword(name) and not name.startswith("__")


def check_names(network: Network) -> None:
    """Refuse names that would not be inert in code: one that is no identifier must at least be safe between quotes.

    Raises `RequestError`.
    """
    for node in network.nodes:
        for part in node.name.partition(":")[0].split("."):
            if not _QUOTABLE.fullmatch(part):
                raise RequestError(f"{network.name}: {node.name!r} cannot be written as code; rename the layer")
