"""`key=value` on the command line: what it sets in a recipe.

A key is dotted (`optimizer.lr`) or bare (`lr`) where one section alone has it; a bare key that no section has may be an
argument of the network's own. A value follows the rules of YAML scalars, or is a YAML list: `augment=[{shift: 2}, flip]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from cnncli.errors import RequestError, nearest
from cnncli.formats.strict_yaml import KeyPath, Value, dotted, parse
from cnncli.formats.yaml_scalar import scalar
from cnncli.recipe.draft import Draft
from cnncli.recipe.keys import keys, known, same_elsewhere, section_names, suggestion
from cnncli.registry import synonyms
from cnncli.text import truncate

# Their other keys belong to the name: a new one starts the section afresh (a rate that suits SGD ruins Adam).
_NAMED = ("model", "optimizer", "schedule")
_HAVE_NAMES = (*_NAMED, "data")


@dataclass(frozen=True)
class Override:
    """`key=value` as written: the key with underscores for hyphens, the value read, and the text for errors."""

    key: str
    value: Value
    text: str


def override(text: str) -> Override:
    """`text` split at its first equals sign and its value read; raises `RequestError`."""
    shown = truncate(text)
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise RequestError(f"{truncate(repr(text))} is not key=value; write it as in lr=0.1")
    if not value:
        raise RequestError(f"{shown} sets nothing; write a value, or null for none")
    return Override(key.replace("-", "_"), _value(value, shown), shown)


def apply(draft: Draft, texts: Sequence[str], arguments: Callable[[Draft], Iterable[str]]) -> Draft:
    """`draft` with the overrides `texts` set, in no matter what order.

    arguments: the names of the arguments that the network of a draft takes. A new `name` of model, optimizer or schedule
    starts that section afresh. Raises `RequestError` for what is malformed, unknown, ambiguous or set twice.
    """
    overrides = [_with_section_name(override(text)) for text in texts]
    names = [entry for entry in overrides if entry.key in {f"{section}.name" for section in _NAMED}]
    for entry in names:
        draft = _renamed(draft, entry)
    own = list(arguments(draft))
    seen: dict[KeyPath, Override] = {}
    for entry in overrides:
        where = path(entry, own)
        if where in seen:
            raise RequestError(f"{entry.text}: {dotted(where)} is set already, by {seen[where].text}; keep one")
        seen[where] = entry
        _refuse_sum(entry, where, draft)
        draft = draft if entry in names else draft.having(where, entry.value, entry.text)
    return draft


def _with_section_name(entry: Override) -> Override:
    """`optimizer=adam` as `optimizer.name=adam`, by another program's name for the section too."""
    key = (
        f"{entry.key}.name" if entry.key in _HAVE_NAMES else ("." not in entry.key and same_elsewhere(entry.key)) or ""
    )
    return replace(entry, key=key) if key.endswith(".name") and isinstance(entry.value, str) else entry


def _refuse_sum(entry: Override, where: tuple[str, ...], draft: Draft) -> None:
    """Raise `RequestError` for `epochs=+1`, which would set 1."""
    number = entry.value if isinstance(entry.value, int | float) else 0
    if number and entry.text.partition("=")[2].lstrip().startswith("+"):
        sections = keys().get(where, ())
        before = (
            draft.at(where) if draft.at(where) is not None else sections and sections[0].model_fields[where[-1]].default
        )
        total = (
            f"; write {entry.key}={before + number:g} for {number:g} more" if isinstance(before, int | float) else ""
        )
        raise RequestError(f"{entry.text}: a key is set, not added to{total}, or {entry.key}={number:g}")


def path(entry: Override, own: Sequence[str] = ()) -> tuple[str, ...]:
    """The path of the key that `entry` sets, `own` being the arguments of the network; raises `RequestError`."""
    parts = tuple(entry.key.split("."))
    if parts in keys() or (len(parts) == 2 and parts[0] == "model" and parts[1]):
        return parts
    if len(parts) == 1 and parts[0] in section_names():
        raise RequestError(
            f"{entry.text}: {parts[0]} is a section; set one of its keys, as in {_first_key(parts[0])}=…"
        )
    found = [key for key in _paths(own) if key[-1:] == parts]
    if not found and len(parts) == 1 and (same := same_elsewhere(entry.key)):
        return tuple(same.split("."))
    if len(found) > 1:
        choices = ", ".join(dotted(key) for key in found)
        raise RequestError(f"{entry.text}: {entry.key} may be {choices}; write one of them")
    if not found:
        cure = synonyms.meant(synonyms.ADVICE, parts[-1]) or _cure(parts, own)
        raise RequestError(f"{entry.text}: unknown key {truncate(repr(entry.key), 60)}; {cure}")
    return found[0]


def _paths(own: Sequence[str]) -> list[tuple[str, ...]]:
    return [*(tuple(map(str, key)) for key in keys()), *(("model", name) for name in own)]


def _renamed(draft: Draft, entry: Override) -> Draft:
    """The section starts afresh, unless it has that name already, or is wrong in itself and to be refused for it."""
    section = entry.key.partition(".")[0]
    default = keys()[section, "name"][0].model_fields["name"].default
    given = draft.at((section, "name"))
    if entry.value == (default if given is None else given) or not isinstance(draft.values.get(section, {}), dict):
        return draft.having((section, "name"), entry.value, entry.text)
    return draft.having((section,), {"name": entry.value}, entry.text)


def _cure(parts: tuple[str, ...], own: Sequence[str]) -> str:
    """What to write for the unknown key `parts`."""
    if len(parts) > 1:
        meant = suggestion(parts)
        meant = meant if meant is None or "." in meant else f"{parts[0]}.{meant}"
    else:
        meant = nearest(parts[0], own) or suggestion(parts)
    if meant in section_names():
        meant = _first_key(str(meant))
    if meant:
        return f"did you mean {meant!r}?"
    bare = sorted({key[-1] for key in _paths(own)} - {"name"})
    return f"the keys are {', '.join(bare)}, and name in four sections"


def _first_key(section: str) -> str:
    return f"{section}.{known((section,))[0]}"


def _value(text: str, shown: str) -> Value:
    """YAML where the text begins like a list, a mapping or a quotation, else a scalar as it stands."""
    try:
        return parse(text, shown).value if text[0] in "[{\"'" else scalar(text)
    except RequestError as error:
        wrong = re.sub(rf"^{re.escape(shown)}:\d+: ", "", str(error))  # a line number is no help on a command line
        raise RequestError(f"{shown}: {wrong}") from None
