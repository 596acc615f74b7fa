"""What was seen and said of a run, as the JSON text that its folder and its checkpoints hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.observation import History, Layer, Observation, Seen
from cnncli.errors import DataError
from cnncli.text import truncate

SCHEMA = "cnncli/health-log/1"
LARGEST = 1 << 26  # bytes of a file that is read


class Log(NamedTuple):
    """What is known of a run's health."""

    history: History = History()
    findings: tuple[Finding, ...] = ()


def text(history: History, findings: Sequence[Finding]) -> str:
    """As JSON; the same for the same."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "findings": [{**each._asdict(), "numbers": dict(each.numbers)} for each in findings],
            "layers": [layer._asdict() for layer in history.layers],
            "statistics": Seen._fields,
            "spacing": history.spacing,
            "observations": [
                {**each._asdict(), "seen": [list(row) for row in each.seen]} for each in history.observations
            ],
        },
        allow_nan=False,
    )


def parsed(told: str, place: str) -> Log:
    """The log that `text` wrote; raises `DataError` for anything else. place: where it stood, for the message."""
    try:
        content = json.loads(told)
        if content["schema"] != SCHEMA:
            raise DataError(
                f"{truncate(place)} is of another version of cnncli: {truncate(str(content['schema']), 40)}, not {SCHEMA}"
            )
        return Log(_history(content), tuple(_finding(each) for each in content["findings"]))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise DataError(f"{truncate(place)} is not what training wrote there; cnncli resume writes it anew") from error


def read(path: Path) -> Log:
    """The log in a file; raises `DataError`, also where there is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{truncate(path.as_posix())} is too large to be what training wrote there")
        return parsed(path.read_text(encoding="utf-8"), path.as_posix())
    except UnicodeDecodeError as error:
        raise DataError(f"{truncate(path.as_posix())} is no text") from error
    except OSError as error:
        raise DataError(f"cannot read {truncate(path.as_posix())}: {error.strerror}") from error


def _history(content: dict[str, Any]) -> History:
    layers = tuple(Layer(*(str(each[key]) for key in Layer._fields)) for each in content["layers"])
    observations = tuple(_observation(each, len(layers)) for each in content["observations"])
    return History(layers, observations, int(content["spacing"]))


def _observation(each: dict[str, Any], layers: int) -> Observation:
    seen = tuple(Seen(*map(_number, row)) for row in each["seen"])
    if len(seen) != layers or any(len(row) != len(Seen._fields) for row in each["seen"]):
        raise ValueError(each["step"])
    step, epoch, place, images = (int(each[key]) for key in ("step", "epoch", "place", "images"))
    return Observation(step, epoch, place, images, _number(each["input_mean"]), _number(each["input_deviation"]), seen)


def _finding(each: dict[str, Any]) -> Finding:
    layer = None if each["layer"] is None else str(each["layer"])
    numbers = {str(key): float(value) for key, value in each["numbers"].items()}
    return Finding(str(each["kind"]), int(each["epoch"]), layer, str(each["words"]), str(each["remedy"]), numbers)


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
