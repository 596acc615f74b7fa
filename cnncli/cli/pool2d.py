"""`cnncli pool2d`: the largest, or the mean, of every window."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cnncli.cli._options import Array, Channels, Dilation, Every, Format, Kernel, Out, Pad, Size, Stride, Walk
from cnncli.cli._values import image_channels, image_size, picture_path, spread, walking
from cnncli.errors import RequestError


def pool2d(
    *,
    input: Array = None,
    mode: Annotated[Literal["max", "avg"], typer.Option("--mode", help="Take the largest, or the mean.")] = "max",
    k: Kernel = None,
    stride: Stride = None,
    pad: Pad = None,
    dilation: Dilation = None,
    ceil: Annotated[bool, typer.Option("--ceil", help="Round the output size up.")] = False,
    exclude_pad: Annotated[
        bool, typer.Option("--exclude-pad", help="Leave padding out of the mean (count_include_pad off).")
    ] = False,
    grad: Annotated[bool, typer.Option("--grad", help="Show where a gradient goes back to.")] = False,
    step: Walk = False,
    every: Every = None,
    channels: Channels = None,
    size: Size = None,
    out: Out = None,
    format: Format = "table",
) -> None:
    """Take the largest number of every window (max pooling), or the mean (average pooling), of each channel alone.

    Pooling shrinks the maps and has nothing to learn; max keeps what stands out,
    the mean smooths. Without arguments it is the notes' example, kernel 3,
    padding 1, stride 2×1; with --grad, where backpropagation sends a gradient.
    Rows, columns and channels are counted from 0.

    Example: cnncli pool2d --input photo.png --k 8 --mode avg --out pooled.png
    """
    from cnncli.lessons.arrays import is_image, read_maps
    from cnncli.lessons.pooling import NOTES, arange, pooling, saving

    path, depth, wanted = picture_path(out), image_channels(channels), image_size(size)
    walks = walking(step, every, format)
    texts = {"kernel_size": k, "stride": stride, "padding": pad, "dilation": dilation}
    given = {name: spread(text) for name, text in texts.items() if text is not None}
    if not given and input is None:
        given = dict(NOTES)
    given = {"kernel_size": 2, **given, **({"ceil_mode": True} if ceil else {})}
    if input is None and (channels or size):
        raise RequestError("--channels and --size are for images; name one with --input")
    array = read_maps(input, channels=depth, size=wanted) if input is not None else arange()
    mean = {"count_include_pad": False} if exclude_pad else {}
    if mean and mode == "max":
        raise RequestError("--exclude-pad is for --mode avg; padding never wins in max pooling")
    if dilation is not None and mode == "avg":
        raise RequestError("--dilation is for --mode max; torch has no dilated average pooling")
    found = pooling(mode, array, {**given, **mean}, image=is_image(input or ""))
    other = None
    if (format == "table" or path is not None) and dilation is None:
        other = pooling("avg" if mode == "max" else "max", array, given, image=found.image)
    from cnncli.render.pooling import draw, frames, show_pooling
    from cnncli.render.stepping import show_frames
    from cnncli.text import say_picture

    if walks:
        show_frames(frames(found), every)
    show_pooling(found, other, saving() if format == "table" else None, format, grad=grad)
    if path is not None:
        draw(found, other, path, grad=grad)
        if format == "table":
            say_picture(path)
