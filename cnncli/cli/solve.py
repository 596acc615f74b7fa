"""`cnncli solve`: from sizes back to windows, and from a network back to its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from cnncli.cli._options import Dilation, Format, Kernel, NoBatch, Pad, Pairs, Stride
from cnncli.cli._values import pairs, spread
from cnncli.errors import RequestError
from cnncli.layers.parsing import inputs as given_inputs
from cnncli.layers.parsing import shape
from cnncli.sources.request import Request

if TYPE_CHECKING:
    from cnncli.analysis.solve_layer import Question


def solve(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE", show_default=False, help="A network (vgg16), or another source as in summary."
        ),
    ] = None,
    arguments: Pairs = None,
    *,
    input: Annotated[
        str | None, typer.Option("--input", metavar="N|HxW", help="The size that goes in (CxHxW with SOURCE).")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", metavar="N|HxW", help="The size that is to come out.")
    ] = None,
    no_batch: NoBatch = False,
    k: Kernel = None,
    stride: Stride = None,
    pad: Pad = None,
    dilation: Dilation = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="conv (the default), conv-transpose, max-pool …")
    ] = None,
    ceil: Annotated[bool, typer.Option("--ceil", help="Round the output size up (pooling).")] = False,
    max_k: Annotated[int, typer.Option("--max-k", min=1, help="Kernels up to this.")] = 15,
    max_stride: Annotated[int, typer.Option("--max-stride", min=1, help="Strides up to this.")] = 8,
    max_pad: Annotated[int, typer.Option("--max-pad", min=0, help="Padding up to this, on each side.")] = 7,
    max_dilation: Annotated[int, typer.Option("--max-dilation", min=1, help="Dilation up to this.")] = 3,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows of the table; JSON and CSV have all.")] = 12,
    format: Format = "table",
) -> None:
    """Find every window that turns one size into another; or a network's inputs.

    With --input and --output: all kernels, strides, paddings and dilations that
    do it, the simplest first: less dilation, no gaps between windows, odd kernels
    (convolutions), less padding, smaller kernels and strides. One value serves
    both axes unless two are given.

    With SOURCE: the smallest input that the network takes, and the sizes that
    leave no pixel unread; with --output 7x7, the inputs whose last map before
    global pooling or a dense layer has that size.

    "None" is an answer: it exits with 0 and names the nearest sizes.

    Example: cnncli solve --input 224 --output 55 --k 11
    """
    given = {"--k": k, "--stride": stride, "--pad": pad, "--dilation": dilation, "--kind": kind, "--ceil": ceil or None}
    if source is not None:
        alone = next((flag for flag, value in given.items() if value is not None), None)
        if alone:
            raise RequestError(f"{alone} is about one window, {source!r} is a network; leave one of them out")
        asked = Request(source, given_inputs([input] if input else None), pairs(arguments), batch=not no_batch)
        _solve_network(asked, output, format)
        return
    from cnncli.analysis.solve_layer import nearest, solutions
    from cnncli.render.solve import show_windows

    most = {"kernel_size": max_k, "stride": max_stride, "padding": max_pad, "dilation": max_dilation}
    question = _question(input, output, given, most)
    found = solutions(question)
    show_windows(question, found, [] if found else nearest(question), format, limit)


def _question(input: str | None, output: str | None, given: Mapping[str, object], most: Mapping[str, int]) -> Question:
    from cnncli.analysis.solve_layer import ask
    from cnncli.layers.factory import argument_name, kind_of
    from cnncli.models import cure_of_network

    if input is None or output is None:
        raise RequestError("solve takes --input and --output (--input 224 --output 55), or a network (solve vgg16)")
    spec = kind_of(str(given["--kind"] or "conv"), cure_of_network)
    names = {"--k": "kernel_size", "--stride": "stride", "--pad": "padding", "--dilation": "dilation"}
    values = {
        argument_name(spec, name, flag): spread(str(given[flag]))
        for flag, name in names.items()
        if given[flag] is not None
    }
    if given["--ceil"]:
        argument_name(spec, "ceil_mode", "--ceil")
    return ask(spec, shape(input), shape(output, "--output"), values, most=most, ceil=bool(given["--ceil"]))


def _solve_network(request: Request, output: str | None, format: str) -> None:
    from cnncli.analysis.solve_map import inputs_for
    from cnncli.analysis.solve_network import inputs
    from cnncli.render.solve import show_inputs, show_maps
    from cnncli.sources import load

    network = load(request).network
    if output is None:
        show_inputs(network, inputs(network), format)
    else:
        show_maps(network, inputs_for(network, shape(output, "--output")), format)
