"""`cnncli data`: the data sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnncli.cli._options import Format
from cnncli.errors import DataError, RequestError, UnknownName
from cnncli.registry import synonyms

if TYPE_CHECKING:
    from cnncli.data import Dataset

ACTIONS = ("ls", "info", "fetch")


def data(
    action: Annotated[str, typer.Argument(metavar="ls|info|fetch", show_default=False, help="What to do.")] = "ls",
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", show_default=False, help="A data set: mnist, folder:PATH, fake:3x64x64x10x1000."
        ),
    ] = None,
    *,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE.png", help="info: draw a sheet of samples, a row for each class."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="CxHxW", help="fetch: prepare image files at the size a network takes."),
    ] = None,
    format: Format = "table",
) -> None:
    """List the data sets (ls), look at one (info), or download and check it now (fetch).

    Example: cnncli data info mnist
    """
    action = synonyms.one_of(action, synonyms.ACTIONS, ACTIONS) or action
    _check(action, name, out=out, size=size)
    if name is None:
        _list(format)
    elif action == "info":
        _info(name, out, format)
    else:
        _fetch(name, size, format)


def _list(format: str) -> None:
    from cnncli.data import datasets, families
    from cnncli.files import data_folder
    from cnncli.render.data import show_sets

    show_sets([each for _, each in sorted(datasets().items())], [*families().values()], format, str(data_folder()))


def _info(name: str, out: str | None, format: str) -> None:
    from cnncli.data import dataset
    from cnncli.data.progress import Progress
    from cnncli.data.survey import survey
    from cnncli.render.data import bar, show_set
    from cnncli.render.live import Live

    source, progress = dataset(name), Progress()
    if not source.where().there:
        if out is not None:
            raise DataError(f"{name!r} is not here, so it cannot be drawn; write cnncli data fetch {name}")
        show_set(source, None, format)
        return
    with Live(lambda: bar(progress)):
        found = survey(source, progress)
    if out is not None:
        _draw(source, Path(out))
    show_set(source, found, format)


def _draw(source: Dataset, path: Path) -> None:
    from cnncli.data.survey import samples
    from cnncli.render.data import sheet
    from cnncli.render.plots import placed

    picture = sheet(
        samples(source), f"{source.name[-60:]} · {len(source.classes):,} classes · {source.train:,} to train on"
    )
    placed(picture, path)


def _fetch(name: str, size: str | None, format: str) -> None:
    from cnncli.data import dataset
    from cnncli.data.loading import fetch
    from cnncli.data.progress import Progress
    from cnncli.render.data import bar, show_fetched
    from cnncli.render.live import Live

    source, progress = dataset(name), Progress()
    wanted = _size(source, size) if size is not None else None
    with Live(lambda: bar(progress)):
        fetch(source, wanted, progress)
    show_fetched(source, format)


def _size(source: Dataset, text: str) -> tuple[int, int, int]:
    from cnncli.layers.parsing import shape

    if source.shape[1] is not None:
        raise RequestError(f"--size {text!r}: {source.name} lies in one piece and is sized as it is used; leave it out")
    found = shape(text, "--size")
    if len(found) != 3 or found[0] not in {1, 3} or max(found) > 1024:
        raise RequestError(
            f"--size {text!r} is no size of an image; write 1 or 3 channels and up to 1024 pixels, as in 3x96x96"
        )
    return found[0], found[1], found[2]


def _check(action: str, name: str | None, *, out: str | None, size: str | None) -> None:
    if action not in ACTIONS:
        from cnncli.data import datasets

        found = synonyms.one_of(action, synonyms.SETS, datasets()) or (action if ":" in action else "")
        raise UnknownName(
            "action", action, () if found else ACTIONS, cure=f"write cnncli data info {found}" if found else ""
        )
    if action == "ls" and name is not None:
        raise RequestError(f"data ls takes no name, got {name!r}; cnncli data info NAME looks at one")
    if action != "ls" and name is None:
        raise RequestError(f"data {action} takes a name, as in cnncli data {action} mnist; cnncli data ls lists them")
    if out is not None and (action != "info" or not out.lower().endswith(".png")):
        wrong = "must end in .png" if action == "info" else f"means nothing to data {action}"
        raise RequestError(f"--out {out!r} {wrong}; write cnncli data info NAME --out samples.png")
    if size is not None and action != "fetch":
        raise RequestError(f"--size means nothing to data {action}; write cnncli data fetch NAME --size 3x96x96")
