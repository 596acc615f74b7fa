"""From the command to the end of the first optimizer step, beside `import torch`.

Needs MNIST (CNNCLI_DATA), prepared once before. The step is noticed from outside: by the first line of the sample log, which is
written when it is over.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

from tests.bench.race import cnncli, python

ROUNDS = 5
BAR = 2.0  # seconds above importing torch


def main() -> None:
    """Print the best of interleaved rounds."""
    if "CNNCLI_DATA" not in os.environ:
        print("skipped: set CNNCLI_DATA to a folder that holds MNIST")
        return
    _first_step()
    best = {"import torch": float("inf"), "train lenet-mnist": float("inf")}
    for _ in range(ROUNDS):
        best["import torch"] = min(best["import torch"], _import_torch())
        best["train lenet-mnist"] = min(best["train lenet-mnist"], _first_step())
    for name, seconds in best.items():
        print(f"{name:20} {seconds:5.2f} s")
    above = best["train lenet-mnist"] - best["import torch"]
    print(f"the first step is over {above:.2f} s after torch could be imported (at most {BAR} s)")


def _import_torch() -> float:
    begun = perf_counter()
    subprocess.run(python("-c", "import torch"), check=True)
    return perf_counter() - begun


def _first_step() -> float:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "samples.csv"
        environment = {**os.environ, "CNNCLI_SAMPLE_LOG": str(log), "PYTHONPATH": str(Path(__file__).parents[2])}
        begun = perf_counter()
        process = subprocess.Popen(
            cnncli("train lenet-mnist --epochs 1"),
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=sys.stderr,
        )
        while not log.exists() and process.poll() is None:
            sleep(0.002)
        seconds = perf_counter() - begun
        process.kill()
        process.wait()
    return seconds
