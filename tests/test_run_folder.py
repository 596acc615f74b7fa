"""The run folder: numbered, and nothing in it half written."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cnncli.errors import DataError
from cnncli.files import run_folder as folder
from tests.conftest import python

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_runs_are_numbered_after_the_highest() -> None:
    """Names that only look alike do not count, and a number is not given twice."""
    assert [folder.new_folder("lenet", "x").name for _ in range(2)] == ["lenet-1", "lenet-2"]
    for name in ("lenet-mnist-7", "lenet-9x", "lenet-12"):
        Path("runs", name).mkdir()
    assert folder.new_folder("lenet", "x").name == "lenet-13"
    assert folder.new_folder("lenet-mnist", "x").name == "lenet-mnist-8"
    assert Path("runs/lenet-1/recipe.yaml").read_text(encoding="utf-8") == "x"


def test_runs_that_begin_at_once_get_folders_of_their_own() -> None:
    """Twenty at a time."""
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: folder.new_folder("lenet", "x").name, range(20)))
    assert sorted(found) == sorted(f"lenet-{number}" for number in range(1, 21))


def test_a_place_that_cannot_be_written_is_a_data_error() -> None:
    """One line that names the place and the cure; here `runs` is a file."""
    Path("runs").touch()
    with pytest.raises(DataError, match=r"cannot write 'runs': .*; go to a folder that can be written"):
        folder.new_folder("lenet", "x")


def test_only_a_run_that_did_not_begin_is_discarded() -> None:
    """A folder with anything but its recipe stays."""
    fresh, begun = folder.new_folder("lenet", "x"), folder.new_folder("lenet", "x")
    (begun / "metrics.csv").touch()
    folder.discard(fresh)
    folder.discard(begun)
    assert [entry.name for entry in Path("runs").iterdir()] == ["lenet-2"]


def test_metrics_grow_by_a_row() -> None:
    """The header comes from the first row's columns."""
    path = folder.new_folder("lenet", "x")
    rows = [{"epoch": 1, "lr": 0.1}, {"epoch": 2, "lr": 0.05}]
    folder.add_metrics(path, rows[:1])
    folder.add_metrics(path, rows)
    text = "epoch,lr\n1,0.1\n2,0.05\n"
    assert (path / "metrics.csv").read_text(encoding="utf-8") == text
    folder.rewrite_metrics(path, rows)
    assert (path / "metrics.csv").read_text(encoding="utf-8") == text


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes, which POSIX has")
def test_a_row_that_does_not_fit_is_not_half_written() -> None:
    """The file keeps the rows it had, and the error says that the disk is full or the file too large."""
    program = """
import resource, signal
from cnncli.errors import DataError
from cnncli.files import run_folder as folder
path = folder.new_folder("lenet", "x")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder.add_metrics(path, [{"epoch": 1, "lr": 0.1}])
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    folder.add_metrics(path, [{"epoch": 1, "lr": 0.1}, {"epoch": 2, "lr": 0.123456789}])
except DataError as error:
    print(error)
print((path / "metrics.csv").read_bytes())
"""
    found = python("-c", program)
    assert found.stdout.startswith("cannot write 'runs/lenet-1/metrics.csv': File too large")
    assert found.stdout.endswith("b'epoch,lr\\n1,0.1\\n'\n")
