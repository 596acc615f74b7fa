"""Somebody's own code as a source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result, python

NET = "tests/sources/examples/net.py"
LINES = (
    f"summary {NET}:Net --input 3x32x32",
    f"summary {NET}:Net width=8 --input 3x32x32 --check",
    f"summary {NET}:Net --input 3x36x36",
    f"summary {NET}:Net --input 3x36x36 --format json",
    f"summary {NET}:Fussy --input 3x32x32",
    f"summary {NET}:Mismatch --input 3x32x32",
    f"summary {NET}:Broken --input 3x32x32",
    f"summary {NET}:Caption --input 3x32x32 --input 12:int64 --optimizer adam",
    f"summary {NET}:Caption --input words=12:int64 --input image=3x8x8 --format json",
    f"summary {NET}:deep blocks=5 --input 3x8x8",
    f"summary {NET}:READY --input 3x8x8",
    f"summary {NET}:Caption",
    f"summary {NET}:Net",
    f"summary {NET}:Nett --input 3x8x8",
    f"summary {NET}:Net widht=3 --input 3x8x8",
    f"summary {NET}:WIDTH --input 3x8x8",
    f"summary {NET}:READY width=3 --input 3x8x8",
    f"summary {NET} --input 3x8x8",
    f"summary {NET}:Net --input image=3x8x8 --input 3",
    f"summary {NET}:Net --input 3x8x8:float23",
    "summary tests/sources/examples/leaves.py:Net --input 3x8x8",
    "summary nowhere.py:Net --input 3x8x8",
    "summary no.such.package:Net --input 3x8x8",
    "summary tests.sources.examples.net:Net --input 3x32x32 --max-params 1k",
    f"diff {NET}:Net {NET}:Net width=8 --input 3x32x32",
    f"solve {NET}:Net --input 3x32x32",
    f"summary {NET}:Net --input 3x32x32 --row conv2",
)


@pytest.mark.parametrize("line", LINES)
def test_the_output_is_the_golden_one(line: str, golden: Callable[..., None]) -> None:
    """What is printed, on both streams, and the exit code are those of the golden file."""
    golden(line)


def test_the_file_is_left_as_it_was(cnncli: Callable[..., Result], tmp_path: Path) -> None:
    """A file anywhere is found, with what lies beside it, and what it prints does not get into the results."""
    (tmp_path / "part.py").write_text("from torch import nn\nLAYER = nn.Linear\n")
    (tmp_path / "whole.py").write_text("import part\nprint('hello')\nmake = lambda: part.LAYER(4, 2)\n")
    found = cnncli(f"summary '{tmp_path / 'whole.py'}:make' --input 4 --format json")
    assert json.loads(found.out)["totals"]["params"] == 10
    assert "hello" in found.err


def test_a_file_that_is_called_as_a_library(cnncli: Callable[..., Result], tmp_path: Path) -> None:
    """It does not take the library's place."""
    (tmp_path / "torch.py").write_text("from torch import nn\nmake = lambda: nn.Linear(4, 2)\n")
    found = cnncli(f"summary '{tmp_path / 'torch.py'}:make' --input 4 --format json")
    assert json.loads(found.out)["totals"]["params"] == 10


def test_a_file_that_python_cannot_read(cnncli: Callable[..., Result], tmp_path: Path) -> None:
    """File and line of the mistake, in one line."""
    (tmp_path / "wrong.py").write_text("\nx = = 1\n")
    found = cnncli(f"summary '{tmp_path / 'wrong.py'}' --input 4")
    assert (found.code, found.out) == (2, "")
    assert found.err == f"cnncli: {tmp_path / 'wrong.py'}:2: SyntaxError: invalid syntax (wrong.py, line 2)\n"


@pytest.mark.parametrize("name", ["[red]x", "a\x1b[31mb", "</script>"])
def test_hostile_names_are_shown_inert(name: str, cnncli: Callable[..., Result], tmp_path: Path) -> None:
    """Names of layers come out as they are, without markup, escapes or tags taking effect."""
    (tmp_path / "net.py").write_text(
        f"from torch import nn\ndef make():\n    net = nn.Sequential()\n    net.add_module({name!r}, nn.Linear(4, 2))\n    return net\n"
    )
    found = cnncli(f"summary '{tmp_path / 'net.py'}:make' --input 4", 120)
    assert found.code == 0
    assert "\x1b" not in found.out
    assert name.replace("\x1b", "\\x1b") in found.out


def test_there_is_no_traceback_in_a_process_of_its_own() -> None:
    """A user's error is one line, and exit code 2."""
    found = python("-m", "cnncli", "summary", f"{NET}:Fussy", "--input", "3x32x32")
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert f"cnncli: {NET}:31: Fussy: ValueError: too many channels [red]\\x1b[31m" in found.stderr
