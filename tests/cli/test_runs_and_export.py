"""`cnncli runs` and `cnncli export` on runs of a few steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open

from tests.cli.quick import heavy_imports
from tests.conftest import Result

Cnncli = Callable[..., Result]
QUICK = "train lenet epochs=1 limit=64 --quiet"


pytestmark = pytest.mark.usefixtures("elsewhere", "one_thread")


def test_runs_are_listed_and_compared(cnncli: Cnncli) -> None:
    """The newest first, with the figures that training kept; what differs in two recipes stands side by side."""
    printed = [json.loads(cnncli(f"{QUICK} --format json seed={seed}").out.splitlines()[-1]) for seed in (0, 1)]
    rows = json.loads(cnncli("runs ls --format json").out)["runs"]
    assert {row["run"] for row in rows} == {"runs/lenet-1", "runs/lenet-2"}
    assert {row["state"] for row in rows} == {"finished"}
    assert sorted(row["test_acc"] for row in rows) == sorted(each["test_acc"] for each in printed)
    found = cnncli("runs compare lenet-1 lenet-2 --out curves.png")
    assert "seed" in found.out
    assert Path("curves.png").read_bytes().startswith(b"\x89PNG")


def test_listing_needs_no_torch() -> None:
    """A list of runs is there before torch could be imported."""
    assert heavy_imports("runs ls") == []


def test_a_damaged_run_is_listed_as_such(cnncli: Cnncli) -> None:
    """No traceback, whatever lies in the folder."""
    cnncli(QUICK)
    Path("runs/lenet-1/metrics.csv").write_bytes(b"epoch,\xff\x00nonsense\n1,2\n")
    found = cnncli("runs ls")
    assert found.code == 0
    assert "broken" in found.out


def test_export_is_verified_and_says_what_it_takes(cnncli: Cnncli) -> None:
    """The exported weights are the run's, with classes and normalisation in the metadata."""
    cnncli(QUICK)
    found = cnncli("export lenet-1 --to safetensors --out out.safetensors")
    assert found.code == 0, found.err
    assert "largest difference 0" in found.out
    with safe_open("out.safetensors", "pt") as file:
        told = json.loads(file.metadata()["cnncli"])
    assert told["classes"] == list("0123456789")
    assert len(told["mean"]) == len(told["deviation"]) == 1


def test_onnx_and_code_give_the_same_classes(cnncli: Cnncli) -> None:
    """On all test images; ONNX is run where onnxruntime is installed."""
    cnncli(QUICK)
    for kind in ("onnx", "code"):
        found = cnncli(f"export lenet-1 --to {kind}")
        assert found.code == 0, found.err
    assert Path("runs/lenet-1/model.onnx").exists()


@pytest.mark.parametrize(
    "line", ["export nowhere --to onnx", "export lenet-1 --to tflite", "runs compare lenet-1", "runs sl"]
)
def test_wrong_requests_are_one_line(line: str, cnncli: Cnncli) -> None:
    """Exit code 2 or 3, and no traceback."""
    found = cnncli(line)
    assert found.code in {2, 3}
    assert len(found.err.splitlines()) == 1
