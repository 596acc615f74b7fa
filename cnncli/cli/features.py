"""`cnncli features`: an image on its way through a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from cnncli.cli._options import Format, Inputs, Pairs, Seed, Source, Which
from cnncli.cli._values import pairs
from cnncli.errors import RequestError
from cnncli.layers.parsing import inputs


def features(
    source: Source,
    arguments: Pairs = None,
    *,
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="FILE", show_default=False, help="The image; without, a run's first test image."
        ),
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option("--row", metavar="NAME", show_default=False, help="These layers only; once for each."),
    ] = None,
    maps: Annotated[int, typer.Option("--maps", min=1, max=256, help="Maps on a sheet, at most.")] = 16,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Maps channel by channel; without, the strongest first.")
    ] = False,
    gradcam: Annotated[
        bool, typer.Option("--gradcam", help="Show where the evidence for a class lies (Grad-CAM).")
    ] = False,
    wanted: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", show_default=False, help="For which; without, the likeliest."),
    ] = None,
    invert: Annotated[bool, typer.Option("--invert", help="Exchange black and white first.")] = False,
    input: Inputs = None,
    which: Which = None,
    seed: Seed = 0,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            show_default=False,
            help="Where pictures go; without, features/ in the run, else features-NAME here.",
        ),
    ] = None,
    format: Format = "table",
) -> None:
    """Follow an image through a network: what each layer makes of it, as figures and as pictures of its maps.

    Early maps look like the image, its edges and strokes; later ones are small
    and answer to whole shapes. Zeros are what ReLU has silenced. Grad-CAM adds
    up the last convolution's maps, each weighted by how much it moves the score
    of a class: where the network saw what it says. One --row weighs that layer's
    and draws its filters. Channels, rows and columns are counted from 0.

    Without a trained run, weights are random, or torchvision's with
    torchvision:NAME weights=DEFAULT.

    Example: cnncli features runs/lenet-1 --image seven.png --gradcam
    """
    from cnncli.lessons.subject import asked

    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise RequestError(f"--out {out!r} is a file; write the name of a folder")
    if wanted is not None and not gradcam:
        raise RequestError("--class is whose evidence is shown; write --gradcam too")
    found = asked(source, inputs=inputs(input), arguments=pairs(arguments), which=which)
    if image is None and found.run is None:
        raise RequestError(f"{source} has no images of its own; write --image FILE")
    folder = Path(out) if out else found.run.path / "features" if found.run else Path(f"features-{_slug(source)}")
    from cnncli.lessons.features import walk
    from cnncli.lessons.gradcam import evidence
    from cnncli.lessons.input_image import image_of
    from cnncli.lessons.subject import subject
    from cnncli.render.features import Seen, show_features
    from cnncli.render.features_plot import draw
    from cnncli.text import complain

    network = subject(found, seed)
    if network.note:
        complain(network.note)
    pixels, name = image_of(network, image, invert=invert)
    seen = walk(network, pixels, row or [])
    heat = evidence(network, pixels, row[0] if row and len(row) == 1 else None, wanted) if gradcam else None
    title = f"{network.network.name} · {network.weights} · {name}"
    pictures = draw(seen, heat, folder, title, most=maps, in_order=in_order)
    show_features(Seen(network, name, seen, heat, pictures), format)


def _slug(source: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", source).strip("-.") or "network"
