"""A JSON Schema of recipes, for editors: made from the sections' own fields, so that a new key is in it at once."""

from __future__ import annotations

from typing import Any

from cnncli.recipe.keys import keys, section_names
from cnncli.recipe.recipe import Recipe


def schema() -> dict[str, Any]:
    """The schema, draft 2020-12: what a recipe may hold, except for what depends on the network, the data and other keys."""
    found = Recipe.model_json_schema()
    _untitled(found)
    for name in _named():
        found["$defs"][name]["required"] = ["name"]
    found["required"] = ["kind", *found["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "cnncli recipe"} | found


def _named() -> list[str]:
    """The classes of sections that a file must name, because they are not what the section is when it does not."""
    chosen = [(section, keys()[section, "name"]) for section in section_names() if (section, "name") in keys()]
    return [each.__name__ for _, classes in chosen if len(classes) > 1 for each in classes[1:]]


def _untitled(schema: Any) -> None:  # noqa: ANN401  (any part of a schema)
    """Leave out the titles that pydantic makes of keys: an editor would show them beside the keys themselves."""
    if isinstance(schema, list):
        for each in schema:
            _untitled(each)
    elif isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for each in schema.values():
            _untitled(each)
