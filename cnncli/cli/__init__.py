"""The command line: a lazy group of commands, and where every error becomes one line and an exit code.

A command is a file in this folder: a function of the file's name, whose docstring is its help. Nothing else is imported to
run it; the overview (`cnncli --help`) imports them all, which is cheap because heavy imports stand inside functions.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from inspect import getdoc
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cnncli.errors import FAULT, INTERRUPTED, PIPE_CLOSED, CnncliError, DataError, UnknownName
from cnncli.registry import stems

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer's own base of everything wrong with a command line

CONTEXT = {"help_option_names": ["-h", "--help"]}


class LazyGroup(TyperGroup):
    """Finds a command's file by its name and imports it when it is asked for."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        """The commands' names, which are their files' names."""
        return [stem.replace("_", "-") for stem in stems(__name__)]

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ANN401  (a type of typer's vendored click)
        """The command; raises `UnknownName` (exit code 2)."""
        names = self.list_commands(ctx)
        if cmd_name not in names:
            raise UnknownName("command", cmd_name, names)
        return _summary(cmd_name) if self._overview else command(cmd_name)

    _overview = False

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  (types of typer's vendored click)
        """The overview, which shows a line of each command and none of its options: those need not be read."""
        self._overview = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._overview = False


class Command(TyperCommand):
    """A command whose help is text as it is written: typer would read `[export]` as markup and leave it out."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  (types of typer's vendored click)
        """The help, brackets and all."""
        from cnncli.render.text import without_markup

        described: list[Any] = [self, *self.params]
        for part in described:
            part.help = without_markup(part.help or "")
        super().format_help(ctx, formatter)


def _summary(name: str) -> TyperCommand:
    """The command with its name and its help alone."""
    from cnncli.render.text import without_markup

    return TyperCommand(name, help=without_markup(getdoc(_function(name)) or ""))


def command(name: str) -> Any:  # noqa: ANN401  (a type of typer's vendored click)
    """The command of the file called `name`, ready to be invoked."""
    single = typer.Typer(add_completion=False, context_settings=CONTEXT)
    single.command(name, cls=Command)(_function(name))
    return typer.main.get_command(single)


def _function(name: str) -> Callable[..., object]:
    stem = name.replace("-", "_")
    found: Callable[..., object] = getattr(import_module(f"{__name__}.{stem}"), stem)
    return found


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=True,
    context_settings=CONTEXT,
    help="Train and inspect convolutional networks: sizes, parameters, receptive fields, and the why behind each number.",
)


def _version(show: bool) -> None:
    if show:
        from cnncli import __version__

        sys.stdout.write(f"cnncli {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error. Stands anywhere.")] = False,
) -> None:
    pass


def main() -> None:
    """The program: runs `sys.argv` and exits with the contract's code."""
    _open_streams()
    sys.exit(run(sys.argv[1:]))


def _open_streams() -> None:
    """Give a program that was started with closed streams empty ones, so that no file gets their numbers and no write fails."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error is one line on stderr."""
    from cnncli.render.text import plain_stand_ins

    debug = "--debug" in arguments
    plain_stand_ins(sys.stdout, sys.stderr)
    try:
        _stand_somewhere()
        _invoke([argument for argument in arguments if argument != "--debug"])
        sys.stdout.flush()
    except typer.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        return _reader_left()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _explain(error)
    return 0


def _stand_somewhere() -> None:
    """Raise `DataError` in a folder that has been deleted: nothing can be found or written there, and torch would crash."""
    try:
        os.getcwd()  # noqa: PTH109  (pathlib is not imported yet)
    except FileNotFoundError as error:
        raise DataError("the current folder has been deleted; go to one that is there, as with cd ~") from error


def _invoke(arguments: list[str]) -> None:
    """Run the command. Typer's own `main` would swallow a closed pipe; it is called for shell completion alone."""
    if "_CNNCLI_COMPLETE" in os.environ:
        app(prog_name="cnncli")
    root = typer.main.get_command(app)
    with root.make_context("cnncli", arguments) as context:
        root.invoke(context)


def _reader_left() -> int:
    """Leave quietly: what Python still flushes on exit goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


def _explain(error: Exception) -> int:
    from cnncli.render.text import complain

    if isinstance(error, CnncliError):
        complain(str(error))
        return error.exit_code
    if isinstance(error, UsageError):
        return _explain_usage(error)
    if isinstance(error, OSError):
        complain(f"{error.filename or 'cannot write the output'}: {error.strerror or error}")
        return DataError.exit_code
    complain(f"a fault in cnncli: {type(error).__name__}: {error}")
    complain("please report it with the command line and the output of the same command with --debug")
    return FAULT


def _explain_usage(error: Any) -> int:  # noqa: ANN401  (a type of typer's vendored click)
    from cnncli.render.text import complain

    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":
        return 0  # typer has printed the help while it made the error
    place = context.command_path if context else "cnncli"
    complain(f"{error.format_message().rstrip('.')}; see {place} --help", place=place)
    return 2
