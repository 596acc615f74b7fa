"""health.json: what is written is read again, and nothing else is taken for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.observation import WEIGHTS, History, Layer, Observation, Seen
from cnncli.diagnostics.record import Log, parsed, read, text
from cnncli.errors import DataError

HISTORY = History(
    (Layer("conv1", "Conv2d", WEIGHTS),),
    (Observation(0, 1, 0, 32, 0.1, 1.5, (Seen(0.1, 0.2, None, 3.0, 4.0, 0.01),)),),
    2,
)
FOUND = (Finding("dead", 2, "act1", "95 % …", "optimizer.lr=0.1", {"share": 0.95}),)


def test_it_comes_back() -> None:
    """Every number, every word."""
    assert parsed(text(HISTORY, FOUND), "here") == Log(HISTORY, FOUND)
    assert parsed(text(History(), ()), "here") == Log()


def spoilt(**changes: object) -> str:
    """A log in which some keys are others."""
    return json.dumps({**json.loads(text(HISTORY, FOUND)), **changes})


@pytest.mark.parametrize(
    "told",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        spoilt(layers=[{}]),
        spoilt(layers=[]),
        spoilt(findings=[{"kind": "dead"}]),
        spoilt(findings=7),
        spoilt(spacing="x"),
        spoilt(observations=[{"step": 0}]),
        spoilt(observations=[{**HISTORY.observations[0]._asdict(), "seen": [["x"] * 6]}]),
        spoilt(observations=[{**HISTORY.observations[0]._asdict(), "seen": [[1, 2]]}]),
    ],
    ids=str,
)
def test_anything_else_is_refused(told: str) -> None:
    """One line, exit code 3."""
    with pytest.raises(
        DataError, match=r"^x/health\.json is not what training wrote there; cnncli resume writes it anew$"
    ):
        parsed(told, "x/health.json")


def test_another_version_is_named() -> None:
    """With what it is."""
    with pytest.raises(DataError, match="of another version of cnncli: cnncli/health-log/9"):
        parsed(spoilt(schema="cnncli/health-log/9"), "x")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, no text, nothing there."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("nowhere", "bytes", ""):
        with pytest.raises(DataError):
            read(tmp_path / name)
