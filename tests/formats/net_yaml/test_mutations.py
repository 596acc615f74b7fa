"""Damaged files are read or refused, quickly and in one line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnncli.cli import run

TEXTS = [file.read_text(encoding="utf-8") for file in sorted((Path(__file__).parent / "examples").glob("*.yaml"))]
PIECES = st.sampled_from(
    [
        *"{}[]:,-#&*!|>'\"%@`\t\n $.",
        "  ",
        "Conv2d",
        "concat:",
        "repeat:",
        "times: 99999",
        "$x",
        "1e9",
        "-1",
        "null",
        "<<: *a",
        "yes",
    ]
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_file_is_read_or_refused(
    data: st.DataObject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 files with pieces put in, taken out or moved: exit code 0 or 2, one line on stderr, under two seconds."""
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(PIECES | st.just("") | st.just(text[start:stop] * 2)) + text[stop:]
    file = tmp_path / "net.yaml"
    file.write_text(text, encoding="utf-8")
    for command in ("summary", "code"):
        started = time.perf_counter()
        code = run([command, str(file)])
        assert code in {0, 2}
        assert time.perf_counter() - started < 2
        assert capsys.readouterr().err.count("\n") == (code == 2)
