"""`cnncli predict`: what a trained network takes images for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cnncli.cli._mistake import typed
from cnncli.cli._options import Device, Format, Run, Which
from cnncli.errors import RequestError


def predict(
    run: Run,
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|FOLDER|-",
            show_default=False,
            help="Image files, folders of them, or - for paths on stdin, one a line.",
        ),
    ],
    *,
    top: Annotated[int, typer.Option("--top", min=1, help="Show so many classes of each image.")] = 3,
    which: Which = None,
    batch_size: Annotated[
        int | None, typer.Option("-b", "--batch-size", min=1, help="Images at once; without, as many as suit.")
    ] = None,
    device: Device = "auto",
    invert: Annotated[
        bool,
        typer.Option(
            "--invert",
            help="Exchange black and white first: for ink on paper, where training images are white on black.",
        ),
    ] = False,
    null: Annotated[
        bool, typer.Option("-0", "--null", help="Paths on stdin end with a NUL byte (find -print0).")
    ] = False,
    format: Format = "table",
) -> None:
    """Say what a trained network takes images for: the likeliest classes with their probabilities.

    Each image is prepared as image files are for training: turned upright as
    its EXIF says, scaled until it covers the network's input, cut to it about
    the centre, in the network's channels, normalised. Nothing is inverted unless
    --invert says so; where that looks necessary, a line on stderr tells.

    An image that cannot be read is one line on stderr; the others go on, and
    the exit code is 3.

    Example: cnncli predict runs/lenet-1 seven.png photos/ --top 2
    """
    from cnncli.data.named import named
    from cnncli.runs.judging.request import trained

    if Path(run).is_file() and Path(images[0], "recipe.yaml").is_file():
        raise RequestError(f"the run comes first; write {typed('predict', images[0], run, *images[1:])}")
    asked = trained(run, which, device)
    wanted = named(images, sys.stdin.buffer.read, nul=null)
    from cnncli.render.predictions import show_predictions
    from cnncli.training.process import settle_in

    settle_in()
    from cnncli.runs.load import opened
    from cnncli.runs.predict import predictions
    from cnncli.text import complain

    network = opened(asked.path, asked.which, asked.device)
    if network.note:
        complain(network.note)
    found = predictions(network, wanted, top=top, batch_size=batch_size, invert=invert)
    raise typer.Exit(show_predictions(found, len(wanted), format, inverted=invert))
