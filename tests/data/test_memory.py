"""How much memory there is: what the system says, within a container's limit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cnncli.data import memory


def test_there_is_some() -> None:
    """More than a megabyte and less than a petabyte on any machine that runs this."""
    assert 1 << 20 < memory.available() < 1 << 50
    assert memory.budget() == pytest.approx(memory.available() // 4, rel=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
@pytest.mark.parametrize(
    ("limit", "left"), [("1000000", 1_000_000 - 600_000 + 250_000), ("max", sys.maxsize), ("", sys.maxsize), ("100", 0)]
)
def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, left: int) -> None:
    """What it has not used yet, and the file pages that it can drop; without a limit, everything."""
    for name, text in (
        ("memory.max", limit),
        ("memory.current", "600000\n"),
        ("memory.stat", "anon 1\ninactive_file 250000\nfile 3\n" if limit != "100" else "anon 1\n"),
    ):
        (tmp_path / name).write_text(text, encoding="ascii")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_linux", lambda: 10**15)
    assert memory.available() == min(left, 10**15)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_system_that_does_not_tell_is_taken_for_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four gigabytes."""
    monkeypatch.setattr(memory, "Path", lambda _: Path("/nowhere"))
    monkeypatch.setattr(memory, "CGROUP", Path("/nowhere"))
    assert memory.available() == 4 << 30
