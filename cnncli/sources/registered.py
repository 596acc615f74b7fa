"""Which models a library registers, read off its source: importing it takes seconds, and a misspelt name should not."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cnncli.errors import RequestError, UnknownName
from cnncli.text import truncate

# Both decorate a model's function with register_model; torchvision may give it another name there.
_REGISTERED = re.compile(
    r'^@register_model(?:\((?:name="(?P<given>\w+)")?\))?\n(?:(?!def ).*\n)*?def (?P<own>\w+)\(', re.MULTILINE
)


@cache
def registered(library: str) -> frozenset[str]:
    """The names of the models in `library`; none where it is not installed, or registers them in some other way."""
    found = find_spec(library)
    places = (found.submodule_search_locations or []) if found else []
    files = [file for place in places for file in Path(place, "models").rglob("*.py")]
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in files)
    return frozenset(match["given"] or match["own"] for text in texts for match in _REGISTERED.finditer(text))


def refuse_unknown(library: str, name: str, where: str = "") -> None:
    """Raise `UnknownName` for a name that `library` surely does not have; the library itself has the last word on others.

    name: what follows after its first dot chooses among weights (timm) · where: begins the message
    """
    names = registered(library)
    if not name:
        raise RequestError(f"{where}{library}: needs a name behind its colon, as in {library}:resnet18")
    if names and name.partition(".")[0] not in names:
        begun = max((each for each in names if name.lower().startswith(each)), key=len, default="")
        raise UnknownName(
            f"{library} model", truncate(name, 40), names, where=where, instead=begun if len(begun) > 4 else ""
        )
