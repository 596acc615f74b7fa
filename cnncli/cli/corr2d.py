"""`cnncli corr2d`: cross-correlation, the sum of products that a convolutional layer is made of."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Array, Channels, Dilation, Every, Format, Out, Pad, Size, Stride, Walk
from cnncli.cli._values import image_channels, image_size, picture_path, spread, walking


def corr2d(
    *,
    input: Array = None,
    k: Annotated[
        str | None,
        typer.Option(
            "--k",
            metavar="NUMBERS|FILE|NAME",
            show_default=False,
            help="The kernel: as --input (several parted by ||), or identity, box, gaussian, gaussian5, sharpen, sobel, "
            "prewitt, scharr (-x, -y), laplacian, emboss. Without, the textbook's 2×2.",
        ),
    ] = None,
    pad: Pad = None,
    stride: Stride = None,
    dilation: Dilation = None,
    bias: Annotated[
        str | None,
        typer.Option("--bias", metavar="NUMBERS", help="Added to each sum; one, or one for each output map."),
    ] = None,
    flip: Annotated[bool, typer.Option("--flip", help="Turn the kernel by 180° first: a true convolution.")] = False,
    step: Walk = False,
    every: Every = None,
    channels: Channels = None,
    size: Size = None,
    check: Annotated[
        bool | None,
        typer.Option(
            "--check/--no-check",
            show_default=False,
            help="Compare with torch; without, in the table alone, after the result.",
        ),
    ] = None,
    out: Out = None,
    format: Format = "table",
) -> None:
    """Slide a kernel over an input, multiply element by element and add up: two-dimensional cross-correlation.

    That is what a convolutional layer computes; it adds a bias and learns both.
    Without arguments the textbook's example is computed, with the loop behind it
    and the arithmetic of its first element; --step walks all of them. Rows,
    columns, channels and maps are counted from 0.

    Example: cnncli corr2d --input photo.png --k sobel --pad same --out edges.png
    """
    from cnncli.lessons.arrays import is_image, read_array, read_maps
    from cnncli.lessons.correlation import TEXTBOOK, correlation, kernel_named

    path, depth, wanted = picture_path(out), image_channels(channels), image_size(size)
    walks = walking(step, every, format)
    x = TEXTBOOK[0] if input is None else input
    weights, named = kernel_named(TEXTBOOK[1] if k is None else k)
    given = {"stride": stride, "padding": pad, "dilation": dilation}
    found = correlation(
        read_maps(x, channels=depth, size=wanted),
        weights,
        {name: spread(text) for name, text in given.items() if text is not None},
        bias=read_array(bias, "--bias") if bias is not None else None,
        flip=flip,
        named=named,
        image=is_image(x),
    )
    from cnncli.render.correlation import draw, frames, show_correlation
    from cnncli.render.stepping import show_frames
    from cnncli.text import say_picture

    if walks:
        show_frames(frames(found), every)
    show_correlation(found, format, check=check)
    if path is not None:
        draw(found, path)
        if format == "table":
            say_picture(path)
