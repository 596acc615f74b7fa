"""The peer that start-up is measured against: a Typer program of one command that prints a small Rich table."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False)


@app.command()
def hello(name: str = "world") -> None:
    """Print a small table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("greeting", "name")
    table.add_row("hello", name)
    Console().print(table)


if __name__ == "__main__":
    app()
