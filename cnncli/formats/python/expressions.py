"""Layers as Python: how one is made (`nn.Conv2d(1, 6, kernel_size=5)`), and what those without weights do to their input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnncli.errors import RequestError
from cnncli.formats.python.layout import Argument, Call, flat, positional
from cnncli.formats.python.own import OWN
from cnncli.layers import OWN as OWN_HOME
from cnncli.layers import Layer, Tensor
from cnncli.layers.arguments import given
from cnncli.layers.merge import Add, Concat, Mul
from cnncli.layers.shape import Flatten, Permute, Reshape

FIRST = (
    *("in_channels", "out_channels", "in_features", "out_features", "num_features", "num_groups", "num_channels"),
    *("normalized_shape", "output_size", "p", "size", "embed_dim", "num_heads"),
)
"""Arguments that are written without their names, as long as nothing else comes before them."""
CODES = "DRAWINGS"
"""The constant in a generated file that holds the drawings of an RBF layer."""

MOST_DRAWINGS = 1000

Put = Callable[[str, object], str | Call]
"""How an argument is written, by name and value: as itself, or as a parameter of the class it stands in."""


def literal(value: object) -> str | Call:
    """A plain value as Python."""
    if isinstance(value, tuple):
        return Call("", positional([literal(each) for each in value]))
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str) and value.isascii() and value.isprintable() and not set(value) & set("\"'\\"):
        return f'"{value}"'
    raise RequestError(f"{value!r} cannot be written as code")


def class_name(layer: Layer) -> str:
    """The class that makes the layer, `nn.` before torch's; raises `RequestError` for a layer that no class makes."""
    if getattr(layer, "sided", False):
        return f"Sided{layer.torch_name}"
    if layer.home == "torch.nn":
        return f"nn.{layer.torch_name}"
    if layer.home != OWN_HOME or layer.torch_name not in OWN:
        raise RequestError(f"{layer.torch_name} cannot be written as code: torch has nothing like it")
    return layer.torch_name


def constructor(layer: Layer, put: Put, varying: Sequence[str] = ()) -> Call:
    """The call that makes the layer. varying: arguments to write even where they have their usual value."""
    name = class_name(layer)
    if name == "RBF":
        if layer.config["out_features"] > MOST_DRAWINGS:
            raise RequestError(
                f"an RBF layer of more than {MOST_DRAWINGS:,} drawings cannot be written as code; take fewer"
            )
        codes = Argument(f"{CODES}[:{flat(put('out_features', layer.config['out_features']))}]")
        negative = (Argument("True", "negative="),) if layer.config["negative"] else ()
        return Call(name, (codes, *negative))
    written = given(layer)
    needed = ("dim",) if layer.home == "torch.nn" else ("table",)  # what torch has no value for, or another one
    parts: list[Argument] = []
    for key, value in layer.config.items():
        if key not in written and key not in varying and key not in needed:
            continue
        bare = key in FIRST and all(not part.name for part in parts) and _follows(layer, key, len(parts))
        parts.append(Argument(put(key, written.get(key, value)), "" if bare else f"{key}="))
    return Call(name, tuple(parts))


def _follows(layer: Layer, key: str, place: int) -> bool:
    return list(layer.config).index(key) == place


def applied(layer: Layer, inputs: Sequence[str]) -> str | Call | None:
    """What the layer does, written out; None where it is called as a module."""
    found = _APPLIED.get(type(layer))
    return found(layer, inputs) if found else None


def _flatten(layer: Flatten, inputs: Sequence[str]) -> Call:
    end = [] if layer.end_dim == -1 else [str(layer.end_dim)]
    return Call("torch.flatten", positional([inputs[0], str(layer.start_dim), *end]))


def _concat(layer: Concat, inputs: Sequence[str]) -> Call:
    joined: str | Call = Call("", positional(inputs), "[]")
    if inputs[0].startswith("*"):
        joined = inputs[0][1:]
    return Call("torch.cat", (Argument(joined), Argument(str(layer.dim), "dim=")))


def _add(layer: Add, inputs: Sequence[str]) -> str | Call | None:
    if layer.inplace and len(inputs) == 2:
        return Call(f"{inputs[0]}.add_", positional(inputs[1:]))
    return None if layer.inplace or inputs[0].startswith("*") else " + ".join(inputs)


def _mul(layer: Mul, inputs: Sequence[str]) -> str | None:  # noqa: ARG001
    return None if inputs[0].startswith("*") else " * ".join(inputs)


def _reshape(layer: Reshape, inputs: Sequence[str]) -> Call:
    return Call(f"{inputs[0]}.reshape", positional([f"{inputs[0]}.shape[0]", *map(str, layer.shape)]))


def _permute(layer: Permute, inputs: Sequence[str]) -> Call:
    return Call(f"{inputs[0]}.permute", positional([*map(str, layer.dims)]))


_APPLIED: Mapping[type[Layer], Callable[[Any, Sequence[str]], str | Call | None]] = {
    Flatten: _flatten,
    Concat: _concat,
    Add: _add,
    Mul: _mul,
    Reshape: _reshape,
    Permute: _permute,
}


def shapes(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> str:
    """`b×1×28×28 => b×6×28×28`, the batch as b."""
    return " => ".join((_listed(inputs), _listed(outputs))).strip() if outputs else _listed(inputs)


def _listed(tensors: Sequence[Tensor]) -> str:
    found = [_shape(tensor) for tensor in tensors]
    if len(found) > 4:
        found = [*found[:2], "…", found[-1]]
    return ", ".join(found)


def _shape(tensor: Tensor) -> str:
    sizes = [str(size) for size in tensor.shape]
    if tensor.batch is not None:
        sizes.insert(tensor.batch, "b")
    return "×".join(sizes) or "1"
