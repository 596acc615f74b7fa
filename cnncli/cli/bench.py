"""`cnncli bench`: how fast a network runs here, and how near that is to what the machine can do."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncli.cli._options import Device, Format, Inputs, Pairs, Source
from cnncli.cli._sound import require_sound
from cnncli.cli._values import pairs


def bench(
    source: Source,
    arguments: Pairs = None,
    *,
    input: Inputs = None,
    batch_size: Annotated[
        str, typer.Option("-b", "--batch-size", metavar="N,…", help="Examples at once, one number or several.")
    ] = "1,32",
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            metavar="P,…",
            show_default=False,
            help="float32, bfloat16; without, both where the device has instructions for the second.",
        ),
    ] = None,
    memory_format: Annotated[
        str | None,
        typer.Option(
            "--memory-format",
            metavar="F,…",
            show_default=False,
            help="contiguous, channels_last; without, the one that training takes here.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="For each measurement, at least.")] = 0.5,
    forward_only: Annotated[bool, typer.Option("--forward-only", help="Leave the backward pass out.")] = False,
    device: Device = "auto",
    format: Format = "table",
) -> None:
    """Measure a network: examples a second, latency, memory, and operations a second beside the machine's own.

    Forward is in evaluation mode; forward + backward as in training, without the
    optimizer. Weights and examples are random. Everything is repeated in rounds,
    so that other programs hit all measurements alike; what is shown are medians.

    An operation is a multiplication or an addition of a MAC, and the backward
    pass counts twice the forward pass, as is the custom. The ceiling is a large
    matrix product or convolution in the same numbers. The largest batch is tried
    on a GPU, and estimated elsewhere. Ctrl-C shows what was measured so far.

    Example: cnncli bench alexnet --batch-size 1,8,32 --forward-only
    """
    from cnncli.bench.plan import planned
    from cnncli.data.progress import Progress
    from cnncli.layers.parsing import inputs
    from cnncli.render.data import bar
    from cnncli.render.live import Live
    from cnncli.sources import Request, load, require_module
    from cnncli.training.process import settle_in
    from cnncli.training.request import check_device

    check_device(device)
    plan = planned(batch_size, precision, memory_format, seconds, forward_only=forward_only)
    require_module(source)
    settle_in()
    loaded = load(Request(source, inputs(input), pairs(arguments)))
    require_sound(loaded)
    from cnncli.bench.memory import Named
    from cnncli.bench.run import bench as measure
    from cnncli.bench.subject import subject
    from cnncli.render.bench import show_benchmark
    from cnncli.training.device import device as device_called
    from cnncli.training.process import Interruption

    progress, interruption = Progress(), Interruption()
    ready = subject(loaded, device_called(device))
    with interruption, Live(lambda: bar(progress)):
        named = Named(source, input or [], pairs(arguments))
        found = measure(ready, plan, named, lambda: bool(interruption), progress)
    show_benchmark(found, format)
    raise typer.Exit(interruption.exit_code)
