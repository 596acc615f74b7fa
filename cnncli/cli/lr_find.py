"""`cnncli lr-find`: which learning rate a recipe could take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from cnncli.cli._options import Device, Format, Out, Pairs


def lr_find(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE|SOURCE", help="A recipe (lenet, mine.yaml), or a network with --data.")
    ],
    arguments: Pairs = None,
    *,
    data: Annotated[str | None, typer.Option("--data", metavar="NAME", help="What to train on, as data.name.")] = None,
    low: Annotated[float, typer.Option("--from", help="The first and lowest rate.")] = 1e-5,
    high: Annotated[float, typer.Option("--to", help="The last and highest rate.")] = 10.0,
    steps: Annotated[int, typer.Option("--steps", min=20, max=100_000, help="Steps from the one to the other.")] = 100,
    batch_size: Annotated[int | None, typer.Option("-b", "--batch-size", help="Images a step.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Decides everything that is drawn at random.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Train on so many images at most.")] = None,
    device: Device = "auto",
    out: Out = None,
    format: Format = "table",
) -> None:
    """Find a learning rate: train some steps at rates that rise until the loss diverges, and look where it falls.

    The steps are those of training by the recipe: its first weights, order of
    images, augmentation, optimizer and loss; its schedule and lr play no part.
    Nothing is kept of them, and the same line gives the same figures. A picture
    is drawn with --out alone.

    A loss that never falls clearly below that of guessing says nothing about
    rates; then none is suggested.

    L. Smith, "Cyclical learning rates for training neural networks", 2015.

    Example: cnncli lr-find lenet --out lr.png
    """
    from cnncli.cli._values import picture_path
    from cnncli.data.progress import Progress
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.training.process import settle_in
    from cnncli.training.request import check_range, train_request

    options = {
        "data.name": ("--data", data),
        "data.batch_size": ("--batch-size", batch_size),
        "seed": ("--seed", seed),
        "data.limit": ("--limit", limit),
    }
    check_range(low, high)
    picture = picture_path(out)
    settle_in()  # a network of a library imports torch while it is looked at
    request = train_request(recipe, arguments or [], options, device)
    from cnncli.render.rate_range import show_range_test
    from cnncli.training.lr_find import range_test
    from cnncli.training.setup import prepare

    progress = Progress()
    with Live(lambda: bar(progress)), request.temporary_recipe() as tried:
        found = range_test(prepare(tried, device, progress), low, high, steps, progress)
    show_range_test(found, format, picture, [recipe, *_repeated(arguments or [], options)])


def _repeated(arguments: list[str], options: Mapping[str, tuple[str, object]]) -> list[str]:
    """What was set, to be typed again with `cnncli train`: all but the rate."""
    own = [text for text in arguments if text.partition("=")[0] not in ("lr", "optimizer.lr")]
    return [*own, *(part for flag, value in options.values() if value is not None for part in (flag, str(value)))]
