"""One layer on its own: from a kind and its arguments to a resolved spec, and one use of it where an input is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from cnncli.errors import RequestError, ShapeError, UnknownName
from cnncli.layers import Call, Layer, Shape, Tensor, dims, layer_kind, layer_kinds, make

ABBREVIATIONS = {
    "cin": ("in_channels", "in_features", "num_features", "num_channels"),
    "cout": ("out_channels", "out_features"),
}
"""What goes in and comes out has another name in each family."""


def kind_of(name: str) -> type[Layer]:
    """The spec called `name`; a network's name is sent to `cnncli summary`. Raises `UnknownName`."""
    try:
        return layer_kind(name)
    except UnknownName:
        by_class = {spec.__name__.lower(): spec for spec in layer_kinds().values()}
        if name.lower() in by_class:
            return by_class[name.lower()]
        from cnncli.models import models

        if name.partition("@")[0] in models():
            raise UnknownName("layer kind", name, (), cure=f"it is a network: cnncli summary {name}") from None
        raise


def argument_name(kind: type[Layer], name: str, flag: str) -> str:
    """The field of `kind` that an option sets, `name` being its usual one; raises `RequestError` where it has none."""
    known = [field.name for field in fields(kind)]
    for candidate in ABBREVIATIONS.get(name, (name,)):
        if candidate in known:
            return candidate
    takes = f"it takes {', '.join(known)}" if known else "it takes no arguments"
    raise RequestError(f"{flag} means nothing to {kind.kind}; {takes}")


def single_layer(kind: type[Layer], arguments: Mapping[str, object], shape: Shape | None) -> tuple[Layer, Call]:
    """The layer, and its use on an input of `shape`, C×H×W or (with the channels given) H×W; without one, an empty `Call`.

    Raises `RequestError` for wrong arguments and `ShapeError` where the layer cannot take the input.
    """
    layer = make(kind, arguments)
    channels = next((value for name in ABBREVIATIONS["cin"] if (value := getattr(layer, name, None))), None)
    if shape is None:
        if channels is None and any(name in layer.config for name in ABBREVIATIONS["cin"]):
            name = next(name for name in ABBREVIATIONS["cin"] if name in layer.config)
            raise RequestError(f"{kind.kind} needs {name}; write --cin N or --input CxHxW")
        return layer, Call((), ())
    inputs = (Tensor(_with_channels(layer, shape, channels)),)
    try:
        layer = layer.resolve(inputs)
        return layer, Call(inputs, layer.outputs(inputs))
    except ShapeError as error:
        raise ShapeError(f"{kind.kind} at {dims(shape)}: {error.reason}", fix=error.fix) from error


def _with_channels(layer: Layer, shape: Shape, channels: int | None) -> Shape:
    """H×W becomes C×H×W where the layer's channels are known; a pool counts one."""
    axes: int | None = getattr(layer, "axes", None)
    if axes is None or len(shape) != axes:
        return shape
    return (channels or 1, *shape)
