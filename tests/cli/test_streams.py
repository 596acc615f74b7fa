"""Pipes, encodings, faults: what surrounds every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.cli import command, run
from cnncli.registry import stems
from cnncli.text import inert
from tests.conftest import Result, python


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "utf-8"])
@pytest.mark.parametrize(
    "line", ["summary lenet --explain", "params conv --cin 6 --cout 16 --k 5 --input 14x14", "--help"]
)
def test_no_encoding_is_too_small(line: str, encoding: str) -> None:
    """Where stdout cannot write a character, ASCII stands in for it, and the command succeeds."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "80"}
    found = subprocess.run(
        [sys.executable, "-m", "cnncli", *line.split()], capture_output=True, check=False, env=environment, timeout=60
    )
    assert found.returncode == 0, found.stderr.decode()
    assert "?" not in found.stdout.decode(encoding).replace("[?", "")


@pytest.mark.parametrize("lesson", ["pool2d", "padding --input 224x224", "quiz lenet --answers"])
@pytest.mark.parametrize("columns", [60, 80])
def test_formulas_in_ascii_fit_too(lesson: str, columns: int) -> None:
    """`floor(` is longer than the sign that it stands in for."""
    found = python("-m", "cnncli", *lesson.split(), PYTHONIOENCODING="ascii", COLUMNS=str(columns))
    assert found.returncode == 0, found.stderr
    assert "floor(" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= columns


def test_a_reader_that_leaves_ends_a_command_quietly() -> None:
    """`cnncli … | head -1` exits with 141 and writes nothing to stderr."""
    program = subprocess.Popen(
        [sys.executable, "-m", "cnncli", "summary", "lenet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    program.stdout.close()
    assert program.wait(timeout=60) == 141
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()


def test_a_fault_is_reported_in_two_lines_and_exits_with_70(
    monkeypatch: pytest.MonkeyPatch, cnncli: Callable[..., Result]
) -> None:
    """What nobody foresaw shows its kind and how to report it, not a traceback."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a wheel\nfell off")

    monkeypatch.setattr("cnncli.analysis.report.report", broken)
    found = cnncli("summary lenet")
    assert found.code == 70
    assert found.err.splitlines()[0] == r"cnncli: a fault in cnncli: RuntimeError: a wheel\nfell off"
    assert "report" in found.err.splitlines()[1]


def test_debug_shows_the_traceback() -> None:
    """`--debug`, anywhere on the line, lets the error through."""
    found = python("-m", "cnncli", "summary", "nosuch", "--debug")
    assert "Traceback" in found.stderr
    assert "UnknownName" in found.stderr


def test_control_characters_are_written_out(cnncli: Callable[..., Result]) -> None:
    """An escape sequence or markup in a name reaches the terminal as text."""
    assert inert("a\x1b[31mb\nc[red]") == r"a\x1b[31mb\nc[red]"
    found = cnncli("summary 'x\x1b[31m[red]'")
    assert "\x1b" not in found.err
    assert "[red]" in found.err


def test_json_is_one_line_of_ascii(cnncli: Callable[..., Result]) -> None:
    """JSON is written raw: one line whatever the width, with its schema."""
    found = cnncli("summary lenet --explain --format json", columns=40)
    assert len(found.out.splitlines()) == 1
    assert found.out.isascii()
    assert json.loads(found.out)["schema"] == "cnncli/summary/1"


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("lesson", ["corr2d --no-check", "pool2d", "padding", "bottleneck", "edge-detect"])
def test_a_picture_s_name_is_inert(lesson: str, cnncli: Callable[..., Result]) -> None:
    """Escape sequences and line breaks in it are written out."""
    found = cnncli(f"{lesson} --out '\x1b[31m\n.png'")
    assert found.code == 0
    assert found.out.splitlines()[-1] == r"picture in \x1b[31m\n.png"


def test_every_command_teaches_itself() -> None:
    """Each file in cli/ is a command with a help text that ends in an example."""
    for stem in stems("cnncli.cli"):
        help_text = command(stem.replace("_", "-")).help or ""
        assert "Example: cnncli " in help_text, stem
        wide = [line for line in help_text.splitlines()[1:] if len(line) > 78]  # 80 columns would break them again
        assert not wide, stem


def test_colour_only_on_a_terminal(cnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets no escape sequences."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for line in ("summary lenet", "--help", "summary lenet --explain"):
        assert "\x1b" not in cnncli(line).out


def test_an_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a command runs."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cnncli.analysis.report.report", interrupted)
    assert run(["summary", "lenet"]) == 130


@pytest.mark.skipif(os.name == "nt", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("line", "code"), [("params conv --cin 6 --cout 16 --k 5", 0), ("params convv", 2)])
def test_closed_streams_are_no_fault(line: str, code: int, closed: str) -> None:
    """What is not asked for is not shown; the exit code is the same."""
    words = ["sh", "-c", f'exec "$0" -m cnncli {line} {closed}', sys.executable]
    found = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == code
    assert "fault" not in found.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_an_output_that_cannot_be_written_is_named() -> None:
    """Exit 3, with the reason."""
    words = ["sh", "-c", 'exec "$0" -m cnncli summary lenet >/dev/full', sys.executable]
    found = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stderr) == (3, "cnncli: cannot write the output: No space left on device\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no folder that is in use")
def test_a_deleted_folder_is_said(tmp_path: Path) -> None:
    """Before torch, which would end the process itself, is imported."""
    words = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$0" -m cnncli corr2d', sys.executable]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout) == (3, "")
    assert found.stderr == "cnncli: the current folder has been deleted; go to one that is there, as with cd ~\n"
