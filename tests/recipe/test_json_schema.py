"""The JSON Schema takes what a recipe may hold, and an editor marks the rest."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from cnncli.formats.strict_yaml import parse, read
from cnncli.recipe.json_schema import schema
from cnncli.recipe.keys import keys, section_names
from cnncli.recipe.recipe import Recipe
from cnncli.sources.recipes import available, load, recipe_file, resolved

SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)
HEAD = "kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n"


def fits(text: str) -> bool:
    """Whether an editor would take the recipe in `text`."""
    return bool(VALIDATOR.is_valid(parse(text, "x.yaml").value))


def test_it_is_a_schema() -> None:
    """By the schema of schemas."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", available())
def test_the_shipped_recipes_fit(name: str) -> None:
    """As they are written, and with every key written out."""
    VALIDATOR.validate(read(recipe_file(name)).value)
    VALIDATOR.validate(parse(resolved(load(name)), name).value)


@pytest.mark.parametrize(
    "body",
    [
        "", "optimizer: {lr: 0.1}", "optimizer: {name: adamw, lr: 1}", "schedule: {name: step, gamma: 0.5}",
        "schedule: {warmup_epochs: 1}", "train: {clip_norm: null}", "stop: {target_acc: 0.9}",
    ],
)  # fmt: skip
def test_what_is_right_fits(body: str) -> None:
    """Sections without their name are those of the default name; a whole number may stand for a fraction."""
    assert fits(HEAD + body)


@pytest.mark.parametrize("augment", ["[flip]", "[{shift: 2}, flip]", "[{randaugment: {n: 2, m: 9}}]", "[]"])
def test_augmentations_fit(augment: str) -> None:
    """Every form of an entry."""
    assert fits(HEAD.replace("digits", f"digits, augment: {augment}"))


@pytest.mark.parametrize(
    "body",
    [
        "optimizer: {momentun: 0.9}", "optimizer: {name: adan}", "optimizer: {name: adam, momentum: 0.9}", "lr: 1",
        "optimizer: {lr: fast}", "optimizer: {lr: 0}", "schedule: {gamma: 0.1}", "train: {epochs: 0}", "seed: -1",
        "train: {init: xaver}", "stop: {target_acc: 98}", "optimizer: 3",
    ],
)  # fmt: skip
def test_what_is_wrong_does_not_fit(body: str) -> None:
    """An editor marks it."""
    assert not fits(HEAD + body)


@pytest.mark.parametrize(
    "text",
    ["model: {name: lenet}\ndata: {name: digits}\n", "kind: network\n", "kind: recipe\ndata: {name: digits}\n", "[]"],
)
def test_what_is_no_recipe_does_not_fit(text: str) -> None:
    """What a recipe cannot do without."""
    assert not fits(text)


def test_every_key_is_in_it_with_its_description() -> None:
    """Made from the sections: what an editor completes, and what it says about it."""
    for path, sections in keys().items():
        for section in sections:
            known: dict[str, Any] = SCHEMA if section is Recipe else SCHEMA["$defs"][section.__name__]
            assert known["properties"][str(path[-1])]["description"] == section.model_fields[str(path[-1])].description
    assert set(section_names()) <= set(SCHEMA["properties"])
    assert get_args(Recipe.model_fields["kind"].annotation) == (SCHEMA["properties"]["kind"]["const"],)
