"""Bare surroundings: no locale, no home, a home that cannot be written, a folder that is gone, closed streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import QUICK, assert_plain, environment, program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="POSIX's surroundings"),
    pytest.mark.usefixtures("elsewhere"),
]

LINES = [
    "--help",
    "params conv --cin 6 --cout 16 --k 5 --input 14x14",
    "summary lenet",
    "summary googlenet --format json",
    "solve --input 224 --output 55",
    "corr2d",
    "models ls",
    "recipes ls",
    "data ls",
    f"train lenet {QUICK}",
    "resume runs/lenet-1 epochs=4",
    "evaluate runs/lenet-1",
    "runs ls",
    "export runs/lenet-1 --to safetensors",
    "health runs/lenet-1",
]

SURROUNDINGS: dict[str, dict[str, str | None]] = {
    "LANG=C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "GBK": {"PYTHONIOENCODING": "gbk", "PYTHONUTF8": "0"},
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None, "CNNCLI_DATA": None, "USER": None, "LOGNAME": None},
    "HOME nowhere": {"HOME": "/nowhere", "XDG_CACHE_HOME": None, "CNNCLI_DATA": None},
    "HOME read-only": {"HOME": "/proc", "XDG_CACHE_HOME": None, "CNNCLI_DATA": None},
    "HOME empty": {"HOME": "", "XDG_CACHE_HOME": "", "CNNCLI_DATA": ""},
    "TERM=dumb": {"TERM": "dumb", "COLUMNS": "20"},
    "no PATH": {"PATH": None, "TERM": None},
    "TMPDIR nowhere": {"TMPDIR": "/nowhere"},
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_every_command_in_bare_surroundings(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Each does its work."""
    for line in LINES:
        found = program(line, **SURROUNDINGS[name])
        assert_plain(found, 0)
        assert "Warning" not in found.err, found.err
    with capfd.disabled():
        print(f"\n{name}: {len(LINES)} commands, all done")


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of sh in a folder; "$0" is this Python."""
    words = ["sh", "-c", script, sys.executable]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env=environment(), timeout=120
    )


def test_a_folder_that_is_gone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each says so in a line, whatever it would have done there."""
    for line in LINES:
        script = f'mkdir gone && cd gone && rmdir ../gone && exec "$0" -m cnncli {line}'
        done = shell(script, tmp_path)
        assert (done.returncode, done.stdout) == (3, ""), (line, done)
        assert done.stderr == "cnncli: the current folder has been deleted; go to one that is there, as with cd ~\n"
    with capfd.disabled():
        print(f"\na deleted working directory: {len(LINES)} commands say so in a line")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-", ">/dev/full"])
def test_closed_streams(closed: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A run trains all the same and keeps what it came to; what can't be shown is no fault of ours."""
    codes = {}
    for line in LINES:
        done = shell(f'exec "$0" -m cnncli {line} {closed}', tmp_path)
        codes[line] = done.returncode
        assert "Traceback" not in done.stderr, (line, done.stderr)
        assert "a fault in cnncli" not in done.stderr, (line, done.stderr)
        assert "Exception ignored" not in done.stderr, (line, done.stderr)
        assert done.returncode in {0, 3, 141}, (line, done)
    assert program("resume runs/lenet-1", cwd=tmp_path).code in {0, 2}  # where it could go on, and where it is complete
    assert (tmp_path / "runs/lenet-1/model.safetensors").exists()
    with capfd.disabled():
        print(f"\n{closed}: exit codes {sorted(set(codes.values()))}")
