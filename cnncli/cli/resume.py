"""`cnncli resume`: go on with a run that was stopped, or train one further."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cnncli.cli._options import Pairs, StopWhenDead, TensorBoard


def resume(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", show_default=False, help="A run's folder; without, the newest.")
    ] = None,
    arguments: Pairs = None,
    *,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu, cuda, cuda:1, mps, auto; without, where the run was.")
    ] = None,
    stop_when_dead: StopWhenDead = False,
    tensorboard: TensorBoard = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the closing lines only.")] = False,
    format: Annotated[Literal["table", "json"], typer.Option("--format", help="For people, or JSON Lines.")] = "table",
) -> None:
    """Go on with a run where it was stopped or killed, in its folder; with epochs=N, train it further.

    On the CPU of the same machine it ends with the weights, byte for byte, of a
    run that was never stopped.

    epochs=N lengthens the run. Where the learning rate depends on the length
    (onecycle, cosine, linear), it goes on as that of a run of N epochs, which
    is a jump up, and the weights are not those of N epochs in one go.

    Nothing else of the recipe can change, save what changes no number:
    checkpoint_steps, checkpoint_seconds, data.cache, data.workers and
    stop.when_dead.

    Event files for TensorBoard are gone on with where there are any.

    Example: cnncli resume runs/lenet-1 epochs=80
    """
    from cnncli.data.progress import Progress
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.render.training import show_over, show_run
    from cnncli.training.process import settle_in
    from cnncli.training.request import resume_request
    from cnncli.training.tensorboard import required

    settle_in()  # a network of a library imports torch while it is looked at
    asked = resume_request(
        [*([run] if run else []), *(arguments or []), *(["stop.when_dead=true"] if stop_when_dead else [])], device
    )
    if tensorboard:
        required()
    from cnncli.training.process import ignore_signals
    from cnncli.training.resume import StoppedRun

    point, loading = StoppedRun(asked), Progress()
    if point.finished:
        point.release()
        raise typer.Exit(show_over(point, format))
    with Live(lambda: bar(loading), wanted=not quiet):
        going = point.run(loading, tensorboard=tensorboard)
    code = show_run(going, format, quiet=quiet)
    if going.interruption:
        ignore_signals()
    raise typer.Exit(code)
