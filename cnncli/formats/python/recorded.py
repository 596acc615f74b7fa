"""Rows that only recording makes, as Python: reshapes step by step, layers on parts of an example, and calls as they were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import prod
from operator import mul

from cnncli.analysis.report import Row
from cnncli.errors import RequestError
from cnncli.formats.python import held
from cnncli.formats.python.chains import is_chain
from cnncli.formats.python.held import Weight, Weights
from cnncli.formats.python.layout import Argument, Call, positional
from cnncli.formats.python.methods import UnwrittenError
from cnncli.formats.python.spelling import Statement, Surroundings, Words, words
from cnncli.layers import Layer, Tensor, layer_kinds
from cnncli.layers.rearrange import Contiguous, Expand, Rearrange
from cnncli.layers.shape import Flatten, Permute, Reshape, Slice
from cnncli.layers.traced import Operation, Unused
from cnncli.layers.traced_call import Held, Spelled, Word, counts, leaves
from cnncli.layers.wrapped import Mapped
from cnncli.network import Network, Node, named, source
from cnncli.network.blocks import Part, parts

EXAMPLES = "examples"
"""The variable that holds how many there are, where a network's forward pass has to say it."""
STEPS = (Expand, Reshape, Permute, Slice, Flatten)


@dataclass(frozen=True)
class Recorded:
    """What is particular about a recorded network.

    weights: all parameters and buffers of the module, where they are known · beside: the file of numbers that go beside the code
    """

    network: Network
    rows: Mapping[str, Row]
    weights: Weights
    beside: str = ""

    @cached_property
    def whole(self) -> Part:
        """The network as parts, each of which holds the weights that it reads."""
        outside = [""]  # what is read of the network itself: no path begins so
        return parts(
            self.network, {name: self._read(name) + (outside if name in self.counting else []) for name in self._apart}
        )

    @cached_property
    def counting(self) -> frozenset[str]:
        """The nodes that have to be told how many examples there are: none of their inputs says it."""
        return frozenset(
            node.name
            for node in self.network.nodes
            if (call := self.network.calls.get(node.name)) is not None
            and counts(call)
            and all(tensor.batch is None for tensor in self.rows[node.name].call.inputs)
        )

    @cached_property
    def _apart(self) -> frozenset[str]:
        """The nodes that are no layers of a kind that a file can name, or none whose weights have the names they have there."""
        kinds = set(layer_kinds().values())
        return frozenset(
            node.name
            for node in self.network.nodes
            if type(node.layer) not in kinds or self._renamed(node) or self._unbatched(node)
        )

    def _unbatched(self, node: Node) -> bool:
        """Whether it moves numbers of a tensor that is the same for all examples: layers count a batch."""
        return isinstance(node.layer, STEPS) and self.rows[node.name].call.x.batch is None

    def _renamed(self, node: Node) -> bool:
        """Whether its weights have other names than a layer of torch's would give them."""
        return (
            bool(self.weights)
            and node.shares is None
            and not held.names(node.name, self.rows[node.name].layer) <= self.weights.keys()
        )

    def _read(self, name: str) -> list[str]:
        call = self.network.calls.get(name)
        return [each.name for each in leaves(call) if isinstance(each, Held)] if call else []

    def is_recorded(self, node: Node) -> bool:
        """Whether the node is written as its module wrote it."""
        return node.name in self._apart

    def has_module(self, node: Node) -> bool:
        """Whether a module is registered for the node."""
        return node.name not in self._apart or isinstance(node.layer, Mapped)

    def made(self, node: Node) -> Layer | None:
        """The layer whose module is made for the node, None where there is none."""
        return self.inner(self.rows[node.name].layer) if self.has_module(node) else None

    @cached_property
    def torchs(self) -> dict[str, str]:
        """For attention that torch's own module computed, the class that computes it so: ours has other last bits."""
        calls = {node.name: self.network.calls.get(node.name) for node in self.network.nodes}
        attention = "functional.multi_head_attention_forward"
        return {name: "SelfAttention" for name, call in calls.items() if call and call.form.function == attention}

    def inner(self, layer: Layer) -> Layer:
        """The layer whose module it is."""
        return layer.layer if isinstance(layer, Mapped) else layer

    def is_chain(self, part: Part) -> bool:
        """Whether nn.Sequential says it all."""
        own = (item for item in part.items if isinstance(item, Node))
        return is_chain(part) and part.path not in self._homes and not any(map(self.is_recorded, own))

    @cached_property
    def bare(self) -> dict[str, Weight]:
        """The weights that no module of torch's holds."""
        owned = set[str]().union(
            *(
                held.names(node.name, self.inner(self.rows[node.name].layer))
                for node in self.network.nodes
                if node.shares is None and self.has_module(node)
            )
        )
        known = self.weights or held.held_in(self.network, {name: row.layer for name, row in self.rows.items()})
        read = {name for node in self.network.nodes for name in self._read(node.name)}
        return {name: weight for name, weight in known.items() if name not in owned and (weight.kept or name in read)}

    @cached_property
    def tables(self) -> list[str]:
        """The buffers whose numbers go beside the code."""
        return [name for name, weight in self.bare.items() if weight.tabled]

    @cached_property
    def _homes(self) -> dict[str, list[str]]:
        return held.homes(self.bare, self.whole)

    def held_in(self, part: Part) -> dict[str, Weight]:
        """The weights that the part's own class registers."""
        return {name: self.bare[name] for name in self._homes.get(part.path, ())}

    def is_silent(self, item: Node | Part) -> bool:
        """Whether nothing is written for it in a forward pass: nothing flows through, or nobody reads a new tensor."""
        if isinstance(item, Part) or not self.is_recorded(item):
            return False
        return isinstance(item.layer, Unused) or (item.name not in self._live and not self._overwrites(item))

    def _overwrites(self, node: Node) -> bool:
        call = self.network.calls.get(node.name)
        return call is not None and call.inplace

    @cached_property
    def _live(self) -> frozenset[str]:
        """The nodes that somebody reads."""
        read = (value for node in self.network.nodes for value in node.inputs)
        makers = (source(value, self.network.names) for value in (*read, *self.network.outputs))
        return frozenset(maker[0] for maker in makers if maker)

    def words(self, node: Node, around: Surroundings, module: str) -> Words:
        """What a recorded node does. module: the expression of its module, if it has one. Raises `UnwrittenError`."""
        call = self.network.calls.get(node.name)
        return spoken(self.rows[node.name].layer, self._in_either_mode(call), around, module)

    def _in_either_mode(self, call: Spelled | None) -> Spelled | None:
        """A batch norm's call, which was recorded in eval mode, as its module makes it in either: one that counts batches."""
        if call is None or call.form.function != "functional.batch_norm" or "training" in dict(call.form.named):
            return call
        means = [each.name for each in call.operands if isinstance(each, Held) and each.name.endswith("running_mean")]
        counter = means[0].removesuffix("running_mean") + "num_batches_tracked" if means else ""
        if counter not in self.weights:
            return call
        named = (*call.form.named, ("training", Word("self.training")))
        return call._replace(form=call.form._replace(named=named))

    def written(self, item: Node | Part, part: Part) -> object:
        """What is written of a recorded node of a part as it stands; of a part itself, the weights that its class registers."""
        if isinstance(item, Part):
            own = self.held_in(item).items() if item is part else ()
            return tuple((part.relative(name), weight) for name, weight in own)
        return repr(self._sketch(item, part)) if self.is_recorded(item) else None

    def _sketch(self, node: Node, part: Part) -> Words:
        row = self.rows[node.name]
        outputs = [f"out{place}" for place in range(len(row.call.outputs))]
        inputs = [f"in{place}" for place in range(len(node.inputs))]
        many = EXAMPLES if node.name in self.counting else None
        around = Surroundings(inputs, row.call.inputs, outputs, part.relative, "free{}".format, many)
        return Words([], "") if self.is_silent(node) else self.words(node, around, part.relative(node.name))

    def check(self) -> None:
        """Raise `RequestError` that names all rows that cannot be written."""
        found = {node.name: (node, why) for node in self.network.nodes if (why := self._obstacle(node))}
        if found:
            rows = [node for node, _ in found.values()]
            first, why = next(iter(found.values()))
            each = "was" if len(rows) == 1 else "were"
            raise RequestError(
                f"{self.network.name}: {named(rows)} {each} recorded from a module and cannot be written as code "
                f"({first.name}: {why}); use that module itself"
            )
        if self.tables and not self.beside:
            more = f" and of {len(self.tables) - 1} other buffers" if self.tables[1:] else ""
            raise RequestError(
                f"{self.network.name}: the numbers of {self.tables[0]}{more} go into a file beside "
                "the code, since no state dict holds them; write the code to a file, as in --out net.py"
            )

    def _obstacle(self, node: Node) -> str:
        """What keeps a node from being written; empty where nothing does."""
        if not self.is_recorded(node):
            return ""
        read = {name: self.weights[name] for name in self._read(node.name) if name in self.weights}
        fleeting = [name for name, weight in read.items() if not weight.kept and not weight.numbered]
        if fleeting and not self.is_silent(node):
            return f"the numbers of {fleeting[0]} are in no state dict and not known before it runs"
        try:
            self._sketch(node, self.whole)
        except UnwrittenError as error:
            return str(error)
        return ""


def spoken(layer: Layer, call: Spelled | None, around: Surroundings, module: str) -> Words:
    """What a recorded row does. module: the expression of its module, if it has one. Raises `UnwrittenError`."""
    if isinstance(layer, Rearrange):
        return _rearranged(layer, around)
    if isinstance(layer, STEPS):
        return Words([], _step(layer, around.inputs[0], batched=around.tensors[0].batch is not None))
    if isinstance(layer, Mapped):
        return _mapped(layer, around, module)
    if isinstance(layer, Operation) and layer.operation == "setitem" and layer.view and call is None:
        return Words([], around.inputs[0])  # a part of it was overwritten in place
    if call is None:
        raise UnwrittenError("its arguments are not known")
    return words(call, around)


def _rearranged(layer: Rearrange, around: Surroundings) -> Words:
    """Steps on the one input; what overwrites its variable comes last."""
    x, tensor = around.inputs[0], around.tensors[0]
    parts = zip(around.outputs, layer.parts, strict=True)
    chains = {name: list(_chain(steps, x, name, tensor)) for name, steps in parts}
    chains.pop("_", None)
    order = sorted(chains, key=lambda name: name == x)
    before = [statement for name in order for statement in chains[name]]
    if len(chains) == 1 and before:
        return Words(before[:-1], before[-1].value)
    return Words(before, ", ".join(around.outputs))


def _chain(steps: Sequence[Layer], x: str, target: str, tensor: Tensor) -> Iterator[Statement]:
    """The steps from a variable to another. tensor: what the variable holds"""
    if not steps:
        yield Statement(target, x)
    held = [tensor]
    for place, step in enumerate(steps):
        if not (isinstance(step, Contiguous) and _copies(steps[:place], held)):
            yield Statement(target, _step(step, x, batched=tensor.batch is not None))
            x = target
        held.append(step.resolve((held[-1],)).outputs((held[-1],))[0])


def _copies(steps: Sequence[Layer], held: Sequence[Tensor]) -> bool:
    """Whether the last step cannot but lay the numbers out anew: a reshape across axes in another order.

    held: what the steps start from, and what each makes
    """
    if len(steps) < 2 or not isinstance(steps[-1], Reshape | Flatten) or not isinstance(steps[-2], Permute):
        return False
    batch = () if held[0].batch is None else (2,)
    sizes, new = (*batch, *held[-3].shape), (*batch, *held[-1].shape)
    strides = [prod(sizes[dim + 1 :]) for dim in steps[-2].dims]
    order = [(sizes[dim], stride) for dim, stride in zip(steps[-2].dims, strides, strict=True) if sizes[dim] > 1]
    breaks, passed = set[int](), 1
    for (size, stride), (following, step) in pairwise(order):
        passed *= size
        if stride != following * step:
            breaks.add(passed)
    return not breaks <= set(accumulate(new, mul))


def _step(step: Layer, x: str, *, batched: bool) -> str | Call:
    """One step, the batch in front if there is one."""
    examples = [f"{x}.shape[0]"] if batched else []
    if isinstance(step, Contiguous):
        return f"{x}.contiguous()"
    if isinstance(step, Flatten):
        return Call(f"{x}.flatten", positional([str(step.start_dim)]))
    if isinstance(step, Reshape):
        return Call(f"{x}.reshape", positional([*examples, *map(str, step.shape)]))
    if isinstance(step, Permute):
        return Call(f"{x}.permute", positional([*map(str, step.dims)]))
    if isinstance(step, Expand):
        return Call(f"{x}.expand", positional([*examples, *map(str, step.shape)]))
    if isinstance(step, Slice):
        stop = "" if step.stop is None else str(step.stop)
        return f"{x}[{':, ' * step.dim}{step.start or ''}:{stop}]"
    raise UnwrittenError(step.brief)


def _mapped(layer: Mapped, around: Surroundings, module: str) -> Words:
    """Parts of examples as examples."""
    (x,), (y,) = around.inputs, around.outputs or ("x",)
    front = len(layer.over)
    sizes = Call("", positional(["-1", *map(str, layer.over)]))
    before = [Statement(y, f"{x}.flatten(0, {front})"), Statement(y, f"{module}({y})")]
    return Words(before, Call(f"{y}.unflatten", (Argument("0"), Argument(sizes))))
