"""`cnncli diff`: two networks side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cnncli.cli._options import Format, Inputs, NoBatch
from cnncli.cli._values import pairs
from cnncli.errors import RequestError, ShapeError
from cnncli.layers.parsing import inputs

if TYPE_CHECKING:
    from cnncli.analysis.report import Report


def diff(
    networks: Annotated[
        list[str],
        typer.Argument(
            metavar="A [key=value] B [key=value]",
            show_default=False,
            help="Two sources as in summary, each with its own arguments.",
        ),
    ],
    *,
    input: Inputs = None,
    input_b: Annotated[
        list[str] | None,
        typer.Option("--input-b", metavar="CxHxW", show_default=False, help="The input of B alone."),
    ] = None,
    no_batch: NoBatch = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 where they differ.")] = False,
    all_rows: Annotated[bool, typer.Option("--all", help="Show every row, however many are equal.")] = False,
    format: Format = "table",
) -> None:
    """Compare two networks row by row, and say what the change costs.

    A row is only in A (-), only in B (+), in both but changed (~), or equal
    (blank). With one network and --input-b, it is compared at two inputs.

    Example: cnncli diff vgg11 ratio=4 vgg13 ratio=4
    """
    from cnncli.analysis.diff import diff as compare
    from cnncli.render.diff import show_diff

    sides = _sides(networks)
    if len(sides) == 1 and input_b:
        sides *= 2
    if len(sides) != 2:
        raise RequestError("diff takes two networks, as in cnncli diff lenet lenet@classic")
    (first, second) = sides
    found = compare(
        *(_report(*side, given, not no_batch) for side, given in ((first, input), (second, input_b or input)))
    )
    show_diff(found, format, all_rows=all_rows)
    if exit_code and not found.equal:
        raise typer.Exit(1)


def _sides(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each network and the `key=value` that follow it."""
    sides: list[tuple[str, list[str]]] = []
    for word in words:
        if not re.match(r"[\w-]+=", word):
            sides.append((word, []))
        elif sides:
            sides[-1][1].append(word)
        else:
            raise RequestError(f"{word!r} stands before any network; write it behind the one that it is for")
    return sides


def _report(source: str, arguments: list[str], input: list[str] | None, batch: bool) -> Report:
    """The network's report; raises `ShapeError` where it cannot take its input."""
    from cnncli.analysis.report import report
    from cnncli.analysis.solve_network import smallest_input
    from cnncli.render.summary import failure_text
    from cnncli.sources import Request, load

    loaded = load(Request(source, inputs(input), pairs(arguments), batch=batch))
    found = report(loaded.network)
    if found.failure:
        place = "" if found.failure.place else f"{source}: "
        raise ShapeError(f"{place}{failure_text(found, smallest_input(loaded.network))}")
    return found
