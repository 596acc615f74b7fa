"""Recording and reporting ResNet-152 beside torchinfo, and the whole command beside `import torchvision`.

Inside one process, interleaved, best of several: ours, torchinfo on the meta device, and the forward pass there alone, which
torchinfo cannot go below. `torchvision:resnet152` is built in and needs no torch; resnext101_64x4d is recorded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from tests.bench.race import cnncli, python, race

ROUNDS = 15


def main() -> None:
    """Print times, memory, ratios and their bars."""
    _commands()  # first: a child starts with the memory of what starts it
    _inside()


def _inside() -> None:
    import torch
    import torchinfo
    import torchvision

    from cnncli.analysis.report import report
    from cnncli.layers import Tensor
    from cnncli.tracing import record
    from cnncli.tracing.building import built

    module = built(torchvision.models.resnet152).eval()

    def forward() -> None:
        with torch.no_grad():
            module(torch.empty(1, 3, 224, 224, device="meta"))

    best = _best(
        {
            "record and report": lambda: report(record(module, [Tensor((3, 224, 224))]).network),
            "torchinfo": lambda: torchinfo.summary(module, input_size=(1, 3, 224, 224), device="meta", verbose=0),
            "forward alone": forward,
        }
    )
    for name, seconds in best.items():
        print(f"{name:18} {seconds * 1000:6.1f} ms  {seconds / best['torchinfo']:5.2f}×")
    print("beside torchinfo at most 0.5×")


def _best(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def _commands() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the peer comes compiled
    bare = "import torchvision"
    ours = ["summary torchvision:resnet152", "summary torchvision:resnext101_64x4d"]
    found = race({bare: python("-c", bare), **{line: cnncli(line) for line in ours}}, rounds=7)
    for name, finish in found.items():
        more = finish.mebibytes - found[bare].mebibytes
        ratio = finish.seconds / found[bare].seconds
        print(
            f"{name:36} {finish.seconds * 1000:6.0f} ms  {ratio:5.2f}×  {finish.mebibytes:4.0f} MiB  {more:+4.0f} MiB"
        )
    print("beside the import at most 1.3×, and 60 MB more")
