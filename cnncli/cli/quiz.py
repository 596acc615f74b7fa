"""`cnncli quiz`: a network's summary with blanks to fill."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Format, Inputs, Pairs, Seed, Source
from cnncli.cli._values import merge, pairs
from cnncli.errors import RequestError, ShapeError
from cnncli.layers.parsing import inputs


def quiz(
    source: Source,
    arguments: Pairs = None,
    *,
    input: Inputs = None,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="Outputs of the last layer.")] = None,
    level: Annotated[
        int,
        typer.Option(
            "--level", min=1, max=3, help="1: four sizes; 2: six sizes and parameters; 3: ten, also MACs and fields."
        ),
    ] = 2,
    seed: Seed = 0,
    answers: Annotated[
        bool, typer.Option("--answers", help="Print the questions and the key, and ask nothing.")
    ] = False,
    format: Format = "table",
) -> None:
    """Fill the blanks in a network's summary: sizes, parameters, MACs, receptive fields.

    Each answer is checked at once, and where it is wrong the formula is shown
    with the numbers in it; a score ends the quiz. Without a terminal the
    questions are printed, and with --answers the key too: something to hand out.
    The same --seed asks the same questions.

    Example: cnncli quiz lenet --level 1
    """
    from cnncli.analysis.report import report
    from cnncli.lessons.quiz import quiz as drawn
    from cnncli.render.quiz import is_talk, play, show_quiz
    from cnncli.render.summary import failure_text
    from cnncli.sources import Request, is_tensor_table, load

    if source in {"1", "2", "3"}:
        raise RequestError(f"quiz takes {source!r} by name: cnncli quiz lenet --level {source}")
    if is_tensor_table(source):
        raise RequestError(
            f"{source!r} is a file of tensors without a network; write a network, as in cnncli quiz lenet"
        )
    own = merge(pairs(arguments), {"classes": ("--classes", classes)})
    loaded = load(Request(source, inputs(input), own))
    found = report(loaded.network)
    if found.failure:
        from cnncli.analysis.solve_network import smallest_input

        smallest = None if loaded.module else smallest_input(loaded.network)
        raise ShapeError(failure_text(found, smallest, loaded.fault))
    questions = drawn(found, level, seed)
    if format == "table" and not answers and is_talk():
        play(questions)
    else:
        show_quiz(questions, format, answers=answers)
