"""A run's health: every layer as it was seen last, what is wrong, and what to try."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from cnncli.diagnostics.observation import Layer, Observation, Seen
from cnncli.diagnostics.record import Log
from cnncli.render.findings import as_json, told
from cnncli.render.table import Cell, Column, Line, narrowed, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, inert, say

COLUMNS = (
    Column("layer", "layer", left=True),
    Column("type", "type", left=True),
    Column("mean", "mean"),
    Column("deviation", "deviation"),
    Column("idle", "idle"),
    Column("gradient", "gradient"),
    Column("weight", "weight"),
    Column("update", "update"),
)
NARROW = {"type", "weight"}  # what is left out where the terminal has no room for all columns
NOTE = (
    "mean, deviation: of the outputs; idle: units of a ReLU that are 0 for the whole batch, outputs of a sigmoid or tanh where it "
    "is flat; gradient, weight: 2-norms; update: the step's change as a share of the weight"
)


def show_health(path: Path, log: Log, picture: Path | None, format: str) -> None:
    """On stdout. path: the run folder · picture: where it was drawn, None where there was nothing to draw."""
    last = log.history.last
    lines = [_line(*pair) for pair in zip(log.history.layers, last.seen if last else (), strict=False)]
    if format == "json":
        write_json(facts(path, log, picture))
    elif format != "table":
        (write_csv if format == "csv" else write_markdown)(COLUMNS, lines)
    else:
        _show(path, log, lines)
        if picture:
            _say(f"picture: {inert(picture.as_posix())}")


def facts(path: Path, log: Log, picture: Path | None) -> dict[str, object]:
    """Everything, for JSON: the layers as they were seen last."""
    last = log.history.last
    pairs = zip(log.history.layers, last.seen if last else (), strict=False)
    return {
        "schema": "cnncli/health/1",
        "run": path.as_posix(),
        "observations": len(log.history.observations),
        "last": last and {key: getattr(last, key) for key in Observation._fields if key not in {"place", "seen"}},
        "layers": [
            {"name": layer.name, "type": layer.type, "role": layer.role, **row._asdict()} for layer, row in pairs
        ],
        "findings": as_json(log.findings),
        "picture": picture and picture.as_posix(),
    }


def heading(path: Path, log: Log) -> str:
    """`runs/lenet-1 at step 151, epoch 2 · 5 steps looked at`."""
    last, count = log.history.last, len(log.history.observations)
    if last is None:
        return f"{inert(path.as_posix())} · no step was looked at yet"
    steps = f"{count:,} step{'' if count == 1 else 's'} looked at"
    return f"{inert(path.as_posix())} at step {last.step + 1:,}, epoch {last.epoch:,} · {steps}"


def _show(path: Path, log: Log, lines: Sequence[Line]) -> None:
    width, last = columns_of(sys.stdout), log.history.last
    _say(heading(path, log))
    if last is not None:
        _say(
            f"inputs: mean {_number(last.input_mean)}, deviation {_number(last.input_deviation)}, {last.images:,} at once",
            "",
        )
        write_table(*narrowed(COLUMNS, lines, NARROW))
        _say("", NOTE)
    _say("")
    if log.findings:
        say(*(inert(part) for each in log.findings for part in told([each], width)))
    else:
        _say("nothing is wrong that these rules know of")


def _line(layer: Layer, row: Seen) -> Line:
    numbers = (row.mean, row.deviation, row.idle, row.gradient, row.weight, row.update)
    mean, deviation, _, gradient, weight, update = (Cell(value, _number(value)) for value in numbers)
    idle = Cell(row.idle, "" if row.idle is None else f"{100 * row.idle:.1f} %")
    return [Cell(layer.name, layer.name), Cell(layer.type, layer.type), mean, deviation, idle, gradient, weight, update]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _say(*lines: str) -> None:
    width = columns_of(sys.stdout)
    for line in lines:
        say(*(wrap(line, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False) or [""]))
