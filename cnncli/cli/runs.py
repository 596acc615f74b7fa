"""`cnncli runs`: the runs that were trained here, and how some of them differ."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Format
from cnncli.errors import RequestError, UnknownName
from cnncli.registry import synonyms
from cnncli.text import truncate

ACTIONS = ("ls", "compare")


def runs(
    action: Annotated[str, typer.Argument(metavar="ls|compare", show_default=False, help="What to do.")] = "ls",
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", show_default=False, help="compare: run folders, or their names in runs/."),
    ] = None,
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE.png", show_default=False, help="compare: draw all curves into one picture."
        ),
    ] = None,
    format: Format = "table",
) -> None:
    """List the runs of this folder, the newest first (ls); or show in what some differ, and how well they did (compare).

    A run is finished, stopped (cnncli resume goes on with it), running, or
    broken: a file in its folder cannot be read.

    Example: cnncli runs compare lenet-1 lenet-2 --out curves.png
    """
    given = names or []
    action = synonyms.one_of(action, synonyms.ACTIONS, ACTIONS) or action
    _check(action, given, out)
    if action == "ls":
        _list(format)
    else:
        _compare(given, out, format)


def _list(format: str) -> None:
    from cnncli.render.runs import show_runs
    from cnncli.runs.log import logged

    show_runs(logged(), format)


def _compare(given: list[str], out: str | None, format: str) -> None:
    from pathlib import Path

    from cnncli.render.runs import show_comparison
    from cnncli.runs.log import log
    from cnncli.sources.run_folder import find_run

    found = [log(find_run(name)) for name in given]
    if out is not None:
        from cnncli.files.run_folder import write
        from cnncli.render.runs import compared_curves, labels

        write(Path(out), compared_curves(dict(zip(labels(found), found, strict=True))))
    show_comparison(found, format)


def _check(action: str, given: list[str], out: str | None) -> None:
    if action not in ACTIONS:
        run = given[0] if given else action
        cure = (
            f"of one run tell cnncli evaluate {truncate(run)}, health, summary; of all, runs ls; of some, runs compare"
        )
        raise UnknownName("action", truncate(action), () if given or "-" in action else ACTIONS, cure=cure)
    if action == "ls" and (given or out is not None):
        wrong = repr(given[0]) if given else f"--out {out!r}"
        raise RequestError(f"runs ls takes no run and draws nothing, got {wrong}; write cnncli runs compare RUN RUN")
    if action == "compare" and len(given) < 2:
        raise RequestError("runs compare takes two runs or more, as in cnncli runs compare lenet-1 lenet-2")
    if out is not None and not out.lower().endswith(".png"):
        raise RequestError(f"--out {out!r} must end in .png")
