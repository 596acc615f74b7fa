"""A disk that fills up: one line, what was written before stays whole, nothing half written stays behind."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path
from typing import BinaryIO, Self

import pytest

from cnncli.errors import DataError
from cnncli.files import run_folder as folder
from cnncli.sources.recipes import load, resolved
from cnncli.training import checkpoint
from cnncli.training.request import resume_request
from cnncli.training.resume import StoppedRun
from cnncli.training.run import Run, start
from tests.conftest import python
from tests.training.conftest import small

pytestmark = pytest.mark.usefixtures("elsewhere")


class Full:
    """A disk with room for so many bytes: the write that does not fit takes what does, then fails."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._opened = Path.open

    def open(self, path: Path, mode: str = "r", **rest: object) -> object:
        """As `Path.open`."""
        file = self._opened(path, mode, **rest)  # type: ignore[call-overload]
        if "x" in mode or "a" in mode or "w" in mode:
            file = Filling(file, self)
        return file


class Filling:
    """A file on it."""

    def __init__(self, file: BinaryIO, disk: Full) -> None:
        self._file, self._disk = file, disk

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes | memoryview) -> int:
        """As a file's."""
        fits = min(len(data), self._disk.room)
        self._disk.room -= fits
        self._file.write(data[:fits])
        if fits < len(data):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        return fits


def begun(name: str) -> Run:
    """A small run that is saved after every second step."""
    asked = load("lenet", small("checkpoint_steps=2"))
    return start(asked, folder.new_folder(name, resolved(asked)), "cpu")


def test_wherever_the_disk_is_full_the_run_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten places among the bytes of a run: its checkpoints, its metrics, its weights."""
    whole = begun("whole")
    list(whole.epochs())
    expected, chance = (whole.path / folder.MODEL).read_bytes(), random.Random(5)  # noqa: S311
    most = 6 * (whole.path / "checkpoints" / "last.pt").stat().st_size
    for room in [0, most - 10, *(chance.randrange(most) for _ in range(8))]:
        run = begun("run")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", _method(Full(room)))
            with pytest.raises(DataError) as raised:
                list(run.epochs())
        assert raised.value.exit_code == 3
        assert str(raised.value).startswith("cannot write 'runs/run-")
        assert str(raised.value).endswith(
            f": No space left on device; free some space, then cnncli resume {run.path.as_posix()}"
        )
        _is_whole(run.path)
        again = StoppedRun(resume_request([str(run.path)])).run()
        list(again.epochs())
        assert (run.path / folder.MODEL).read_bytes() == expected, room


def _method(disk: Full) -> Callable[..., object]:
    return lambda path, *given, **rest: disk.open(path, *given, **rest)  # noqa: PLW0108  (a method of the path's)


def _is_whole(path: Path) -> None:
    """Every checkpoint can be read, every file is one that belongs there."""
    assert {entry.name for entry in path.iterdir()} <= {
        "recipe.yaml",
        "env.json",
        "metrics.csv",
        "health.json",
        "checkpoints",
    }
    for file in (path / "checkpoints").glob("*") if (path / "checkpoints").exists() else []:
        assert file.name in {"last.pt", "previous.pt"}
        checkpoint.load(file)


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes, which POSIX has")
def test_a_checkpoint_that_is_too_large_for_its_disk_is_a_line_and_an_exit_code() -> None:
    """On the command line, by a limit that the system keeps: exit 3, one line, no file left."""
    program = """
import resource, sys
from cnncli.cli import run
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(run(["train", "lenet", "epochs=2", "limit=100", "--quiet"]))
"""
    found = python("-c", program, OMP_NUM_THREADS="1")
    assert (found.returncode, found.stdout) == (3, "")
    assert found.stderr == (
        "cnncli: cannot write 'runs/lenet-1/checkpoints': File too large; free some space, "
        "then cnncli resume runs/lenet-1\n"
    )
    _is_whole(Path("runs/lenet-1"))
    assert list(Path("runs/lenet-1/checkpoints").iterdir()) == []
