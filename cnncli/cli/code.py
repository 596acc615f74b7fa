"""`cnncli code`: a network as a plain PyTorch file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnncli.cli._options import Inputs, NoBatch, Pairs, Source
from cnncli.cli._sound import require_sound
from cnncli.cli._values import merge, pairs
from cnncli.errors import CheckFailed, RequestError
from cnncli.layers.parsing import inputs

if TYPE_CHECKING:
    from torch import nn

    from cnncli.formats.python.check import Original
    from cnncli.network import Network
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
    Numbers that no state dict holds, as tables of positions, go into a file
    beside it: --out net.py makes net.constants.pt as well where there are such.

    Example: cnncli code lenet --out lenet.py
    """
    from cnncli.formats.python import to_python
    from cnncli.render.code import show_code
    from cnncli.sources import Request, load

    own = merge(pairs(arguments), {"classes": ("--classes", classes)})
    loaded = load(Request(source, inputs(input), own, batch=not no_batch))
    require_sound(loaded)
    if loaded.module is None:
        text, original = to_python(loaded.network), None
    else:
        text, original = _of_module(loaded, loaded.module, out)
        if out is not None and original.beside is not None:
            from cnncli.formats.python.held import saved

            saved(original.beside.constants, out.with_name(original.beside.name))
    show_code(text, format, out)
    if check:
        _check(loaded.network, text, original)


def _of_module(loaded: Loaded, module: nn.Module, out: Path | None) -> tuple[str, Original]:
    """The code of a recorded module, and what it is compared with; raises `RequestError` where its state dict would be another."""
    from cnncli.formats.python import held_by, tables, written
    from cnncli.formats.python.check import Beside, Original, misfit
    from cnncli.text import guests
    from cnncli.tracing.building import numbered

    with guests():
        numbered(module)
    name = "" if out is None else f"{out.stem}.constants.pt"
    text, names = written(loaded.network, held_by(module), name)
    original = Original(module, loaded.ran_on, Beside(name, tables(module, names)) if names else None)
    if reason := misfit(loaded.network, text, original):
        raise RequestError(
            f"{loaded.network.name} cannot be written as code: {reason}; please report it with the command line"
        )
    return text, original


def _check(network: Network, text: str, original: Original | None) -> None:
    from cnncli.formats.python.check import differences, training_differences
    from cnncli.text import complain

    found = differences(network, text, original)
    if found:
        raise CheckFailed(f"the code is not the network: {'; '.join(found)}; please report it with the command line")
    complain("the same names in the state dict, the same outputs to the bit", place="check")
    if original is not None and (other := training_differences(network, text, original)):
        complain(f"in eval mode, in which it was recorded; {other[0]}", place="check")
