"""A command that reads other programs' names for its options too."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer's own base of everything wrong with a command line


class Command(TyperCommand):
    """Reads a line as typer does; where that fails, what was surely meant is read, and else named (`_mistake`)."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """The help as it is written: typer would read `[export]` as markup and leave it out."""
        from cnncli.text import without_markup

        described: list[Any] = [self, *self.params]
        for part in described:
            part.help = without_markup(part.help or "")
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (types of typer's vendored click)
        """Read the line; raises `RequestError` with what to type."""
        given = list(args)
        if given[:1] == [self.name] or given == ["help"]:  # `train train lenet`, `train help`
            given = ["--help"] if given == ["help"] else given[1:]
        if {"=", "("} & set("".join(given[:2])):
            from cnncli.cli._mistake import named_first

            given = named_first(self, given)
        for _ in range(len(args) + 1):  # every turn mends one word
            try:
                rest: list[str] = super().parse_args(ctx, list(given))
            except UsageError as error:
                from cnncli.cli._mistake import mended

                ctx.params.clear()
                given = mended(self, error, given)
                continue
            loose = [word for word in ctx.params.get("arguments") or () if "=" not in word.strip("=")]
            if loose and self.name not in ("params", "resume", "models"):
                from cnncli.cli._mistake import refuse_loose

                refuse_loose(self, loose, given)
            return rest
        return super().parse_args(ctx, given)
