"""Options that several commands share, each declared once."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Format = Annotated[
    Literal["table", "json", "csv", "markdown"],
    typer.Option("--format", help="How to print the result: for people, or for scripts."),
]
Pairs = Annotated[
    list[str] | None, typer.Argument(metavar="key=value...", show_default=False, help="Arguments by name.")
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        show_default=False,
        help="A network (lenet, lenet@classic), a net.yaml, a net.onnx, a run folder, torchvision:NAME, timm:NAME, "
        "FILE.py:Class or package.module:factory; the last two are executed.",
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="CxHxW", show_default=False, help="The input's shape, as in 1x224x224; once for each input."
    ),
]
NoBatch = Annotated[
    bool, typer.Option("--no-batch", help="A module's input is as it is written, without a batch axis before it.")
]
Kernel = Annotated[str | None, typer.Option("--k", metavar="N|HxW", help="The kernel, or the window.")]
Stride = Annotated[str | None, typer.Option("--stride", metavar="N|HxW", help="How far it moves.")]
Pad = Annotated[str | None, typer.Option("--pad", metavar="N|HxW|same|valid", help="Padding on each side.")]
Dilation = Annotated[str | None, typer.Option("--dilation", metavar="N|HxW", help="Gaps between the kernel's taps.")]
Array = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="NUMBERS|FILE",
        show_default=False,
        help='The input: numbers ("0 1; 2 3", channels parted by |), a .csv, a .npy or an image; without, an example.',
    ),
]
Run = Annotated[
    str, typer.Argument(metavar="RUN", show_default=False, help="A trained run: its folder, or its name in runs/.")
]
Which = Annotated[
    Literal["last", "best"] | None,
    typer.Option(
        "--which", help="Which checkpoint; without, the best by validation where the recipe validates, else the last."
    ),
]
TensorBoard = Annotated[
    bool,
    typer.Option("--tensorboard", help="Write event files too; needs the extra of that name."),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps; auto is a GPU if there is one.")]
Out = Annotated[
    str | None, typer.Option("--out", metavar="FILE.png", show_default=False, help="Draw a picture into this file.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="What is drawn at random follows from it.")]
Channels = Annotated[
    Literal["1", "3"] | None,
    typer.Option("--channels", show_default=False, help="Read an image in grey (1) or colour (3); without, as it is."),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="HxW",
        show_default=False,
        help="Read an image so large, cut about its centre; without, whole.",
    ),
]
Walk = Annotated[
    bool, typer.Option("--step", help="Walk the window with keys; where there is no terminal, print every step.")
]
Every = Annotated[
    float | None,
    typer.Option(
        "--every", metavar="SECONDS", min=0.01, max=3600, help="Walk by itself, a step every so many seconds."
    ),
]
StopWhenDead = Annotated[
    bool,
    typer.Option(
        "--stop-when-dead", help="End, with exit code 1, after two epochs or more that are no better than guessing."
    ),
]
