"""Six processes at once: on one run, on one cache, in one folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import QUICK, environment, images, program

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("elsewhere", "own_data")]

MANY = 6
LONG = QUICK.replace("epochs=3", "epochs=60")


def together(*lines: str) -> list[tuple[int, str]]:
    """The exit code and stderr of each, all started at once."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "cnncli", *line.split()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        for line in lines
    ]
    return [
        (process.returncode, text.decode()) for process in running for text in [process.communicate(timeout=300)[1]]
    ]


def test_six_on_one_run(capfd: pytest.CaptureFixture[str]) -> None:
    """One trains; the others say which process does, or find it complete; the end is that of a run left alone."""
    assert program(f"train lenet {LONG}").code == 0
    whole = Path("runs/lenet-1/model.safetensors").read_bytes()
    Path("runs/lenet-2").mkdir()
    shutil.copy("runs/lenet-1/recipe.yaml", "runs/lenet-2/recipe.yaml")
    found = together(*["resume runs/lenet-2"] * MANY)
    codes = sorted(code for code, _ in found)
    assert set(codes) <= {0, 3}
    assert 0 in codes
    assert all("is being trained by process" in text for code, text in found if code)
    assert Path("runs/lenet-2/model.safetensors").read_bytes() == whole
    with capfd.disabled():
        print(f"\nsix on one run: exit codes {codes}, the same bytes")


def test_six_on_one_cache_and_in_one_folder(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Six runs with folders of their own, the same bytes in each, and one prepared set."""
    images(Path("set"))
    found = together(*[f"train lenet --data folder:set cache=always {QUICK}"] * MANY)
    assert [code for code, _ in found] == [0] * MANY, found
    weights = {file.read_bytes() for file in Path("runs").glob("lenet-*/model.safetensors")}
    assert len(list(Path("runs").glob("lenet-*/model.safetensors"))) == MANY
    assert len(weights) == 1
    assert len([file for file in tmp_path.rglob("*.safetensors") if "prepared" in file.parts]) == 1
    with capfd.disabled():
        print("\nsix on one cache, in one folder: six runs, the same bytes, one prepared set")


def test_readers_while_it_trains(capfd: pytest.CaptureFixture[str]) -> None:
    """Evaluation, health, the list of runs and a second training do not disturb a run."""
    assert program(f"train lenet {LONG}").code == 0
    whole = Path("runs/lenet-1/model.safetensors").read_bytes()
    lines = ["evaluate runs/lenet-1", "health runs/lenet-1", "runs ls", "predict runs/lenet-1 nothing.png"]
    found = together(f"train lenet {LONG}", *lines, f"train lenet {LONG}")
    assert [code for code, _ in found][:1] == [0]
    assert all(code in {0, 1, 3} and "fault" not in text for code, text in found), found
    assert {file.read_bytes() for file in Path("runs").glob("lenet-*/model.safetensors")} == {whole}
    with capfd.disabled():
        print(f"\nfour readers beside two trainings: exit codes {[code for code, _ in found]}, the same bytes")
