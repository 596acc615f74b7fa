"""The command line: a lazy group of commands, and where every error becomes one line and an exit code.

A command is a file in this folder: a function of the file's name, whose docstring is its help. Nothing else is imported to
run it; the overview (`cnncli --help`) imports them all, which is cheap because heavy imports stand inside functions.
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
from importlib import import_module
from inspect import getdoc
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cnncli.cli._command import Command, UsageError
from cnncli.errors import FAULT, INTERRUPTED, PIPE_CLOSED, CnncliError, DataError, UnknownName
from cnncli.registry import stems

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONTEXT = {"help_option_names": ["-h", "--help"]}


GROUPS = {
    "Learn": "params corr2d pool2d padding edge-detect receptive-field features sharing bottleneck quiz",
    "Inspect": "summary solve diff code bench",
    "Train": "train resume lr-find",
    "After training": "runs evaluate predict health export",
    "Catalogue": "models recipes data",
}
"""The overview's headings and what stands below each; a command that is below none comes first."""


class LazyGroup(TyperGroup):
    """Finds a command's file by its name and imports it when it is asked for."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        """The commands' names, which are their files' names, in the overview's order."""
        order = " ".join(GROUPS.values()).split()
        names = [stem.replace("_", "-") for stem in stems(__name__)]
        return sorted(names, key=lambda name: order.index(name) if name in order else -1)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ANN401, ARG002  (a type of typer's vendored click)
        """The command, which there must be."""
        return _summary(cmd_name) if self._overview else command(cmd_name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (types of typer's vendored click)
        """Read what stands before a command: `--h` and `--train lenet` too."""
        names, own = self.list_commands(ctx), {option for param in self.get_params(ctx) for option in param.opts}
        if args and args[0].startswith("-") and args[0] not in own and not {*args[1:]} & {*names}:
            from cnncli.cli._unknown import line_meant

            args = line_meant(args, names)
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401
        """The command's name, the command and the rest of its line; raises `RequestError` with what to type instead."""
        names = self.list_commands(ctx)
        if args[0] not in names:
            from cnncli.cli._unknown import line_meant

            args = line_meant(args, names)
        if args[0] in ("--help", "--version"):
            _version(show=args[0] == "--version")
            sys.stdout.write(f"{ctx.get_help()}\n")  # typer prints it itself where rich is there
            raise typer.Exit
        return super().resolve_command(ctx, args) if args[0] in names else self.resolve_command(ctx, args)

    _overview = False

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  (types of typer's vendored click)
        """The overview, which shows a line of each command and none of its options: those need not be read."""
        self._overview = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._overview = False


def _summary(name: str) -> TyperCommand:
    """The command with its name, its help and its heading alone."""
    from cnncli.text import without_markup

    heading = next((heading for heading, names in GROUPS.items() if name in names.split()), None)
    return TyperCommand(name, help=without_markup(getdoc(_function(name)) or ""), rich_help_panel=heading)


def example(name: str) -> str:
    """The command line that ends a command's help."""
    return (getdoc(_function(name)) or "").rpartition("Example: ")[2].strip()


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
        bool, typer.Option("-V", "--version", callback=_version, is_eager=True, help="Print the version.")
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
    from cnncli.text import plain_stand_ins

    if not "".join(arguments).isascii():
        from cnncli.cli._mistake import as_typed

        arguments = [as_typed(argument) for argument in arguments]
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
    except SystemExit as stop:  # what rich makes of a closed pipe
        if isinstance(stop.__context__, BrokenPipeError):
            return _reader_left()
        raise
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _explain(error, arguments)
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


def _explain(error: Exception, arguments: Sequence[str]) -> int:
    from cnncli.text import complain

    if isinstance(error, CnncliError):
        complain(f"{error}{_line_instead(error, arguments)}")
        return error.exit_code
    if isinstance(error, UsageError):
        return _explain_usage(error)
    if isinstance(error, OSError):
        complain(f"{error.filename or 'cannot write the output'}: {error.strerror or error}{_cure_of_place(error)}")
        return DataError.exit_code
    complain(f"a fault in cnncli: {type(error).__name__}: {error}")
    complain("please report it with the command line and the output of the same command with --debug")
    return FAULT


def _cure_of_place(error: OSError) -> str:
    """What to do about a file that the system will not write; "" where that is not known."""
    folder = os.path.dirname(str(error.filename or ""))  # noqa: PTH120  (pathlib is not imported yet)
    if error.errno == errno.ENOENT and folder and not os.path.isdir(folder):  # noqa: PTH112
        return f"; make the folder {folder!r} first, or write another path"
    return "; name a place that can be written, as with --out" if error.errno in {errno.EACCES, errno.EROFS} else ""


def _line_instead(error: CnncliError, arguments: Sequence[str]) -> str:
    """The line with what was meant by an unknown name, where that stands in it as a word of its own."""
    if not isinstance(error, UnknownName) or not error.instead or error.name not in arguments:
        return ""
    place = list(arguments).index(error.name)
    return f" {shlex.join(('cnncli', *arguments[:place], error.instead, *arguments[place + 1 :]))}"


def _explain_usage(error: Any) -> int:  # noqa: ANN401  (a type of typer's vendored click)
    from cnncli.text import complain

    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":
        return 0  # typer has printed the help while it made the error
    if type(error).__name__ == "NoSuchOption" and context and context.parent is None:
        complain(f"{error.option_name} stands before any command; options come behind one, see cnncli --help")
        return 2
    place = context.command_path if context else "cnncli"
    complain(f"{error.format_message().rstrip('.')}; see {place} --help", place=place)
    return 2
