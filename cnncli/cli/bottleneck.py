"""`cnncli bottleneck`: what a 1×1 convolution saves."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Format, Out
from cnncli.cli._values import picture_path
from cnncli.errors import RequestError
from cnncli.layers import Shape
from cnncli.layers.parsing import shape

_CIN = 192  # of GoogLeNet's block inception3a, as the other defaults are


def bottleneck(
    *,
    cin: Annotated[int | None, typer.Option("--cin", min=1, help=f"Channels that go in; without, {_CIN}.")] = None,
    mid: Annotated[int, typer.Option("--mid", min=1, help="Channels of the bottleneck.")] = 16,
    cout: Annotated[int, typer.Option("--cout", min=1, help="Channels that come out.")] = 32,
    k: Annotated[str, typer.Option("--k", metavar="N|HxW", help="The wide window.")] = "5",
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Leave the biases out.")] = False,
    input: Annotated[str, typer.Option("--input", metavar="HxW|CxHxW", help="The map's size.")] = "28x28",
    out: Out = None,
    format: Format = "table",
) -> None:
    """Count what a 1×1 convolution saves that cuts the channels before a wide window.

    A wide window pays for every channel it reads. A 1×1 convolution before it
    hands it fewer, as in every Inception block: two cheap layers for one dear
    one. Up to the break-even width that costs less; beyond, more.

    The defaults are the 5×5 path of GoogLeNet's first block (inception3a).

    Example: cnncli bottleneck --cin 256 --mid 64 --cout 256 --k 3 --input 56x56
    """
    from cnncli.layers.conv import Conv2d
    from cnncli.lessons.bottleneck import bottleneck as weighed
    from cnncli.render.bottleneck import show_bottleneck

    path = picture_path(out)
    kernel = shape(k, "--k")
    if len(kernel) > 2:
        raise RequestError(f"--k {k!r} has {len(kernel)} axes; write it as in 5 or 3x5")
    sizes = (kernel * 2)[:2]
    padding = tuple(n // 2 for n in sizes) if all(n % 2 for n in sizes) else "same"
    wide = Conv2d(out_channels=cout, kernel_size=sizes, padding=padding, bias=not no_bias)
    found = weighed(wide, mid, _input(input, cin))
    if path:
        from cnncli.render.bottleneck import draw

        draw(found, path)
    show_bottleneck(found, format, path)


def _input(text: str, cin: int | None) -> Shape:
    """C_in×H×W from --input, which may say the channels, and --cin."""
    sizes = shape(text)
    if len(sizes) not in {2, 3}:
        raise RequestError(f"--input {text!r} is no map; write it as in 28x28 or 192x28x28")
    if len(sizes) == 3 and cin not in {None, sizes[0]}:
        raise RequestError(f"--cin {cin} and --input {text} contradict each other; write one of them")
    return sizes if len(sizes) == 3 else (cin or _CIN, *sizes)
