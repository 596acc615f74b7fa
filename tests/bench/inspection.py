"""`cnncli summary googlenet` beside hello.py and beside torchinfo doing the same job as a process; reports of many layers."""

from __future__ import annotations

import time

from cnncli.analysis.report import report
from tests.bench.race import cnncli, python, race
from tests.bench.startup import HELLO
from tests.chain import chain

TORCHINFO = """
import torchvision, torchinfo
model = torchvision.models.googlenet(init_weights=False, aux_logits=False)
print(torchinfo.summary(model, (1, 3, 224, 224), device="meta"))
"""


def main() -> None:
    """Print times, memory, ratios and their bars."""
    ours = "summary googlenet@paper"
    found = race({"hello.py": HELLO, ours: cnncli(ours)})
    found |= race({"torchinfo": python("-c", TORCHINFO)}, rounds=5)
    for name, finish in found.items():
        print(f"{name:24} {finish.seconds * 1000:6.0f} ms  {finish.mebibytes:5.0f} MiB")
    print(
        f"beside hello.py          {found[ours].seconds / found['hello.py'].seconds:6.2f} × (at most 1.5, under 60 MB)"
    )
    print(f"torchinfo beside it      {found['torchinfo'].seconds / found[ours].seconds:6.1f} × (at least 8)")
    for length in (1_000, 10_000, 100_000):
        print(f"report() of {length:>7,} layers: {_seconds(length):.3f} s")


def _seconds(length: int) -> float:
    network = chain(length)
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        report(network)
        best = min(best, time.perf_counter() - started)
    return best
