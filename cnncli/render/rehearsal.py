"""A dry run: the resolved recipe, and below it, as comments, what training by it will take."""

from __future__ import annotations

import sys
from textwrap import wrap

from cnncli.files.run_folder import NETWORK
from cnncli.layers import dims
from cnncli.render.columns import clock, count, millions, size
from cnncli.render.table import write_json
from cnncli.render.training import headline
from cnncli.sources.recipes import Recipe, renamed, resolved
from cnncli.text import columns_of, complain, say
from cnncli.training.dry_run import DryRun
from cnncli.training.request import Request

INDENT = 9  # characters before the facts of a line


def show_rehearsal(found: DryRun, request: Request, format: str) -> None:
    """As YAML that is itself a recipe, or as one object of JSON; what a user should know goes to stderr."""
    recipe = renamed(request.recipe, NETWORK) if request.code else request.recipe
    kept = f"that recipe needs {NETWORK} beside it, which nothing has kept; write it: {request.code}"
    for note in (*found.notes, *([kept] if request.code else [])):
        complain(note)
    if format == "json":
        write_json({"schema": "cnncli/train/1", "dry_run": _facts(found, recipe)})
    else:
        width = columns_of(sys.stdout) - len("# ")
        lines = (part for line in _told(found) for part in wrap(line, width, subsequent_indent=" " * INDENT))
        say(resolved(recipe).rstrip("\n"), *(f"# {line}" for line in lines))


def _told(found: DryRun) -> list[str]:
    setup, totals = found.setup, found.totals
    shape = dims(setup.network.input)
    kept = {"optimizer": found.optimizer_bytes, "mean of the weights": found.average_bytes, "images": found.image_bytes}
    parts = ", ".join(
        [f"{size(totals.training_bytes)} network", *(f"{size(value)} {name}" for name, value in kept.items() if value)]
    )
    trained = f"{count(totals.trainable).text} of {count(totals.params).text} parameters trained"
    measured = f"{1000 * found.step_seconds:.1f} ms a step, measured over {found.measured}"
    times = f"{clock(found.training_seconds)} training, {clock(found.evaluation_seconds)} evaluation"
    return [
        *headline(setup, totals.params),
        f"network  input {shape}, {len(setup.classes):,} classes, {trained}, {millions(totals.macs).text} million MACs an image",
        f"memory   {size(found.memory)}: {parts}",
        f"steps    {setup.steps_per_epoch:,} an epoch of {setup.images_per_step:,} images, {found.steps:,} in all",
        f"time     about {clock(found.training_seconds + found.evaluation_seconds)}: {times} ({measured})",
    ]


def _facts(found: DryRun, recipe: Recipe) -> dict[str, object]:
    setup, totals = found.setup, found.totals
    return {
        "recipe": recipe.model_dump(mode="json"),
        "input": list(setup.network.input),
        "classes": len(setup.classes),
        "params": totals.params,
        "trainable": totals.trainable,
        "macs": totals.macs,
        "images": setup.counts,
        "memory_bytes": found.memory,
        "network_bytes": totals.training_bytes,
        "optimizer_bytes": found.optimizer_bytes,
        "average_bytes": found.average_bytes,
        "image_bytes": found.image_bytes,
        "steps_an_epoch": setup.steps_per_epoch,
        "steps": found.steps,
        "step_seconds": found.step_seconds,
        "training_seconds": found.training_seconds,
        "evaluation_seconds": found.evaluation_seconds,
        "device": str(setup.device),
    }
