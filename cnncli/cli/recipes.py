"""`cnncli recipes`: the recipes that come with cnncli, and checking one's own."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from cnncli.cli._options import Format
from cnncli.errors import RequestError, UnknownName
from cnncli.registry import synonyms

ACTIONS = ("ls", "show", "cp", "check", "schema")
_TAKES = {
    "ls": (0, 0, "no name; cnncli recipes show NAME shows one"),
    "show": (1, None, "a recipe, as in cnncli recipes show lenet; cnncli recipes ls lists them"),
    "cp": (1, 2, "a recipe and perhaps where to, as in cnncli recipes cp lenet mine.yaml"),
    "check": (1, None, "files, as in cnncli recipes check mine.yaml"),
    "schema": (0, 0, "no name, as in cnncli recipes schema > recipe.schema.json"),
}
"""How many names each action takes, at least and at most, and how that is said."""


def recipes(
    action: Annotated[
        str, typer.Argument(metavar="ls|show|cp|check|schema", show_default=False, help="What to do.")
    ] = "ls",
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", show_default=False, help="Recipes by name or file; cp: and where to."),
    ] = None,
    *,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="show: write every key out, and take key=value as train does.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="cp: overwrite what is there.")] = False,
    format: Format = "table",
) -> None:
    """List the recipes (ls), print one (show), copy one to change it (cp), check files (check), or print the JSON schema (schema).

    Example: cnncli recipes cp lenet mine.yaml
    """
    given = names or []
    action = synonyms.one_of(action, synonyms.ACTIONS, ACTIONS) or action
    _check(action, given, resolved=resolved, force=force)
    if action == "ls":
        _list(format)
    elif action == "show":
        _show(given, resolved=resolved)
    elif action == "cp":
        _copy(given, force=force)
    elif action == "check":
        _look(given, format)
    else:
        from cnncli.recipe.json_schema import schema

        sys.stdout.write(json.dumps(schema()) + "\n")


def _list(format: str) -> None:
    from cnncli.render.recipes import show_recipes
    from cnncli.sources.library import shelf

    show_recipes(shelf(), format)


def _show(given: list[str], *, resolved: bool) -> None:
    from cnncli.sources.library import text_of
    from cnncli.sources.recipes import load
    from cnncli.sources.recipes import resolved as every_key

    if not resolved and len(given) > 1:
        raise RequestError(f"{given[1]!r} is for --resolved, which shows what key=value makes of a recipe")
    sys.stdout.write(every_key(load(given[0], given[1:])) if resolved else text_of(given[0]))


def _copy(given: list[str], *, force: bool) -> None:
    from cnncli.render.recipes import say_copied
    from cnncli.sources.library import copy

    say_copied(copy(given[0], given[1] if len(given) > 1 else None, force=force))


def _look(given: list[str], format: str) -> None:
    from cnncli.render.recipes import show_faults
    from cnncli.sources.library import faults

    found = faults(given)
    show_faults(found, format)
    raise typer.Exit(max(error.exit_code if error else 0 for error in found.values()))


def _check(action: str, given: list[str], *, resolved: bool, force: bool) -> None:
    if action not in ACTIONS:
        from cnncli.sources.recipes import available

        known = action in available()
        raise UnknownName(
            "action", action, () if known else ACTIONS, cure=f"write cnncli recipes show {action}" * known
        )
    least, most, takes = _TAKES[action]
    if len(given) < least or (most is not None and len(given) > most):
        raise RequestError(f"recipes {action} takes {takes}")
    for flag, wanted, owner in (("--resolved", resolved, "show"), ("--force", force, "cp")):
        if wanted and action != owner:
            raise RequestError(f"{flag} means nothing to recipes {action}; it is for recipes {owner}")
