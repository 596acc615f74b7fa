"""A layer's arguments as one writes them: one number where all axes agree, and only what differs from the default."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields

from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Layer

TELLING = ("kernel_size", "output_size", "p")
"""Arguments that are written even where they have their usual value."""


def plain(layer: Layer) -> dict[str, object]:
    """All arguments by name, `(5, 5)` as 5 where the layer takes one number for all axes."""
    return {each.name: _one(layer, each.name, str(each.type)) for each in fields(layer)}


def is_default(layer: Layer, name: str) -> bool:
    """Whether leaving `name` out gives the same layer; what readers should not have to look up is never left out."""
    field = next(each for each in fields(layer) if each.name == name)
    if field.default is MISSING or name in TELLING or (name == "stride" and field.default is None):
        return False
    value = _one(layer, name, str(field.type))
    if value == field.default or value is field.default:
        return True
    return type(value) is not type(field.default) and _same(layer, field)


def given(layer: Layer) -> dict[str, object]:
    """The arguments worth writing, by name."""
    return {name: value for name, value in plain(layer).items() if not is_default(layer, name)}


def _same(layer: Layer, field: Field[object]) -> bool:
    """Whether the layer makes the same of the default as it has (a table that may be written as text)."""
    try:
        return layer.with_arguments(**{field.name: field.default}) == layer
    except (RequestError, ShapeError):
        return False


def _one(layer: Layer, name: str, annotation: str) -> object:
    value = getattr(layer, name)
    alike = isinstance(value, tuple) and value and isinstance(value[0], int) and len(set(value)) == 1
    if not alike or "int" not in annotation.split(" | "):
        return value
    kind = (type(layer), name, len(value))
    if kind not in _SPREADS:  # once for each kind of layer: it costs as much as making one
        _SPREADS[kind] = layer.with_arguments(**{name: value[0]}) == layer
    return value[0] if _SPREADS[kind] else value


_SPREADS: dict[tuple[type[Layer], str, int], bool] = {}
"""Whether a layer reads one number as that number for each axis."""
