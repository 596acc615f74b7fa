"""A JSON Schema of net.yaml, for editors: made from the layers' own fields, so that a new layer is in it at once."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from cnncli.formats.net_yaml.names import JOINS
from cnncli.formats.net_yaml.reading import KEYS
from cnncli.layers import ITEM_BYTES, Layer, layer_kinds

Schema = dict[str, Any]

_PARAMETER: Schema = {"type": "string", "pattern": r"^\$[A-Za-z_][A-Za-z0-9_]*$"}
_SIZES: Schema = {"type": "string", "pattern": "^[0-9]+(x[0-9]+)*$"}
_TYPES: dict[str, list[Schema]] = {
    "int": [{"type": "integer"}],
    "float": [{"type": "number"}],
    "bool": [{"type": "boolean"}],
    "str": [{"type": "string"}],
    "None": [{"type": "null"}],
    "Shape": [{"type": "array", "items": {"anyOf": [{"type": "integer"}, _PARAMETER]}}, _SIZES],
    "Sizes": [{"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}, _PARAMETER]}}, _SIZES],
    "Pairs": [{"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}],
    "Table": [{"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}],
}
"""What a field's annotation allows in a file."""


def schema() -> Schema:
    """The schema, draft 2020-12: what `read` takes, except for what depends on the rest of the file (names, blocks, sizes)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cnncli network",
        "type": "object",
        "required": ["kind", "name", "input", "layers"],
        "additionalProperties": False,
        "properties": {key: each for key, each in _keys().items() if key in KEYS},
        "$defs": _steps() | {name: _arguments(spec) for name, spec in _classes().items()},
    }


def _classes() -> dict[str, type[Layer]]:
    return {spec.__name__: spec for spec in layer_kinds().values()}


def _spelled() -> dict[str, str]:
    """Every way to write a layer's name, and its class."""
    return {name: name for name in _classes()} | {kind: spec.__name__ for kind, spec in layer_kinds().items()}


def _keys() -> dict[str, Schema]:
    shape: Schema = {
        "anyOf": [_SIZES, {"type": "integer", "minimum": 1}, {"type": "array", "items": {"type": "integer"}}]
    }
    tensor = {"shape": shape, "dtype": {"enum": list(ITEM_BYTES)}, "batch": {"type": ["integer", "null"]}}
    tensor_schema: Schema = {"anyOf": [shape, _object(tensor, required=["shape"])]}
    names: Schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    return {
        "kind": {"const": "network"},
        "name": {"type": "string", "minLength": 1, "maxLength": 100},
        "input": {
            "anyOf": [tensor_schema, {"type": "object", "additionalProperties": tensor_schema, "minProperties": 1}]
        },
        "blocks": {"type": "object", "additionalProperties": {"$ref": "#/$defs/block"}},
        "layers": {"$ref": "#/$defs/steps", "minItems": 1},
        "outputs": names | {"description": "the values that come out; the last one if left out"},
        "instances": {"type": "object", "additionalProperties": {"type": "string"}},
    }


def _steps() -> dict[str, Schema]:
    """Steps, and what they are made of."""
    layer: Schema = {"type": "string", "description": "a layer, a block, or a block's parameter"}
    steps: Schema = {"$ref": "#/$defs/steps"}
    named: Schema = {"$ref": "#/$defs/named"}
    things, joined = _things(), _join_arguments()
    times = _or_parameter({"type": "integer", "minimum": 1})
    head: dict[str, Schema] = {
        "from": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "frozen": {"type": "boolean", "description": "its weights are not trained"},
        "again": {"type": "string", "description": "a layer called before, with the weights it has"},
        "repeat": _object({"times": times, "steps": steps}, required=["times", "steps"]),
    }
    inner = _object(things | joined, rest={"type": ["object", "null"]}) | {"minProperties": 1}
    parameters: Schema = {
        "type": "object",
        "propertyNames": {"not": {"enum": list(things)}},
        "description": "a block's",
    }
    other: Schema = {"anyOf": [named, parameters]}
    keyed = {name: {"anyOf": [each, named]} for name, each in (things | joined).items()}
    return {
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
        "step": {"anyOf": [layer, steps, _object(head | keyed, rest=other) | {"minProperties": 1}]},
        "named": {"anyOf": [layer, steps, inner]},
        "block": {
            "anyOf": [
                steps,
                _object({"kind": layer, "defaults": {"type": "object"}, "steps": steps}, required=["steps"]),
            ]
        },
    }


def _things() -> dict[str, Schema]:
    """What a key can be: a layer and its arguments, or a join and its branches."""
    found: dict[str, Schema] = {
        name: {"anyOf": [{"$ref": f"#/$defs/{spec}"}, {"type": "null"}]} for name, spec in _spelled().items()
    }
    branches = {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/$defs/steps"}, {"$ref": "#/$defs/step"}]},
        "minItems": 1,
    }
    for word in JOINS:
        found[word] = {"anyOf": [*found[word]["anyOf"], branches]}
    return found


def _join_arguments() -> dict[str, Schema]:
    """Arguments that stand beside a join's branches: `inplace`, `dim`."""
    specs = _classes()
    return {
        each.name: _argument(str(each.type), each.default) for layer in JOINS.values() for each in fields(specs[layer])
    }


def _arguments(spec: type[Layer]) -> Schema:
    """A layer's arguments by name."""
    known = {each.name: _argument(str(each.type), each.default) for each in fields(spec)}
    required = [each.name for each in fields(spec) if each.default is MISSING]
    about = (spec.__doc__ or "").strip().partition("\n")[0]
    return _object(known, required=required) | {"description": about}


def _argument(annotation: str, default: object) -> Schema:
    found = _or_parameter(*(each for part in annotation.split(" | ") for each in _TYPES.get(part, [{}])))
    if default is None or isinstance(default, bool | int | float | str):
        found["default"] = default
    return found


def _or_parameter(*choices: Schema) -> Schema:
    return {"anyOf": [*choices, _PARAMETER]}


def _object(properties: dict[str, Schema], *, required: list[str] | None = None, rest: Schema | bool = False) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": rest}
    return found | {"required": required} if required else found
