"""SOURCE on the command line: a built-in network, or a run folder; each becomes a `Network`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cnncli.errors import DataError, UnknownName
from cnncli.layers import Shape
from cnncli.models import models, network
from cnncli.network import Network


def load(source: str, *, input: Shape | None = None, arguments: Mapping[str, object] | None = None) -> Network:
    """The network that `source` names, at the input shape C×H×W.

    Raises `UnknownName`, `RequestError` or `DataError`.
    """
    if _looks_like_a_path(source):
        return _of_run(Path(source), input, arguments or {})
    try:
        return network(source, input=input, **dict(arguments or {}))
    except UnknownName:
        if source.partition("@")[0] not in models() and Path(source).is_dir():
            return _of_run(Path(source), input, arguments or {})
        raise


def _looks_like_a_path(source: str) -> bool:
    return "/" in source or "\\" in source


def _of_run(folder: Path, input: Shape | None, arguments: Mapping[str, object]) -> Network:
    """The network of a run folder, as its recipe has it."""
    from cnncli.recipe import load as load_recipe

    recipe = folder / "recipe.yaml"
    if not recipe.is_file():
        raise DataError(f"{folder} is no run folder: it holds no recipe.yaml; name a network, or a folder below runs/")
    found = load_recipe(str(recipe)).model
    own = {key: value for key, value in found.model_dump().items() if key not in {"name", "weights"}}
    return network(found.name, input=input, **(own | dict(arguments)))
