"""`cnncli receptive-field`: which part of the input one unit sees."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Format, Inputs, Out, Pairs, Seed, Source, Which
from cnncli.cli._values import pairs, picture_path
from cnncli.layers.parsing import inputs


def receptive_field(
    source: Source,
    arguments: Pairs = None,
    *,
    row: Annotated[
        str | None, typer.Option("--row", metavar="NAME", show_default=False, help="One layer; without, all of them.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="y,x", show_default=False, help="Which of its units, from 0; without, the middle one."
        ),
    ] = None,
    input: Inputs = None,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="FILE", show_default=False, help="Draw the region on this image (--out)."),
    ] = None,
    gradients: Annotated[
        bool | None,
        typer.Option(
            "--gradients/--no-gradients",
            show_default=False,
            help="Measure by gradients too; without, for one layer only.",
        ),
    ] = None,
    effective: Annotated[
        bool | None,
        typer.Option(
            "--effective/--no-effective",
            show_default=False,
            help="What does move the unit, on average; without, for a trained run.",
        ),
    ] = None,
    images: Annotated[int, typer.Option("--images", min=1, help="How many to average over.")] = 64,
    which: Which = None,
    seed: Seed = 0,
    out: Out = None,
    format: Format = "table",
) -> None:
    """Show which part of the input one unit of a layer sees, by arithmetic; then ask gradients whether that is so.

    Each window widens the receptive field by (k − 1) times the product of the
    strides before it. A unit may see all of its field, but pixels near the
    middle move it most, along many more paths: the effective receptive field,
    measured on a run's own test images (or with random weights on noise).

    Example: cnncli receptive-field lenet --row conv2 --unit 0,0
    """
    from cnncli.lessons.looking import look
    from cnncli.lessons.subject import asked
    from cnncli.render.looking import show_look

    path = picture_path(out)
    found = asked(source, inputs=inputs(input), arguments=pairs(arguments), which=which)
    wanted = look(found, row, unit, gradients=gradients, effective=effective, image=image, picture=path is not None)
    show_look(wanted, format, count=images, seed=seed, path=path)
