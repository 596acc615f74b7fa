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
from cnncli.training.dry_run import Rehearsal
from cnncli.training.request import Request

INDENT = 9  # characters before the facts of a line


def show_rehearsal(found: Rehearsal, request: Request, format: str) -> None:
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


def _told(found: Rehearsal) -> list[str]:
    job, totals = found.job, found.totals
    shape = dims(job.network.input)
    kept = {"optimizer": found.optimizer_bytes, "mean of the weights": found.average_bytes, "images": found.image_bytes}
    parts = ", ".join(
        [f"{size(totals.training_bytes)} network", *(f"{size(value)} {name}" for name, value in kept.items() if value)]
    )
    trained = f"{count(totals.trainable).text} of {count(totals.params).text} parameters trained"
    measured = f"{1000 * found.step_seconds:.1f} ms a step, measured over {found.measured}"
    times = f"{clock(found.training_seconds)} training, {clock(found.judging_seconds)} evaluation"
    return [
        *headline(job, totals.params),
        f"network  input {shape}, {len(job.classes):,} classes, {trained}, {millions(totals.macs).text} million MACs an image",
        f"memory   {size(found.memory)}: {parts}",
        f"steps    {job.steps_an_epoch:,} an epoch of {job.images_a_step:,} images, {found.steps:,} in all",
        f"time     about {clock(found.training_seconds + found.judging_seconds)}: {times} ({measured})",
    ]


def _facts(found: Rehearsal, recipe: Recipe) -> dict[str, object]:
    job, totals = found.job, found.totals
    return {
        "recipe": recipe.model_dump(mode="json"),
        "input": list(job.network.input),
        "classes": len(job.classes),
        "params": totals.params,
        "trainable": totals.trainable,
        "macs": totals.macs,
        "images": job.counts,
        "memory_bytes": found.memory,
        "network_bytes": totals.training_bytes,
        "optimizer_bytes": found.optimizer_bytes,
        "average_bytes": found.average_bytes,
        "image_bytes": found.image_bytes,
        "steps_an_epoch": job.steps_an_epoch,
        "steps": found.steps,
        "step_seconds": found.step_seconds,
        "training_seconds": found.training_seconds,
        "evaluation_seconds": found.judging_seconds,
        "device": str(job.device),
    }
