"""The recipes that come with cnncli, each with what its header says of it.

A header is the comment that a recipe begins with: the command that trains it, what it trains, and from the word "Reaches" on what
came of that, with the figures that were measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnncli.errors import CnncliError, DataError, RequestError
from cnncli.files import place, reason
from cnncli.formats.strict_yaml import read
from cnncli.sources.recipes import Recipe, available, load, recipe_file
from cnncli.text import truncate

REACHES = "Reaches "


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A recipe on the shelf. about: what it trains · reaches: what was measured of it; both sentences of its header"""

    name: str
    recipe: Recipe
    about: str
    reaches: str


def shelf() -> list[Shipped]:
    """All shipped recipes by name."""
    return [shipped(name) for name in available()]


def shipped(name: str) -> Shipped:
    """The shipped recipe called `name`; raises `UnknownName`."""
    file = recipe_file(name)
    about, reaches, figures = header(file.read_text(encoding="utf-8")).partition(REACHES)
    recipe = Recipe.model_validate(read(file).value)
    return Shipped(name=name, recipe=recipe, about=about.strip(), reaches=reaches + figures)


def header(text: str) -> str:
    """The comment that a recipe begins with, less its first line, in one line."""
    lines = text.splitlines()
    end = next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.removeprefix("#").strip() for line in lines[1:end])


def text_of(name: str) -> str:
    """A recipe as it is written, by its name or path; raises what `load` raises."""
    load(name)
    return recipe_file(name).read_text(encoding="utf-8-sig")


def copy(name: str, target: str | None, *, force: bool = False) -> Path:
    """Copy the recipe called `name` to the file or into the folder `target`, or into the current folder; where it is now.

    Raises `RequestError` where something is there already, unless `force`, and `DataError` where it cannot be written.
    """
    text = text_of(name)
    path = Path(target or f"{Path(name).stem}.yaml")
    path = path / f"{Path(name).stem}.yaml" if path.is_dir() else path
    shown = truncate(str(path), 300)
    if path.suffix.lower() not in {".yaml", ".yml"}:
        raise RequestError(f"{shown}: a recipe's file ends in .yaml; write {shown}.yaml")
    if path.exists() and not force:
        raise RequestError(f"{shown} is there already; write another name, or --force to overwrite it")
    if not path.parent.is_dir():
        raise DataError(
            f"cannot write {shown!r}: there is no folder {truncate(str(path.parent), 300)!r}; make it first"
        )
    try:
        place(text.encode(), path)
    except OSError as error:
        raise DataError(f"cannot write {shown!r}: {reason(error)}; go to a folder that can be written") from error
    return path


def faults(names: Sequence[str]) -> dict[str, CnncliError | None]:
    """What is wrong with each of these recipes, by name or path; None where nothing is."""
    return {name: _fault(name) for name in names}


def _fault(name: str) -> CnncliError | None:
    try:
        load(name)
    except CnncliError as error:
        return error
    return None
