"""The list of a recipe's keys, read off the schema, and which of them somebody meant."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from cnncli.errors import nearest
from cnncli.formats.strict_yaml import KeyPath
from cnncli.recipe.recipe import Recipe
from cnncli.recipe.section import Section
from cnncli.registry import synonyms


@cache
def keys() -> dict[KeyPath, tuple[type[Section], ...]]:
    """Every key by its path, with the classes that have it (`kind` apart, which is no choice).

    `("optimizer", "lr")` belongs to all optimizers, `("optimizer", "momentum")` to `Sgd`, `("seed",)` to `Recipe`.
    """
    found: dict[KeyPath, tuple[type[Section], ...]] = {}
    for name, field in Recipe.model_fields.items():
        sections = _sections(field.annotation)
        for section in sections:
            for key in section.model_fields:
                found[name, key] = (*found.get((name, key), ()), section)
        if not sections and name != "kind":
            found[(name,)] = (Recipe,)
    return found


@cache
def section_names() -> tuple[str, ...]:
    """The sections: `model`, `data`, `optimizer` and so on."""
    return tuple(name for name, field in Recipe.model_fields.items() if _sections(field.annotation))


def known(section: KeyPath) -> list[str]:
    """The keys of a section; for `()`, what stands at the top of a recipe."""
    inner = [str(path[-1]) for path in keys() if path[:-1] == section]
    return inner if section else [*section_names(), *inner]


def suggestion(path: KeyPath) -> str | None:
    """The key most likely meant by the unknown one at `path`: bare where it belongs to the same section, else dotted."""
    name, section = str(path[-1]), path[:-1]
    elsewhere = {str(key[-1]): ".".join(map(str, key)) for key in keys() if key[-1] != "name"}
    found = same_elsewhere(name) or synonyms.meant(synonyms.NEAR_KEYS, name) or elsewhere.get(name)
    if found and not (found.endswith(".name") and nearest(name, known(section))):
        return found
    return nearest(name, known(section)) or elsewhere.get(nearest(name, elsewhere) or "")


def same_elsewhere(name: str) -> str | None:
    """The key, dotted, that other programs call `name` and that means the same there."""
    return synonyms.meant(synonyms.KEYS, name)


def _sections(annotation: Any) -> list[type[Section]]:  # noqa: ANN401  (the type of an annotation is not expressible)
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Section) else []
    return [section for part in get_args(annotation) for section in _sections(part)]
