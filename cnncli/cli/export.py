"""`cnncli export`: a trained network for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Format


def export(
    run: Annotated[
        str, typer.Argument(metavar="RUN", show_default=False, help="A run's folder, or its name in runs/.")
    ],
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="onnx|pt2|safetensors|code", show_default=False, help="The format.")
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", show_default=False, help="Where to; without, model.* in the run folder."),
    ] = None,
    which: Annotated[
        str | None,
        typer.Option("--which", metavar="last|best", show_default=False, help="Weights; best where there are."),
    ] = None,
    preprocess: Annotated[
        bool, typer.Option("--preprocess", help="onnx, pt2: take uint8 pixels, the normalisation within the graph.")
    ] = False,
    format: Format = "table",
) -> None:
    """Write a trained network as ONNX, as PyTorch's exported program (pt2), as safetensors, or as plain PyTorch code with weights.

    It takes a batch of any length, C×H×W as the network does: float32, (pixel/255
    − mean)/deviation; with --preprocess uint8 pixels. Mean, deviation, size and
    class names are in the file's metadata, under the key cnncli.

    What was written is read back and run beside the network on up to 10,000
    test images of the run's data (on noise where they are not at hand). Scores
    may differ by 1e-4 of the largest; else nothing is kept, and the exit code
    is 1. ONNX needs pip install 'cnncli[export]'.

    Example: cnncli export runs/lenet-1 --to onnx
    """
    from cnncli.data.progress import Progress
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.runs.export.request import wanted
    from cnncli.training.process import settle_in

    asked = wanted(run, to, which=which, out=out, preprocess=preprocess)
    settle_in()
    from cnncli.render.export import show_export
    from cnncli.runs.export.export import export as write

    comparing = Progress()
    with Live(lambda: bar(comparing)):
        found = write(asked, comparing)
    show_export(found, format)
