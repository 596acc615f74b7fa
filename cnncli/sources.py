"""SOURCE on the command line: a built-in network, or a run folder; each becomes a `Network`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from cnncli.errors import DataError, RequestError
from cnncli.layers import Shape
from cnncli.models import adaptations, edition, models, network
from cnncli.network import Network


class Loaded(NamedTuple):
    """A network, what had to be adapted to its input (`fc1 6,400 → 256 inputs at 96×96`), and remarks: row → figure → words."""

    network: Network
    adapted: tuple[str, ...] = ()
    remarks: Mapping[str, Mapping[str, str]] = MappingProxyType({})


def load(
    source: str,
    *,
    input: Shape | None = None,
    arguments: Mapping[str, object] | None = None,
    strict: bool = False,
) -> Loaded:
    """The network that `source` names, at the input shape C×H×W; `strict` refuses to adapt it.

    Raises `UnknownName`, `RequestError` or `DataError`.
    """
    name, own = source, dict(arguments or {})
    if _is_a_run(source):
        name, of_recipe = _of_run(Path(source))
        own = of_recipe | own
    found = network(name, input=input, **own)
    adapted = tuple(adaptations(name, input, own)) if input or "classes" in own else ()
    if strict and adapted:
        raise RequestError(f"{name}: {adapted[0]}; leave --strict out to adapt it, or write --input {_made_for(name)}")
    return Loaded(found, adapted, {} if adapted else edition(name)[2].remarks)


def _made_for(name: str) -> str:
    return "x".join(map(str, edition(name)[2].input))


def _is_a_run(source: str) -> bool:
    if "/" in source or "\\" in source:
        return True
    return Path(source).is_dir() and source.partition("@")[0] not in models()


def _of_run(folder: Path) -> tuple[str, dict[str, object]]:
    """The network of a run folder, as its recipe has it: its name and arguments."""
    from cnncli.recipe import load as load_recipe

    recipe = folder / "recipe.yaml"
    if not recipe.is_file():
        raise DataError(f"{folder} is no run folder: it holds no recipe.yaml; name a network, or a folder below runs/")
    found = load_recipe(str(recipe)).model
    return found.name, dict(found.arguments)
