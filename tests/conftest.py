"""What all tests share: running a command line inside the process, and comparing with a golden file."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cnncli.cli import run

GOLDENS = Path(__file__).parent / "goldens"


class Result(NamedTuple):
    """What a command line gave: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--overwrite` writes the golden files anew; look at the difference before you commit it."""
    parser.addoption("--overwrite", action="store_true", help="write golden files instead of comparing with them")


def pytest_configure() -> None:
    """Programs that tests start obey Ctrl-C, also where the tests run in the background of a shell that has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def cnncli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run one command line in this process, at 80 columns unless told."""

    def call(line: str, columns: int = 80) -> Result:
        monkeypatch.setenv("COLUMNS", str(columns))
        capfd.readouterr()
        code = run(shlex.split(line))
        return Result(code, *capfd.readouterr())

    return call


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find no data but the test's own, and prepare them beside it."""
    monkeypatch.setenv("CNNCLI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute on one thread, here and in processes that are started: many tests may run at once."""
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def golden(request: pytest.FixtureRequest, cnncli: Callable[..., Result]) -> Callable[..., None]:
    """Compare a command line's output with `tests/goldens/<command line>.txt`."""

    def compare(line: str, columns: int = 80) -> None:
        found = cnncli(line, columns)
        text = (
            f"$ cnncli {line}\n{found.out}"
            + (f"--- stderr\n{found.err}" if found.err else "")
            + f"--- exit {found.code}\n"
        )
        path = GOLDENS / golden_name(line, columns)
        if request.config.getoption("--overwrite"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; look, then refresh it with --overwrite"

    return compare


def assert_refused(found: Result, code: int, words: str) -> None:
    """One line with these words, the contract's exit code, and nothing on stdout."""
    assert found.code == code
    assert len(found.err.splitlines()) == 1
    assert words in found.err
    assert found.out == ""


def golden_name(line: str, columns: int) -> str:
    """The file that holds the output of a command line at a width."""
    slug = re.sub(r"[^A-Za-z0-9.=@]+", "_", line).strip("_")
    return f"{slug or 'bare'}.{columns}.txt"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python with `arguments` in a process of its own, output as UTF-8 text."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    )
