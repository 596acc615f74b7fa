"""`cnncli code`: a network as a plain PyTorch file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnncli.cli._options import Inputs, NoBatch, Pairs, Source
from cnncli.cli._sound import require_sound
from cnncli.cli._values import merge, pairs
from cnncli.errors import CheckFailed
from cnncli.written import inputs

if TYPE_CHECKING:
    from cnncli.sources import Loaded


def code(
    source: Source,
    arguments: Pairs = None,
    *,
    input: Inputs = None,
    no_batch: NoBatch = False,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="Outputs of the last layer.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to this file.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run it beside the network; exit 1 where a bit of the outputs differs.")
    ] = False,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="Python, or Python within JSON.")
    ] = "text",
) -> None:
    """Write a network as plain PyTorch: one file that needs torch alone, with every line's shapes.

    Its state dict has the names of the network's layers, so that weights fit.

    Example: cnncli code lenet --out lenet.py
    """
    from cnncli.code import held_by, to_python
    from cnncli.render.code import show_code
    from cnncli.sources import Request, load

    own = merge(pairs(arguments), {"classes": ("--classes", classes)})
    loaded = load(Request(source, inputs(input), own, batch=not no_batch))
    network = loaded.network
    require_sound(loaded)
    text = to_python(network, held_by(loaded.module)) if loaded.module is not None else to_python(network)
    show_code(text, format, out)
    if check:
        _check(loaded, text)


def _check(loaded: Loaded, text: str) -> None:
    from cnncli.code.check import Original, differences, training_differences
    from cnncli.render.text import complain

    original = None if loaded.module is None else Original(loaded.module, loaded.ran_on)
    found = differences(loaded.network, text, original)
    if found:
        raise CheckFailed(f"the code is not the network: {'; '.join(found)}; please report it with the command line")
    complain("the same names in the state dict, the same outputs to the bit", place="check")
    if original is not None and (other := training_differences(loaded.network, text, original)):
        complain(f"in eval mode, in which it was recorded; {other[0]}", place="check")
