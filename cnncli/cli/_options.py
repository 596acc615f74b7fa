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
Input = Annotated[str | None, typer.Option("--input", metavar="CxHxW", help="The input's shape, as in 1x224x224.")]
