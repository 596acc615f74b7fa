"""`cnncli padding`: what padding and stride do to sizes, and to how often each pixel is read."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Dilation, Format, Kernel, Out, Pad, Stride
from cnncli.cli._values import picture_path, spread


def padding(
    *,
    input: Annotated[str, typer.Option("--input", metavar="HxW", help="The input's height and width.")] = "5x5",
    k: Kernel = "3",
    stride: Stride = "1",
    pad: Pad = "0",
    dilation: Dilation = "1",
    out: Out = None,
    format: Format = "table",
) -> None:
    """Show what padding and stride do: the output's size, and how often each pixel is read.

    Without padding a corner is read once and the middle as often as the kernel
    has taps, so that what stands at the edge counts for little; same padding
    keeps the size at stride 1; a larger stride may leave the last pixels unread.

    Example: cnncli padding --input 7x7 --k 3 --stride 2 --pad 1
    """
    from cnncli.layers.parsing import shape
    from cnncli.lessons.padding import choices

    path = picture_path(out)
    size = shape(input)
    found = choices(size * 2 if len(size) == 1 else size, *map(spread, (k, stride, dilation, pad)))
    from cnncli.render.padding import draw, show_padding
    from cnncli.text import say_picture

    show_padding(found, format)
    if path is not None:
        draw(found, path)
        if format == "table":
            say_picture(path)
