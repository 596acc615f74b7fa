"""A run as it goes: a heading, a line an epoch, the textbook's closing lines; or JSON Lines for scripts."""

from __future__ import annotations

import shlex
import sys
from collections import deque
from math import isfinite
from textwrap import wrap
from time import perf_counter
from typing import TYPE_CHECKING

from cnncli.diagnostics.epoch import speed
from cnncli.errors import FAULT, INTERRUPTED
from cnncli.files import run_folder as folder
from cnncli.files.run_folder import NETWORK
from cnncli.layers import dims
from cnncli.render.columns import clock, count, millions, size
from cnncli.render.findings import as_json, in_short, told
from cnncli.render.live import Live, Note, one_line
from cnncli.render.plots import confusion, curves
from cnncli.render.table import write_json
from cnncli.sources.networks import described, title_of
from cnncli.sources.recipes import Recipe, renamed, resolved
from cnncli.sources.run_folder import resume_command
from cnncli.text import columns_of, complain, inert, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cnncli.diagnostics.epoch import Epoch
    from cnncli.diagnostics.finding import Finding
    from cnncli.training.dry_run import DryRun
    from cnncli.training.request import Request
    from cnncli.training.resume import StoppedRun
    from cnncli.training.run import Run
    from cnncli.training.setup import Setup

# The live line of a training run: how far it is, how well it does, how fast, and how long it will take.

KEPT = 20  # looks back, 5 seconds: the speed shown is that of now, and yet does not flicker


class Pulse:
    """Reads off a run in training what its live line says; from another thread, and without the training knowing.

    What it reads may be of two steps that follow each other. On a GPU a look waits for the steps under way, the training does not.
    """

    def __init__(self, run: Run) -> None:
        """Nothing has been read yet."""
        self._run = run
        self._looks: deque[tuple[float, int]] = deque(
            maxlen=KEPT
        )  # when, and how many images of the epoch were through
        self._epoch = 0

    def __call__(self) -> str:
        """The line, as wide as the terminal allows."""
        run, state = self._run, self._run.state
        if len(state.epochs) == run.setup.recipe.train.epochs:
            return ""
        metrics, number, steps = state.metrics, len(state.epochs) + 1, run.setup.steps_per_epoch
        done = min(state.batch, steps)
        self._look(number, metrics.images)
        notes = [Note(3, f"{clock(left)} left")] if (left := self._left(done / steps)) else []
        if metrics.images:
            score = metrics.score()
            speed = self._speed()
            notes = [
                Note(4, f"loss {score.loss:.3f}"),
                Note(1, f"acc {score.acc:.3f}"),
                *([Note(0, f"{speed:,.0f}/s")] if speed else []),
                *notes,
            ]
        head = f"epoch {number} of {run.setup.recipe.train.epochs}"
        count = "evaluating" if done == steps else f"{done:,} of {steps:,}"
        return one_line(head, done / steps, count, notes, columns_of(sys.stderr) - 1)

    def _look(self, epoch: int, images: int) -> None:
        if epoch != self._epoch:
            self._looks.clear()
            self._epoch = epoch
        self._looks.append((perf_counter(), images))

    def _speed(self) -> float | None:
        """Images a second, over the last seconds of the epoch; None where that is not known yet."""
        (first, before), (last, now) = self._looks[0], self._looks[-1]
        if now > before:
            return (now - before) / (last - first)
        epochs = self._run.state.epochs
        return len(self._run.setup.train) / epochs[-1].seconds if epochs and epochs[-1].seconds else None

    def _left(self, share: float) -> float | None:
        """Seconds to the end of the recipe; None where nothing is known yet. share: of this epoch's training that is done"""
        epochs, setup = self._run.state.epochs, self._run.setup
        if epochs:  # the last of them tells, evaluation and all
            before = epochs[-2].total_seconds if len(epochs) > 1 else 0.0
            an_epoch, training = epochs[-1].total_seconds - before, epochs[-1].seconds
        elif speed := self._speed():
            an_epoch = training = len(setup.train) / speed
        else:
            return None
        return max(0.0, an_epoch * (setup.recipe.train.epochs - len(epochs)) - training * share)


def show_run(run: Run, format: str, *, quiet: bool) -> int:
    """Train `run` to its end and show it; the exit code. What went wrong is raised after the last line.

    quiet: only the closing lines. Results go to stdout, and how far it is to stderr, if that is a terminal.
    """
    _say_skipped(run)
    for note in run.notes:
        complain(note)
    if format == "json":
        return _show_json(run, quiet=quiet)
    if not quiet:
        _say(*heading(run), columns(val=run.setup.val is not None), *_gone_before(run))
    with Live(Pulse(run), wanted=not quiet) as live:
        for epoch in run.epochs():
            with live.aside():
                if not quiet:
                    _say(line(epoch), *told(_new(run, epoch), columns_of(sys.stdout)))
                _say_left_precision(run, epoch)
    _say_left_out(run)
    if run.complete:
        _close(run, quiet=quiet)
    else:
        complain(f"stopped by {_signal(run)} {_where(run)}; resume with: {resume_command(run.path)}")
    return run.exit_code


def _new(run: Run, epoch: Epoch) -> list[Finding]:
    """What was found after that epoch."""
    return [found for found in run.state.findings if found.epoch == epoch.epoch]


def heading(run: Run) -> list[str]:
    """The two lines of `headline`."""
    return headline(run.setup, sum(weight.numel() for weight in run.state.module.parameters()))


def headline(setup: Setup, weights: int) -> list[str]:
    """The heading of a run of `setup`, whose network has so many weights.

    `LeNet · d2l edition · relu, max pooling · 61,706 parameters` and `on digits (1,437 train, 360 test) · cpu · seed 0`.
    """
    counts = ", ".join(f"{count:,} {name}" for name, count in setup.counts.items())
    return [
        f"{inert(described(setup.recipe.model.name, setup.network))} · {weights:,} parameters",
        f"on {inert(setup.recipe.data.name)} ({counts}) · {setup.device} · seed {setup.recipe.seed}",
    ]


def _say_skipped(run: Run) -> None:
    """Which images were left out, once, on stderr: how many, and one of them."""
    skipped = run.setup.skipped
    if skipped:
        more = f" and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
        complain(f"left out {skipped[0]!r}{more}: cannot be read; cnncli data fetch {_quoted(run)} says why")


def _say_left_out(run: Run) -> None:
    """Which share of the steps taught the network nothing because float16's gradients overflowed."""
    scaling = run.state.scaling
    if scaling is not None and (skipped := int(scaling.skipped)):
        steps = len(run.state.epochs) * run.setup.steps_per_epoch + run.state.batch
        scale = f"{scaling.scale.item():,.0f}"
        complain(
            f"float16: {skipped:,} of {steps:,} steps were left out while the loss scale was found; it is {scale} now"
        )


def _say_left_precision(run: Run, epoch: Epoch) -> None:
    """That the rest is in float32, after the epoch in which it became so."""
    precision = run.state.precision
    if precision.fallback and precision.fallback[0] == epoch.epoch:
        complain(precision.fallback_note)


def _quoted(run: Run) -> str:
    return shlex.quote(inert(run.setup.recipe.data.name))


def _gone_before(run: Run) -> list[str]:
    """A line in place of the epochs that are over, for a run that goes on."""
    done, batch = len(run.state.epochs), run.state.batch
    within = f" after {batch:,} of {run.setup.steps_per_epoch:,} steps" if batch else ""
    return [f"  … goes on in epoch {done + 1}{within}"] if done or batch else []


def columns(*, val: bool) -> str:
    """The headings of `line`."""
    return f"epoch    loss  train{'    val' if val else ''}   test  time"


def line(epoch: Epoch) -> str:
    """One epoch: training loss, accuracies, and the time that training took."""
    shares = [score.acc for score in (epoch.train, epoch.val, epoch.test) if score]
    middle = "".join(f"  {share:5.3f}" for share in shares)
    return f"{epoch.epoch:5}  {epoch.train.loss:6.3f}{middle}  {clock(epoch.seconds):>4}"


def _close(run: Run, *, quiet: bool) -> None:
    """The textbook's two lines, then the pictures (matplotlib takes a second to load), then where everything is."""
    last = run.state.epochs[-1]
    if run.stopped and not quiet:
        _say(f"stopped after epoch {last.epoch}: {run.stopped}")
    _say(
        f"loss {last.train.loss:.3f}, train acc {last.train.acc:.3f}, test acc {last.test.acc:.3f}",
        f"{run.examples_per_second:.1f} examples/sec on {run.setup.device}",
    )
    draw(run)
    path, found = run.path.as_posix(), run.state.findings
    following = f"cnncli {'health' if found else 'predict'} {shlex.quote(inert(path))}{'' if found else ' IMAGE'}"
    if found:
        _say(*in_short(found, columns_of(sys.stdout)))
    _say(f"{inert(path)} · next: {following}")


def draw(run: Run) -> None:
    """Put the pictures into the run folder; raises `DataError` where they cannot be written."""
    recipe = run.setup.recipe
    title = inert(f"{title_of(recipe.model.name, run.setup.network)} on {recipe.data.name}")
    folder.write(run.path / folder.CURVES, curves(run.state.epochs, title))
    if run.state.confusion is not None:
        counts: list[list[int]] = run.state.confusion.tolist()
        folder.write(run.path / folder.CONFUSION, confusion(counts, run.setup.classes, title))


def _show_json(run: Run, *, quiet: bool) -> int:
    """An object an epoch with the columns of `metrics.csv`, and a last one even where the run ends badly.

    `health` holds what was found, in an epoch's what was found after it.
    """
    code = FAULT
    try:
        for epoch in run.epochs():
            if not quiet:
                _write({**epoch.row, "health": as_json(_new(run, epoch))})
            _say_left_precision(run, epoch)
        code = run.exit_code
        if run.complete:
            draw(run)
    except BaseException as error:
        code = _exit_code(error)
        raise
    finally:
        last = _last(run.path, run.state.epochs, code, device=str(run.setup.device), images=len(run.setup.train))
        _write({**last, "health": as_json(run.state.findings)})
    return code


def _exit_code(error: BaseException) -> int:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", FAULT)


def show_over(point: StoppedRun, format: str) -> int:
    """A run that is finished: why, on stderr, and its figures for scripts; the exit code, as it was at its end."""
    for note in (*point.notes, point.over):
        if note:
            complain(note)
    if format == "json" and point.saved:
        device, images = point.saved["device"], point.saved["counts"]["train"]
        last = _last(point.path, point.epochs, point.exit_code, device=device, images=images)
        _write({**last, "health": as_json(point.findings)})
    return point.exit_code


def _last(path: Path, epochs: Sequence[Epoch], code: int, *, device: str, images: int) -> dict[str, object]:
    """images: to train on."""
    last = epochs[-1] if epochs else None
    return {
        "schema": "cnncli/train/1",
        "run": path.as_posix(),
        "epochs": len(epochs),
        "train_loss": last and last.train.loss,
        "train_acc": last and last.train.acc,
        "test_loss": last and last.test.loss,
        "test_acc": last and last.test.acc,
        "examples_per_second": round(speed(epochs, images), 1),
        "device": device,
        "exit": code,
    }


def _write(values: Mapping[str, object]) -> None:
    """JSON knows no infinity: a loss that is not finite is null."""
    write_json(
        {key: None if isinstance(value, float) and not isfinite(value) else value for key, value in values.items()}
    )
    sys.stdout.flush()


def _say(*lines: str) -> None:
    """At once, for whoever reads a pipe or a log."""
    say(*lines)
    sys.stdout.flush()


def _signal(run: Run) -> str:
    return {2: "Ctrl-C", 15: "SIGTERM"}.get(run.interruption.number or 0, "a signal")


def _where(run: Run) -> str:
    done, steps = run.state.batch, run.setup.steps_per_epoch
    return f"in epoch {len(run.state.epochs) + 1} after {done:,} of {steps:,} steps"


# A dry run: the resolved recipe, and below it, as comments, what training by it will take.

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
