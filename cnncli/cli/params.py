"""`cnncli params`: the cost of one layer, and why."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import typer

from cnncli.cli._options import Dilation, Format, Kernel, Pad, Pairs, Stride
from cnncli.cli._values import merge, pairs, spread
from cnncli.layers.parsing import shape


def params(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="conv, max-pool, avg-pool, linear …")],
    arguments: Pairs = None,
    *,
    cin: Annotated[int | None, typer.Option("--cin", help="Channels (or features) that go in.")] = None,
    cout: Annotated[int | None, typer.Option("--cout", help="Channels (or features) that come out.")] = None,
    k: Kernel = None,
    stride: Stride = None,
    pad: Pad = None,
    dilation: Dilation = None,
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
    from cnncli.layers.factory import argument_name, field_called, kind_of, positional, single_layer
    from cnncli.models import cure_of_network
    from cnncli.render.params import show_layer

    spec = kind_of(kind, cure_of_network)
    flags = {
        "cin": ("--cin", cin),
        "cout": ("--cout", cout),
        "kernel_size": ("--k", spread(k)),
        "stride": ("--stride", spread(stride)),
        "padding": ("--pad", spread(pad)),
        "dilation": ("--dilation", spread(dilation)),
        "groups": ("--groups", groups),
        "bias": ("--no-bias", False if no_bias else None),
        "ceil_mode": ("--ceil", True if ceil else None),
    }
    given = {
        argument_name(spec, name, flag): (flag, value) for name, (flag, value) in flags.items() if value is not None
    }
    words = [word for text in arguments or () for word in re.split(r",(?=\w+=)", text)]
    named = {field_called(spec, key): value for key, value in pairs(word for word in words if "=" in word).items()}
    in_order = positional(spec, [spread(word) for word in words if "=" not in word])
    own = merge(named, {key: (f"{key}", value) for key, value in in_order.items()})
    layer, call = single_layer(spec, merge(own, given), shape(input) if input else None)
    show_layer(layer, call, format, convention)
