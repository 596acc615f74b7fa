"""The folder is the registry: what a package holds is what its modules declare, found by name and imported when asked for.

A module declares what it offers in a dict (`NETWORKS`, `KINDS`, `DATASETS`), so that nobody keeps a list of modules.
`find` tries the modules whose file name fits first: asking for `vgg16` imports `vgg.py` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from os import listdir
from typing import Any

from cnncli.errors import UnknownName


def stems(package: str) -> list[str]:
    """The names of the modules in `package` (dotted), sorted; private ones left out."""
    paths = import_module(package).__path__
    names = {entry.removesuffix(".py") for path in paths for entry in listdir(path) if entry.endswith(".py")}  # noqa: PTH208
    return sorted(name for name in names if not name.startswith("_"))


def entries(package: str, attribute: str) -> dict[str, Any]:
    """Everything that the modules of `package` declare in their `attribute`; imports them all.

    A name declared twice is a fault in cnncli and raises `ValueError`.
    """
    found: dict[str, Any] = {}
    for stem in stems(package):
        for name, value in _declared(package, stem, attribute).items():
            if name in found:
                raise ValueError(f"{package}: {name!r} is declared twice, the second time in {stem}.py")
            found[name] = value
    return found


def find(package: str, attribute: str, name: str, what: str) -> Any:  # noqa: ANN401  (each registry holds its own type)
    """What `package` declares under `name` in `attribute`; `what` names it in the error. Raises as `look_up` does."""
    return look_up(package, attribute, name, what)[1]


def look_up(package: str, attribute: str, name: str, what: str) -> tuple[str, Any]:
    """What `package` declares under `name` in `attribute`, and how that is spelled there: `LeNet` finds `lenet`.

    Raises `UnknownName` (exit code 2) with the nearest name.
    """
    wanted = letters(name)
    fitting_first = sorted(stems(package), key=lambda stem: (letters(stem) not in wanted, -len(stem), stem))
    for stem in fitting_first:
        declared = _declared(package, stem, attribute)
        if name in declared:
            return name, declared[name]
    known = entries(package, attribute)
    spelled = same_letters(name, known)
    if spelled is None:
        raise UnknownName(what, name, known)
    return spelled, known[spelled]


def same_letters(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that differs from `name` in case and separators alone; None for none, or for several."""
    found = [each for each in known if letters(each) == letters(name)]
    return found[0] if len(found) == 1 else None


def _declared(package: str, stem: str, attribute: str) -> dict[str, Any]:
    declared: dict[str, Any] = getattr(import_module(f"{package}.{stem}"), attribute, {})
    return declared


def letters(name: str) -> str:
    """A name in small letters, without separators."""
    return name.translate(_SEPARATORS).lower()


_SEPARATORS = dict.fromkeys(map(ord, "-_ ."))
