"""Forty disks that are full at random points, small ones that the system really fills: nothing that was whole is lost."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cnncli.training import checkpoint
from tests.training.kills import Forked, Process
from tests.training.test_kill import MEMORY, prepared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="needs tmpfs"),
    pytest.mark.usefixtures("elsewhere", "own_data"),
]

DISKS = 40


@contextmanager
def disk(folder: Path, kib: int) -> Iterator[None]:
    """A file system of that size at `folder`."""
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)], check=False)
    if mount.returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield
    finally:
        os.chdir(folder.parent)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def end(running: Process) -> int:
    """Its exit code."""
    while (code := running.poll()) is None:
        os.sched_yield()
    return code


def finished(line: str) -> bytes:
    """The weights of the run in the current folder, which has room now."""
    begun = sorted(Path("runs").glob("net-*/recipe.yaml"))
    assert end(Forked(f"resume {begun[-1].parent}" if begun else line, Path("again.log"))) == 0, Path(
        "again.err"
    ).read_text()
    return next(Path("runs").glob("net-*/model.safetensors")).read_bytes()


def test_forty_full_disks_lose_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each stops with one line and exit 3; what is on it is whole; with room it ends as an undisturbed run."""
    line = prepared(MEMORY, epochs=4)
    assert end(Forked(line, tmp_path / "whole.log")) == 0
    whole = (tmp_path / "runs/net-1/model.safetensors").read_bytes()
    used = sum(file.stat().st_size for file in (tmp_path / "runs").rglob("*") if file.is_file()) // 1024
    chance, stopped = random.Random(7), 0  # noqa: S311
    for number in range(DISKS):
        folder, log = tmp_path / f"disk{number}", tmp_path / f"log{number}"
        with disk(folder, chance.randint(16, used + used // 2)):
            os.chdir(folder)
            prepared_here(tmp_path, folder)
            code = end(Forked(line, log))
            said = log.with_suffix(".err").read_text(encoding="utf-8")
            assert code in {0, 3}, said
            stopped += code == 3
            if code:
                assert "No space left on device" in said.splitlines()[-1], said
            for file in folder.glob("runs/*/checkpoints/*"):
                checkpoint.load(file)
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
            assert finished(line) == whole
    with capfd.disabled():
        print(
            f"\n{DISKS} disks, {stopped} full while training; whole files lost: 0; the same bytes at the end: {DISKS}"
        )
    assert stopped > DISKS // 2


def prepared_here(source: Path, folder: Path) -> None:
    """The network is on the disk too, if it has room for that much."""
    (folder / "net.yaml").write_bytes((source / "net.yaml").read_bytes())
