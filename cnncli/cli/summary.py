"""`cnncli summary`: a network layer by layer."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Format, Input, Pairs
from cnncli.cli._values import merge, pairs, shape


def summary(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A network (lenet, lenet@classic) or a run folder.")],
    arguments: Pairs = None,
    *,
    input: Input = None,
    batch_size: Annotated[int, typer.Option("-b", "--batch-size", min=1, help="Examples at once, for the bytes.")] = 1,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="Outputs of the last layer.")] = None,
    all_rows: Annotated[bool, typer.Option("--all", help="Give activations and flatten their own rows.")] = False,
    format: Format = "table",
) -> None:
    """Show a network layer by layer: output sizes, parameters, MACs and receptive fields.

    Example: cnncli summary lenet --input 1x28x28
    """
    from cnncli.render.summary import show_summary
    from cnncli.report import report
    from cnncli.sources import load

    own = merge(pairs(arguments), {"classes": ("--classes", classes)})
    found = report(load(source, input=shape(input) if input else None, arguments=own), batch_size=batch_size)
    show_summary(found, format, all_rows=all_rows)
    if found.failure:
        raise typer.Exit(2)
