"""`cnncli evaluate`: how good a trained network is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cnncli.cli._options import Device, Format, Run, Which
from cnncli.errors import RequestError


def evaluate(
    run: Run,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="data.name=NAME", show_default=False, help="The same as --data NAME."),
    ] = None,
    *,
    which: Which = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME", help="Another data set: mnist, folder:PATH, …")
    ] = None,
    split: Annotated[Literal["test", "val", "train"], typer.Option("--split", help="Which of its images.")] = "test",
    batch_size: Annotated[
        int | None, typer.Option("-b", "--batch-size", min=1, help="Images at once; without, as in training.")
    ] = None,
    device: Device = "auto",
    on_bad_image: Annotated[
        Literal["fail", "skip"] | None,
        typer.Option("--on-bad-image", help="What to do with one that cannot be read; without, as the recipe says."),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Where pictures go; without, evaluation/ in the run.")
    ] = None,
    format: Format = "table",
) -> None:
    """Judge a trained network: accuracy with its 95 % interval, each class, confusions, calibration, worst mistakes.

    On the test images of its own data set the figures are those that training
    printed. Another set must have classes of the same names, or some of them;
    its images are brought to the network's size and channels.

    Three pictures show the confusion matrix, accuracy by confidence, and the
    most confident mistakes with what they are and were taken for.

    Example: cnncli evaluate runs/lenet-1 --data folder:my-digits
    """
    from cnncli.runs.judging.request import asked, trained

    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise RequestError(f"--out {out!r} is a file; write the name of a folder")
    wanted = asked(trained(run, which, device), _named(arguments or [], data), split)
    from cnncli.data.progress import Progress
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.training.process import settle_in

    settle_in()
    from cnncli.render.evaluation import show_judgement
    from cnncli.render.evaluation_plots import draw
    from cnncli.runs.evaluate import judge

    progress = Progress()
    with Live(lambda: bar(progress)):
        found = judge(wanted, batch_size=batch_size, on_bad_image=on_bad_image, progress=progress)
        pictures = draw(found, Path(out) if out else wanted.run.path / "evaluation", own=wanted.own)
    show_judgement(found, format, pictures)


def _named(arguments: list[str], data: str | None) -> str | None:
    """The data set that is named in either way."""
    for text in arguments:
        key, _, value = text.partition("=")
        if key != "data.name" or not value:
            raise RequestError(f"{text!r} means nothing here; write --data NAME for other images")
        if data not in {None, value}:
            raise RequestError(f"--data {data!r} and {text!r} contradict each other; write one of them")
        data = value
    return data
