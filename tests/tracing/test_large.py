"""Many layers, and weights that no machine has room for: time and memory of recording them and of their reports."""

from __future__ import annotations

import json
import sys

import pytest

from tests.conftest import python

MEASURED = """
import json, time
from pathlib import Path
from torch import nn
from cnncli.layers import Tensor
from cnncli.tracing import record
from cnncli.tracing.building import built
from cnncli.analysis.report import report

def peak():  # kilobytes; what a process was at most since it began, not what started it
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

def told(factory, *shape):
    return report(record(built(factory), [Tensor(shape)]).network)

told(lambda: nn.Sequential(nn.Linear(4, 4), nn.TransformerEncoderLayer(4, 2, 4, batch_first=True)), 3, 4)  # all is imported
before, started = peak(), time.process_time()
found = told(FACTORY)
print(json.dumps([len(found.rows), found.totals.params, found.complete, time.process_time() - started, peak() - before]))
"""


def measured(factory: str) -> tuple[int, int, float, float]:
    """In a process of its own: rows, parameters, seconds of CPU, and megabytes that the process grew by."""
    finished = python("-W", "ignore", "-c", MEASURED.replace("FACTORY", factory))
    assert finished.returncode == 0, finished.stderr
    rows, params, complete, seconds, kilobytes = json.loads(finished.stdout)
    assert complete
    return rows, params, seconds, kilobytes / 1024


BLOCK = "nn.TransformerEncoderLayer(12288, 96, 4 * 12288, batch_first=True)"
"""Of width w, and four times that inside: 12·w² + 13·w parameters."""
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")


def test_a_thousand_layers() -> None:
    """A thousand 3×3 convolutions of eight channels, 8·8·9 + 8 parameters each: well below a second, and megabytes."""
    factory = "lambda: nn.Sequential(*[nn.Conv2d(8, 8, 3, padding=1) for _ in range(1000)]), 8, 32, 32"
    rows, params, seconds, megabytes = measured(factory)
    assert (rows, params) == (1000, 584_000)
    assert seconds < 2
    assert megabytes < 40


@pytest.mark.parametrize(
    ("factory", "wanted"),
    [
        ("lambda: nn.Sequential(nn.Linear(10**5, 10**6, bias=False)), 10**5", 10**11),
        (f"lambda: nn.Sequential(*[{BLOCK} for _ in range(56)]), 128, 12288", 56 * (12 * 12288**2 + 13 * 12288)),
    ],
    ids=["one layer", "a transformer"],
)
def test_a_hundred_billion_parameters(factory: str, wanted: int) -> None:
    """400 gigabytes of weights, none of which are there."""
    _, params, seconds, megabytes = measured(factory)
    assert params == wanted >= 10**11
    assert seconds < 2
    assert megabytes < 40
