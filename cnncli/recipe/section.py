"""What the sections of a recipe have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, Discriminator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Keys that belong together: frozen, closed to keys it does not know, and strict.

    Text is never read as a number, nor a number as text; a whole number may stand for a fraction.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def by_name(default: str) -> Discriminator:
    """Tells the class of a section whose keys depend on its `name`; `default` is the name left out."""

    def name(section: object) -> str | None:
        found = section.get("name", default) if isinstance(section, Mapping) else getattr(section, "name", None)
        return found if isinstance(found, str) else None

    return Discriminator(name)


def clash(path: tuple[str, ...], wrong: str) -> NoReturn:
    """Refuse the key at `path`, counted from the section that checks, because of another key."""
    kind = "clash"
    raise PydanticCustomError(kind, "{wrong}", {"path": path, "wrong": wrong})
