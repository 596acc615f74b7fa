"""`cnncli models`: the built-in networks."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from cnncli.cli._mistake import typed
from cnncli.cli._options import Format, Inputs, Pairs
from cnncli.cli._values import pairs
from cnncli.errors import RequestError, UnknownName
from cnncli.layers.parsing import inputs
from cnncli.registry import synonyms

ACTIONS = ("ls", "show", "schema")


def models(
    action: Annotated[str, typer.Argument(metavar="ls|show|schema", show_default=False, help="What to do.")] = "ls",
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", show_default=False, help="show: lenet, or one edition, lenet@paper."),
    ] = None,
    arguments: Pairs = None,
    *,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="show: print the network as net.yaml, that of any SOURCE.")
    ] = False,
    input: Inputs = None,
    format: Format = "table",
) -> None:
    """List the built-in networks (ls), tell about one (show), or print the JSON schema of net.yaml (schema).

    Example: cnncli models show lenet
    """
    action = synonyms.one_of(action, synonyms.ACTIONS, ACTIONS) or action
    _check(action, name, yaml=yaml)
    if action == "schema":
        from cnncli.formats import net_yaml

        sys.stdout.write(json.dumps(net_yaml.schema()) + "\n")
    elif name is None:
        from cnncli.render.models import show_models

        show_models(format)
    elif yaml:
        from cnncli.formats import net_yaml
        from cnncli.sources import Request, is_code, load

        request = Request(name, inputs(input), pairs(arguments), training=is_code(name))  # code as `train` takes it
        sys.stdout.write(net_yaml.dump(load(request).network))
    else:
        from cnncli.render.models import show_model
        from cnncli.sources import is_built_in

        if not is_built_in(name):
            raise RequestError(f"models show tells about built-in networks; any other: {typed('summary', name)}")
        if arguments:
            raise RequestError(f"{arguments[0]!r} is for --yaml; the figures of a network: cnncli summary {name}")
        show_model(name, format)


def _check(action: str, name: str | None, *, yaml: bool) -> None:
    if action not in ACTIONS:
        from cnncli.models import models, spelled

        found = spelled(action)
        known = found.partition("@")[0] in models()
        raise UnknownName(
            "action",
            action,
            () if known else ACTIONS,
            cure=f"write cnncli models show {found}" if known else "write ls, show NAME or schema",
        )
    if action == "show" and name is None:
        raise RequestError("models show takes a name, as in cnncli models show lenet; cnncli models ls lists them")
    if action != "show" and name is not None:
        raise RequestError(f"models {action} takes no name, got {name!r}; cnncli models show NAME tells about one")
    if action != "show" and yaml:
        raise RequestError(f"--yaml means nothing to models {action}; write cnncli models show NAME --yaml")
