"""The network of a run folder: as its recipe has it, for the classes and the images of its data. Free of torch."""

from __future__ import annotations

from pathlib import Path

from cnncli.errors import RequestError
from cnncli.sources.request import Loaded, Request


def read(request: Request) -> Loaded:
    """The network that the run trains."""
    from cnncli.data import dataset
    from cnncli.sources.networks import network_for
    from cnncli.sources.recipes import input_size
    from cnncli.training.resume import run_folder, run_recipe

    folder, own = Path(request.source), request.arguments
    recipe = folder / "recipe.yaml"
    if not recipe.is_file():
        run_folder(request.source)  # says what is there instead
    found = run_recipe(folder)
    classes = own.get("classes", len(dataset(found.data.name).classes))
    if not isinstance(classes, int):
        raise RequestError(f"classes takes a whole number, not {classes!r}")
    arguments = {**found.model.arguments, **{key: value for key, value in own.items() if key != "classes"}}
    return Loaded(network_for(found.model.name, request.shape() or input_size(found), arguments, classes))
