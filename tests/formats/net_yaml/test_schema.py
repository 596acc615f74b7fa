"""The JSON Schema takes what the reader takes, and knows every layer and argument."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from cnncli.formats.net_yaml import dump, schema
from cnncli.formats.strict_yaml import parse
from cnncli.layers import layer_kinds
from cnncli.models import network
from tests.network_sources import SOURCES

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.yaml"))
SCHEMA = schema()
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def fits(value: Any, wanted: Any) -> bool:  # noqa: ANN401  (plain values)
    """Whether `value` is valid; as much of JSON Schema as the schema uses."""
    if isinstance(wanted, bool):
        return wanted
    if "$ref" in wanted:
        return fits(value, SCHEMA["$defs"][wanted["$ref"].rpartition("/")[2]])
    unknown = set(wanted) - {"$schema", "$defs", "title", "description", "default", *CHECKS, "properties"}
    assert not unknown, unknown
    return all(CHECKS[key](value, rule, wanted) for key, rule in wanted.items() if key in CHECKS)


def _is(value: Any, name: str) -> bool:  # noqa: ANN401
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _rest(value: Any, rule: Any, wanted: Any) -> bool:  # noqa: ANN401
    known = wanted.get("properties", {})
    return not isinstance(value, dict) or all(fits(each, known.get(key, rule)) for key, each in value.items())


CHECKS: dict[str, Any] = {
    "type": lambda value, rule, _: any(_is(value, name) for name in ([rule] if isinstance(rule, str) else rule)),
    "anyOf": lambda value, rule, _: any(fits(value, each) for each in rule),
    "const": lambda value, rule, _: value == rule,
    "enum": lambda value, rule, _: value in rule,
    "pattern": lambda value, rule, _: not isinstance(value, str) or re.search(rule, value) is not None,
    "minLength": lambda value, rule, _: not isinstance(value, str) or len(value) >= rule,
    "maxLength": lambda value, rule, _: not isinstance(value, str) or len(value) <= rule,
    "minimum": lambda value, rule, _: not isinstance(value, int) or value >= rule,
    "items": lambda value, rule, _: not isinstance(value, list) or all(fits(each, rule) for each in value),
    "minItems": lambda value, rule, _: not isinstance(value, list) or len(value) >= rule,
    "minProperties": lambda value, rule, _: not isinstance(value, dict) or len(value) >= rule,
    "required": lambda value, rule, _: not isinstance(value, dict) or all(key in value for key in rule),
    "additionalProperties": _rest,
    "propertyNames": lambda value, rule, _: not isinstance(value, dict) or all(fits(key, rule) for key in value),
    "not": lambda value, rule, _: not fits(value, rule),
}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_fit(file: Path) -> None:
    """What people write."""
    assert fits(parse(file.read_text(encoding="utf-8"), "net.yaml").value, SCHEMA)


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_written_fits(source: str) -> None:
    """What `models show --yaml` writes."""
    assert fits(parse(dump(network(source)), "net.yaml").value, SCHEMA)


HEAD = "kind: network\nname: net\ninput: 1x28x28\n"


@pytest.mark.parametrize(
    "text",
    [
        "layers: [{Conv2d: {out_chanels: 3, kernel_size: 3}}]",
        "layers: [conv1: {Conv2d: {out_channels: 3, kernel: 3}}]",
        "layers: [conv1: {Conv2d: {kernel_size: 3}}]",
        "layers: [conv1: {Conv2d: {out_channels: many, kernel_size: 3}}]",
        "layers: [{ReLU: {inplace: 1}}]",
        "layers: [{repeat: {times: 0, steps: [ReLU]}}]",
        "layers: [{repeat: {steps: [ReLU]}}]",
        "layers: [{ReLU: {}, frozen: 3}]",
        "layers: [3]",
        "layers: ReLU",
        "layer: [ReLU]",
        "layers: [ReLU]\noutputs: 3",
        "blocks: {A: {step: [ReLU]}}\nlayers: [A]",
    ],
)
def test_what_is_wrong_does_not_fit(text: str) -> None:
    """An editor marks it."""
    assert not fits(parse(HEAD + text, "net.yaml").value, SCHEMA)


def test_every_layer_and_argument_is_in_it() -> None:
    """Made from the specs: names, what must be given, what it is for."""
    for spec in layer_kinds().values():
        found = SCHEMA["$defs"][spec.__name__]
        assert list(found["properties"]) == [field.name for field in fields(spec)]
        assert found.get("required", []) == [field.name for field in fields(spec) if field.default is MISSING]
        assert found["description"]
