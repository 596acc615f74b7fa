"""`cnncli params`: the cost of one layer, and why."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cnncli.cli._options import Format, Pairs
from cnncli.cli._values import merge, pairs, spread
from cnncli.written import shape


def params(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="conv, max-pool, avg-pool, linear …")],
    arguments: Pairs = None,
    *,
    cin: Annotated[
        int | None, typer.Option("--cin", "--in-channels", help="Channels (or features) that go in.")
    ] = None,
    cout: Annotated[
        int | None, typer.Option("--cout", "--out-channels", help="Channels (or features) that come out.")
    ] = None,
    k: Annotated[str | None, typer.Option("--k", "--kernel-size", metavar="N|HxW", help="The kernel.")] = None,
    stride: Annotated[str | None, typer.Option("--stride", metavar="N|HxW", help="How far the kernel moves.")] = None,
    pad: Annotated[
        str | None, typer.Option("--pad", "--padding", metavar="N|HxW|same|valid", help="Zeros on each side.")
    ] = None,
    dilation: Annotated[
        str | None, typer.Option("--dilation", metavar="N|HxW", help="Gaps between the kernel's taps.")
    ] = None,
    groups: Annotated[int | None, typer.Option("--groups", help="Groups of channels that do not mix.")] = None,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Leave the bias out.")] = False,
    ceil: Annotated[bool, typer.Option("--ceil", help="Round the output size up (pooling).")] = False,
    convention: Annotated[
        Literal["torch", "caffe", "tf-same", "tf-valid"],
        typer.Option("--convention", help="Whose rule for the output size."),
    ] = "torch",
    input: Annotated[str | None, typer.Option("--input", metavar="CxHxW|HxW", help="The input's shape.")] = None,
    format: Format = "table",
) -> None:
    """Count one layer's parameters, with the formula; with --input also its output size, MACs and connections.

    Example: cnncli params conv --cin 6 --cout 16 --k 5 --input 14x14
    """
    from cnncli.render.params import show_layer
    from cnncli.single import argument_name, kind_of, single_layer

    spec = kind_of(kind)
    flags = {
        "cin": ("--cin", cin),
        "cout": ("--cout", cout),
        "kernel_size": ("--k", k and spread(k)),
        "stride": ("--stride", stride and spread(stride)),
        "padding": ("--pad", pad and spread(pad)),
        "dilation": ("--dilation", dilation and spread(dilation)),
        "groups": ("--groups", groups),
        "bias": ("--no-bias", False if no_bias else None),
        "ceil_mode": ("--ceil", True if ceil else None),
    }
    given = {
        argument_name(spec, name, flag): (flag, value) for name, (flag, value) in flags.items() if value is not None
    }
    layer, call = single_layer(spec, merge(pairs(arguments), given), shape(input) if input else None)
    show_layer(layer, call, format, convention)
