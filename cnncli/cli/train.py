"""`cnncli train`: train a network by a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnncli.cli._options import Pairs, StopWhenDead, TensorBoard

if TYPE_CHECKING:
    from cnncli.training.request import Request


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|SOURCE",
            help="A recipe (lenet, mine.yaml); or with --data a network: lenet@classic, net.yaml, torchvision:NAME, "
            "timm:NAME, or FILE.py:Class, which is executed, once.",
        ),
    ],
    arguments: Pairs = None,
    *,
    data: Annotated[str | None, typer.Option("--data", metavar="NAME", help="What to train on, as data.name.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option("-b", "--batch-size", help="Images a step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Learning rate, the largest of the schedule.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Decides everything that is drawn at random.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Train on so many images at most.")] = None,
    device: Annotated[
        str, typer.Option("--device", help="cpu, cuda, cuda:1, mps; auto is a GPU if there is one.")
    ] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take: recipe, memory, steps, time.")
    ] = False,
    stop_when_dead: StopWhenDead = False,
    tensorboard: TensorBoard = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the closing lines only.")] = False,
    format: Annotated[Literal["table", "json"], typer.Option("--format", help="For people, or JSON Lines.")] = "table",
) -> None:
    """Train a network by a recipe, or one without a recipe with --data; everything goes into runs/<recipe>-<n>.

    The name of a recipe (lenet) stays that recipe whatever --data says; lenet@d2l
    is the network alone. Without a recipe it is trained by AdamW along one cycle
    of 10 epochs. The rate follows from what the network contains: the deeper and
    wider, and the less normalised, the lower. Sigmoid and tanh begin with xavier
    weights, ReLU with kaiming. A batch is the largest power of two up to 256 that
    gives 40 steps an epoch. A line says what was chosen; key=value sets another.

    Example: cnncli train lenet epochs=5 lr=0.05
    """
    from cnncli.data.progress import Progress
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.render.training import show_run
    from cnncli.text import complain
    from cnncli.training.process import settle_in
    from cnncli.training.request import train_request
    from cnncli.training.tensorboard import required

    options = {
        "data.name": ("--data", data),
        "train.epochs": ("--epochs", epochs),
        "data.batch_size": ("--batch-size", batch_size),
        "optimizer.lr": ("--lr", lr),
        "seed": ("--seed", seed),
        "data.limit": ("--limit", limit),
        "stop.when_dead": ("--stop-when-dead", "true" if stop_when_dead else None),
    }
    settle_in()  # a network of a library imports torch while it is looked at
    request = train_request(recipe, arguments or [], options, device)
    if tensorboard:
        required()
    if dry_run:
        _rehearse(request, device, format, quiet=quiet)
        return
    wanted, path = request.new_run()
    for note in request.note.splitlines():
        complain(note)
    from cnncli.training.process import ignore_signals
    from cnncli.training.run import start

    loading = Progress()
    with Live(lambda: bar(loading), wanted=not quiet):
        run = start(wanted, path, device, loading, tensorboard=tensorboard)
    code = show_run(run, format, quiet=quiet)
    if run.interruption:
        ignore_signals()
    raise typer.Exit(code)


def _rehearse(request: Request, device: str, format: str, *, quiet: bool) -> None:
    from cnncli.data.progress import Progress
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.render.training import show_rehearsal
    from cnncli.training.dry_run import dry_run
    from cnncli.training.setup import prepare

    loading = Progress()
    with request.temporary_recipe() as recipe:
        with Live(lambda: bar(loading), wanted=not quiet):
            setup = prepare(recipe, device, loading)
        show_rehearsal(dry_run(setup), request, format)
