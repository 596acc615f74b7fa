"""What pydantic finds wrong with a recipe, said in one line: the place, the key, the value, the cure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from cnncli.errors import RequestError, UnknownName, nearest
from cnncli.formats.strict_yaml import KeyPath
from cnncli.formats.yaml_scalar import scalar
from cnncli.recipe.augment import AUGMENTATIONS, EXAMPLES, augmentation
from cnncli.recipe.keys import keys, known, section_names, suggestion
from cnncli.registry import synonyms
from cnncli.text import truncate

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from cnncli.recipe.draft import Draft
    from cnncli.recipe.section import Section

_KINDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a word",
    "tuple_type": "a list",
    "model_type": "a section",
}
_BOUNDS = {
    "greater_than": ("gt", "too small", "above"),
    "greater_than_equal": ("ge", "too small", "of at least"),
    "less_than": ("lt", "too large", "below"),
    "less_than_equal": ("le", "too large", "of at most"),
}
_REQUIRED: dict[KeyPath, str] = {
    ("model",): "model: {name: lenet}",
    ("model", "name"): "name: lenet",
    ("data",): "data: {name: digits}",
    ("data", "name"): "name: digits",
}


def complaint(error: ValidationError, draft: Draft) -> RequestError:
    """The first thing that is wrong with `draft`, and how many more there are.

    A key that nobody knows comes first: what is missing may be what it was meant to be.
    """
    found = sorted(error.errors(include_url=False), key=lambda entry: entry["type"] != "extra_forbidden")
    path = _path(found[0])
    more = len({_path(entry) for entry in found}) - 1
    wrong = _wrong(found[0], path, draft)
    return draft.refusal(path, f"{wrong} (and {more} more to mend)" if more else wrong)


def _path(entry: ErrorDetails) -> KeyPath:
    """The path in the recipe: pydantic's, without the tags that tell the classes of a union apart."""
    loc: KeyPath = entry["loc"]
    if loc[:1] in {("optimizer",), ("schedule",)}:
        loc = (*loc[:1], *loc[2:])
    elif loc[:2] == ("data", "augment"):
        loc = (*loc[:3], *loc[4:])
    elif loc[:2] == ("model", "frozen"):
        loc = loc[:3]
    elif loc[:1] == ("model",):
        loc = loc[:2]
    if len(loc) == 1 and entry["type"].startswith("union_tag") and isinstance(entry["input"], Mapping):
        loc = (*loc, "name")
    return (*loc, *entry.get("ctx", {}).get("path", ()))


def _wrong(entry: ErrorDetails, path: KeyPath, draft: Draft) -> str:
    kind = entry["type"]
    if kind == "clash":
        return str(entry["ctx"]["wrong"])
    if kind == "missing":
        return f"is missing; write {_REQUIRED[path]}"
    return _unknown_key(path, draft) if kind == "extra_forbidden" else _wrong_value(entry, path, draft)


def _wrong_value(entry: ErrorDetails, path: KeyPath, draft: Draft) -> str:
    kind, value = entry["type"], entry["input"]
    if kind in _BOUNDS:
        return _out_of_range(value, kind, entry["ctx"])
    if path[:2] == ("data", "augment") and len(path) == 3:
        return _no_augmentation(value)
    if path[-1] == "randaugment":
        return f"{_shown(value)} is no number of changes and their strength; write {EXAMPLES['randaugment']}"
    if path in keys() and kind.startswith(("literal", "union")):
        return _no_choice(path, draft.at(path))
    return _wrong_kind(entry, path, draft)


def _unknown_key(path: KeyPath, draft: Draft) -> str:
    if path in keys():  # of this section, but not under its name
        names = [_default_name(section) for section in keys()[path]]
        typed = draft.places.get(path, "").partition("=")[2]
        cure = f"remove it, or write {path[0]}" + (f"={names[0]} as well" if typed else f".name: {names[0]}")
        return f"is a key of {', '.join(names)}, not of {_name(path, draft)}; {cure}"
    if path[:2] == ("data", "augment"):  # randaugment alone has keys of its own
        return f"unknown key; write {EXAMPLES['randaugment']}"
    if meant := suggestion(path):
        return f"unknown key; did you mean {meant!r}?"
    place = f"of {path[0]}" if len(path) > 1 else "of a recipe"
    return f"unknown key; the keys {place} are {', '.join(known(path[:-1]))}"


def _out_of_range(value: float, kind: str, context: Mapping[str, Any]) -> str:
    key, wrong, side = _BOUNDS[kind]
    bound = context[key]
    if bound == 1 and 2 <= value <= 100:
        return f"{value:g} is too large; write {value / 100:g} for {value:g} %"
    limit = f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"
    return f"{_shown(value)} is {wrong}; write a number {side} {limit}"


def _no_augmentation(value: object) -> str:
    if isinstance(value, Mapping) and len(value) > 1:
        return (
            f"holds {len(value)} augmentations; write each as an entry of its own, as in [{{shift: 2}}, {{rotate: 10}}]"
        )
    name = augmentation(value)
    if name is None:
        return f"{_shown(value)} is no augmentation; write one such as {{shift: 2}} or flip"
    if name not in AUGMENTATIONS:
        return str(UnknownName("augmentation", truncate(name, 40), AUGMENTATIONS))
    if name == "flip":
        return "flip stands alone; write flip"
    return f"{name} takes {'n and m' if name == 'randaugment' else 'a number'}; write {EXAMPLES[name]}"


def _no_choice(path: KeyPath, value: object) -> str:
    choices = [
        str(choice) for section in keys()[path] for choice in get_args(section.model_fields[str(path[-1])].annotation)
    ]
    said = str(value) if isinstance(value, str | int) and value else ""
    near = said and (synonyms.one_of(said, synonyms.CHOICES, choices) or nearest(said, choices))
    cure = f"did you mean {near!r}?" if near else f"write one of {', '.join(choices)}"
    return f"{_shown(value)} is none of the choices; {cure}"


def _wrong_kind(entry: ErrorDetails, path: KeyPath, draft: Draft) -> str:
    shown = _shown(entry["input"])
    if len(path) == 1 and path[0] in section_names():
        named = isinstance(entry["input"], str) and "name" in known(path)
        cure = (
            f"{path[0]}: {{name: {truncate(entry['input'], 40)}}}"
            if named
            else f"its keys below it: {', '.join(known(path))}"
        )
        return f"{shown} is not a section; write {cure}"
    if path[0] == "model" and path[:2] not in keys():
        return f"{shown} cannot be an argument of a network; write a word, a number, or true or false"
    if entry["type"] == "too_long":
        return f"has {len(entry['input'])} entries; keep one of each kind"
    wanted = _KINDS.get(entry["type"])
    if wanted is None:  # no rule of the schema ends here today
        return f"{shown} is not allowed; the keys of {path[0]} are {', '.join(known(path[:1]))}"
    return f"{shown} is not {wanted}; write {_meant(entry['input'], wanted) or _example(wanted, path, draft)}"


def _meant(value: object, wanted: str) -> str | None:
    """What was meant by a value of the wrong kind: `10` by `10.0`, `0.1` by `"0.1"`, `1000` by `1,000`."""
    if isinstance(value, float) and value.is_integer() and wanted == "a whole number":
        return str(int(value))
    if not isinstance(value, str):
        return None
    text = value.strip().replace(",", "").lower()
    try:
        found = scalar(text)
    except RequestError:
        return None
    kinds = {"a whole number": (int,), "a number": (int, float), "true or false": (bool,)}.get(wanted, ())
    if type(found) not in kinds:
        return None
    return f"{text} without quotes" if text == value else text


def _example(wanted: str, path: KeyPath, draft: Draft) -> str:
    field = _field(path, draft)
    if wanted == "a list":
        return "one, as in [conv1, conv2]" if path[-1] == "frozen" else "one, as in [{shift: 2}, flip]"
    if field is None:
        return wanted
    null = ", or null for none" if type(None) in get_args(field.annotation) else ""
    example = f", as in {path[-1]}: {field.default}" if type(field.default) in {int, float} else ""
    return f"{wanted}{example}{null}"


def _field(path: KeyPath, draft: Draft) -> FieldInfo | None:
    """The schema's field at `path`, of the class that the section's name chooses."""
    sections = keys().get(path, ())
    chosen = [section for section in sections if len(sections) > 1 and _default_name(section) == _name(path, draft)]
    return next((section.model_fields[str(path[-1])] for section in (*chosen, *sections)), None)


def _name(path: KeyPath, draft: Draft) -> str:
    """The name given in the section of `path`, or the default one."""
    given = draft.at((path[0], "name"))
    return given if isinstance(given, str) else _default_name(keys()[path[0], "name"][0])


def _default_name(section: type[Section]) -> str:
    return str(section.model_fields["name"].default)


def _shown(value: object) -> str:
    """A value for a message: inert, short, and in YAML's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else truncate(repr(value), 60)
