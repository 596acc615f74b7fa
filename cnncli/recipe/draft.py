"""A recipe as it was written, before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnncli.errors import RequestError
from cnncli.formats.strict_yaml import KeyPath, Value, dotted


@dataclass(frozen=True)
class Draft:
    """Values not yet checked, and the place of each.

    places: from the path of a key to `file:line`, or to the `key=value` that set it; `()` is always there
    """

    values: Mapping[str, Value]
    places: Mapping[KeyPath, str]

    def at(self, path: KeyPath) -> Value:
        """What stands at `path`, at most two keys deep; None where nothing does."""
        found: Value = dict(self.values)
        for key in path:
            found = found.get(str(key)) if isinstance(found, dict) else None
        return found

    def refusal(self, path: KeyPath, wrong: str) -> RequestError:
        """The error that says what is wrong with `path`, in front of it where that was written."""
        known = path
        while known not in self.places:
            known = known[:-1]
        place, key = self.places[known], dotted(path)
        said = not key or place.startswith(f"{key}=")
        return RequestError(f"{place}: {wrong}" if said else f"{place}: {key}: {wrong}")

    def having(self, path: tuple[str, ...], value: Value, place: str) -> Draft:
        """The draft with `value` at `path`, a key or a section and its key, as written at `place`.

        A section that is no mapping stays as it is, to be refused at its own place.
        """
        places = {known: where for known, where in self.places.items() if known[: len(path)] != path} | {path: place}
        section, *inner = path
        if not inner:
            return Draft({**self.values, section: value}, places)
        keys = self.values.get(section, {})
        if not isinstance(keys, dict):
            return self
        return Draft({**self.values, section: {**keys, inner[0]: value}}, places)
