"""An attack on training, by what happens to real machines: kills, full disks, damage, odd files, company, and bare surroundings.

Each test prints what was tried and what survived. `pytest tests/campaign -m slow -s` runs them all.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

QUICK = "epochs=3 limit=96 batch_size=32 seed=3"


class Found(NamedTuple):
    """What a program left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str


def environment(**changes: str | None) -> dict[str, str]:
    """This process's, on one thread; None takes a variable out."""
    whole = {**os.environ, "OMP_NUM_THREADS": "1", **changes}
    return {name: value for name, value in whole.items() if value is not None}


def program(line: str | Sequence[str], *, cwd: Path | None = None, **changes: str | None) -> Found:
    """Run one command line of cnncli as a user does, in a Python of its own."""
    words = shlex.split(line) if isinstance(line, str) else line
    done = subprocess.run(
        [sys.executable, "-m", "cnncli", *words],
        cwd=cwd,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=300,
        env=environment(**changes),
    )
    return Found(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def assert_plain(found: Found, *codes: int) -> None:
    """One of these exit codes, and no traceback; an error is a line that names its place."""
    assert found.code in codes, found
    assert "Traceback" not in found.err, found.err
    assert "a fault in cnncli" not in found.err, found.err
    if found.code:
        assert found.err.strip().splitlines()[-1].startswith("cnncli"), found.err


def images(folder: Path, count: int = 60, classes: str = "abc") -> Path:
    """A folder set of noisy images, a sixth of them to test on."""
    for number in range(count):
        split = "test" if number % 6 == 5 else "train"
        path = folder / split / classes[number % len(classes)] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((18 + number % 5, 20), 40 + 30 * (number % len(classes))).convert("RGB").save(path)
    return folder
