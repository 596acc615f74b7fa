"""`cnncli sharing`: one kernel for all places, what that saves, and where it ends."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import typer

from cnncli.cli._options import Format, Out, Size, Which
from cnncli.cli._values import image_size, picture_path
from cnncli.errors import RequestError
from cnncli.layers.parsing import shape


def sharing(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", show_default=False, help="A trained run to move an image through; without, the lesson."
        ),
    ] = None,
    *,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="FILE", show_default=False, help="Your image; without, one that comes along."),
    ] = None,
    size: Size = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            "--pattern",
            metavar="y,x,h,w",
            show_default=False,
            help="The part to look for; without, one rich in contrast.",
        ),
    ] = None,
    shift: Annotated[
        str | None, typer.Option("--shift", metavar="y,x", show_default=False, help="How far it is moved.")
    ] = None,
    cin: Annotated[int, typer.Option("--cin", min=1, help="Channels of the layer that is counted.")] = 1,
    cout: Annotated[int, typer.Option("--cout", min=1, help="Its maps.")] = 6,
    k: Annotated[str, typer.Option("--k", metavar="N|HxW", help="Its kernel.")] = "5",
    input: Annotated[str, typer.Option("--input", metavar="HxW", help="The map's size.")] = "28x28",
    reach: Annotated[int, typer.Option("--reach", min=1, max=64, help="With RUN: pixels to move by, at most.")] = 8,
    images: Annotated[
        int, typer.Option("--images", min=0, help="With RUN: how many test images are moved too.")
    ] = 1000,
    invert: Annotated[bool, typer.Option("--invert", help="With RUN: exchange black and white first.")] = False,
    which: Which = None,
    out: Out = None,
    format: Format = "table",
) -> None:
    """Show that one kernel finds a pattern wherever it stands, and what a fully connected layer would cost beside it.

    A convolution has one set of weights for all places: the pattern moves, its
    answer moves as far. A fully connected layer between the same sizes has a
    weight for each pair of places and would have to learn it at each.

    With RUN an image is moved through a trained network: its feature maps move
    with it, but the dense layers behind them do not, and may answer otherwise.

    Example: cnncli sharing --shift 3,5
    """
    path = picture_path(out)
    if run is not None:
        _refuse(run, size=size, pattern=pattern, shift=shift)
        _moved_through(run, image, which, reach, images, invert=invert, out=out, format=format)
        return
    if which is not None or invert:
        raise RequestError(f"--{'which' if which else 'invert'} is about a trained run; name it: cnncli sharing RUN")
    from cnncli.lessons.sharing import SHIFT, cost, example, moved, striking
    from cnncli.render.sharing import show_sharing

    kernel, sides = _pair(k, "--k"), _pair(input, "--input")
    costs = cost(cin, cout, kernel, sides)
    down, right = _numbers(shift, "--shift", 2) if shift else SHIFT
    if image is None:
        values, box = example()
    else:
        from cnncli.lessons.images import read_image

        values = read_image(image, 1, image_size(size) or (48, 64))[0].astype("float64")
        box = striking(values, (down, right))
    if pattern:
        top, left, height, width = _numbers(pattern, "--pattern", 4)
        box = top, left, height, width
    found = moved(values, box, (down, right))
    if path:
        from cnncli.render.sharing_plot import draw

        draw(found, costs, path)
    show_sharing(found, costs, format, path)


def _moved_through(
    run: str,
    image: str | None,
    which: Literal["last", "best"] | None,
    reach: int,
    images: int,
    *,
    invert: bool,
    out: str | None,
    format: Literal["table", "json", "csv", "markdown"],
) -> None:
    """An image of the run's own, or the one in a file, at all places up to `reach` pixels away."""
    from cnncli.lessons.subject import asked

    found, path = asked(run, which=which), picture_path(out)
    if found.run is None:
        raise RequestError(f"{run} is no trained run; train one first: cnncli train lenet")
    from cnncli.data.progress import Progress
    from cnncli.lessons.input_image import image_of
    from cnncli.lessons.moving import journey
    from cnncli.lessons.subject import subject
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.render.sharing import show_journey
    from cnncli.text import complain

    network, progress = subject(found), Progress()
    if network.note:
        complain(network.note)
    pixels, name = image_of(network, image, invert=invert)
    with Live(lambda: bar(progress)):
        walked = journey(network, pixels, reach, images, progress)
    if path:
        from cnncli.render.sharing_plot import draw_journey

        draw_journey(walked, f"{network.network.name} · {network.weights} · {name}", path)
    show_journey(network, name, walked, format, path)


def _refuse(run: str, **options: str | None) -> None:
    """Raise `RequestError` for what is about the lesson without a run."""
    for name, value in options.items():
        if value is not None:
            raise RequestError(f"--{name} is about the lesson without a run; leave it, or {run!r}, out")


def _pair(text: str, option: str) -> tuple[int, int]:
    found = shape(text, option)
    if len(found) > 2:
        raise RequestError(f"{option} {text!r} has {len(found)} numbers; write one, or height and width as in 3x5")
    return found[0], found[-1]


def _numbers(text: str, option: str, count: int) -> tuple[int, ...]:
    """`4,6` as whole numbers; raises `RequestError` for another count, or a rectangle of nothing."""
    parts = text.split(",")
    if len(parts) != count or not all(re.fullmatch(r"-?[0-9]{1,5}", part) for part in parts):
        raise RequestError(f"{option} {text!r}: write {count} whole numbers, as in {option} {_AS[option]}")
    return tuple(map(int, parts))


_AS = {"--shift": "4,6", "--pattern": "10,20,8,8"}
