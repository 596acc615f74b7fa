"""The network of a run folder: as its recipe has it, for the classes and the images of its data. Free of torch."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from cnncli.errors import DataError, RequestError, UnknownName, nearest
from cnncli.files import run_folder as folder
from cnncli.recipe.recipe import Recipe
from cnncli.sources.request import Loaded, Request
from cnncli.text import truncate

_IMAGES = "folder:"  # begins the name of images that may be moved


def read(request: Request) -> Loaded:
    """The network that the run trains."""
    from cnncli.data import dataset
    from cnncli.sources.networks import network_for
    from cnncli.sources.recipes import input_size

    path, own = Path(request.source), request.arguments
    if not (path / folder.RECIPE).is_file():
        find_run(request.source)  # says what is there instead
    found = run_recipe(path)
    classes = own.get("classes", len(dataset(found.data.name).classes))
    if not isinstance(classes, int):
        raise RequestError(f"classes takes a whole number, not {classes!r}")
    arguments = {**found.model.arguments, **{key: value for key, value in own.items() if key != "classes"}}
    return Loaded(network_for(found.model.name, request.shape() or input_size(found), arguments, classes))


def run_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of the run in a folder, checked; raises `RequestError`, and `DataError` where its data are gone."""
    from cnncli.sources.recipes import as_written, load

    file = path / folder.RECIPE
    try:
        return load(str(file), overrides)
    except DataError as error:
        data = as_written(file).data.name if file.is_file() else ""
        if not data.startswith(_IMAGES) or Path(data.removeprefix(_IMAGES)).is_dir():
            raise
        moved = f"{resume_command(path)} data.name=folder:NEW, cnncli evaluate {path.as_posix()} --data folder:NEW"
        raise DataError(f"{error}; if its images were moved: {moved}") from error


def resume_command(path: Path) -> str:
    """What to type to go on with the run in a folder."""
    return f"cnncli resume {shlex.quote(path.as_posix())}"


def find_run(name: str) -> Path:
    """The run folder called `name`, by its path or its name in `runs/`; raises `DataError` or `UnknownName`."""
    for path in (Path(name), folder.RUNS / name):
        if (path / folder.RECIPE).is_file():
            return path
    shown, known = (
        truncate(repr(name), 200),
        [run.as_posix() for run in sorted(folder.runs(), key=folder.written_at, reverse=True)],
    )
    inside = next((parent for parent in Path(name).parents if (parent / folder.RECIPE).is_file()), None)
    of_it = [run for run in known if Path(run).name.rpartition("-")[0] == Path(name).name]
    begin = "train one: cnncli train lenet"
    here = f"the newest here is {known[0]}" if known else begin
    if inside is not None:
        raise DataError(f"{shown} is no run folder, but lies in one: write {inside.as_posix()}")
    if Path(name).exists():
        raise DataError(f"{shown} is no run folder: it holds no {folder.RECIPE}; {here}")
    if of_it:
        raise UnknownName("run", truncate(name, 200), (), instead=of_it[0])
    if known and nearest(name, known):
        raise UnknownName("run", truncate(name, 200), known)
    if Path(name).name != name:
        raise DataError(f"{shown}: there is no such run folder; {here}")
    raise UnknownName("run", truncate(name, 200), (), cure=here)
