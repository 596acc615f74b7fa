"""`cnncli edge-detect`: a kernel learned from an image and its edges."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Every, Format, Out, Seed, Size
from cnncli.cli._values import image_size, picture_path, walking
from cnncli.errors import RequestError


def edge_detect(
    *,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Learn the kernel alone.")] = False,
    lr: Annotated[
        float | None,
        typer.Option("--lr", show_default=False, help="Learning rate; without, 0.01, and with --image the fastest."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            min=1,
            max=200_000,
            show_default=False,
            help="Steps; without, 30, and with --image as many as it takes.",
        ),
    ] = None,
    seed: Seed = 0,
    image: Annotated[
        str | None, typer.Option("--image", metavar="FILE", show_default=False, help="Learn from this image, in grey.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            show_default=False,
            help="The filter to learn back from --image: sobel-x, box, laplacian, … as in corr2d; without, sobel-x.",
        ),
    ] = None,
    size: Size = None,
    step: Annotated[bool, typer.Option("--step", help="Walk the steps with keys.")] = False,
    every: Every = None,
    out: Out = None,
    format: Format = "table",
) -> None:
    """Learn a kernel by gradient descent, from an image and its edges alone; and see how fast it may go.

    The textbook's 1×2 kernel starts at random and ends near [1, −1], 0: it was
    never told what an edge is. Beside it stands the theory, which knows the
    optimum, the largest learning rate that is stable and the fastest before the
    first step. A rate above the limit is warned of, and then shown.

    On a terminal the steps are shown as they go; --every slows them down.

    Example: cnncli edge-detect --image photo.png --target sobel-x --out edges.png
    """
    path, wanted = picture_path(out), image_size(size)
    if lr is not None and not 0 < lr <= 1e9:
        raise RequestError(f"--lr {lr} is no learning rate; write a number above 0 and up to 1e9, as in --lr 0.01")
    if image is None and (target is not None or wanted):
        raise RequestError(f"{'--target' if target else '--size'} is for a photograph; write --image FILE too")
    walking(step, every, format)
    from cnncli.lessons.edge_detect import learn, photograph, prepared, textbook
    from cnncli.render.edge_detect import show_learned, warn, watch

    if image is None:
        given = prepared(textbook(bias=not no_bias))
        lr, steps = lr or 0.01, steps or 30
    else:
        from cnncli.lessons.images import read_image

        pixels = read_image(image, 1, wanted)[0].astype("float64")
        given = prepared(photograph(pixels, target or "sobel-x", bias=not no_bias))
    if lr is not None:
        warn(given, lr)
    found = learn(given, seed=seed, lr=lr, steps=steps)
    if path:
        from cnncli.render.edge_detect_plot import draw

        draw(found, path)
    if format == "table":
        watch(found, every, by_keys=step)
    show_learned(found, format, image, path)
