"""A hundred times SIGKILL, over four kinds of runs; each ends as if nothing had happened, to the byte."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.cli import run
from tests.training.kills import disturbed, launched, told, undisturbed
from tests.training.test_kill import ALWAYS, STREAMED, prepared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="SIGKILL needs POSIX"),
    pytest.mark.usefixtures("elsewhere", "own_data"),
]

OWN_CODE = """\
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2))
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(6 * 4 * 4, classes)

    def forward(self, x):
        return self.head(self.drop(self.body(x).flatten(1)))
"""
AUGMENT = "'augment=[{shift: 1}, {rotate: 10}]'"
LINES = {
    "streamed": STREAMED,
    "own code": f"train net.py:Net --data digits epochs={{epochs}} limit=160 {ALWAYS} {AUGMENT.replace('{', '{{').replace('}', '}}')}",
    "float16": "train net.yaml --data digits epochs={epochs} limit=160 precision=float16 " + ALWAYS,
    "judged in between": "train net.yaml --data digits epochs={epochs} limit=160 " + ALWAYS,
}


def judged(name: str) -> None:
    """Evaluate and export what the run has come to; before its first checkpoint there is nothing, which is said."""
    for line in (f"evaluate runs/{name} --device cpu", f"export runs/{name} --to safetensors --out {name}.safetensors"):
        assert run(shlex.split(line)) in {0, 3}, line


@pytest.mark.parametrize("kind", LINES)
def test_twenty_five_kills_change_nothing(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Weights, metrics and the images of every step are those of a run that was left in peace."""
    Path("net.py").write_text(OWN_CODE, encoding="utf-8")
    line = prepared(LINES[kind], epochs=40)
    name = "Net" if "Net" in line else "net"
    between: Callable[[str], None] | None = judged if kind == "judged in between" else None
    whole = undisturbed(line, f"{name}-1", launched)
    killed = disturbed(line, f"{name}-2", 25, len(whole.log), launched, between=between)
    with capfd.disabled():
        print(f"\n{kind}: {told(killed)}; the same bytes: {killed.weights == whole.weights}")
    assert len(killed.kills) == 25
    assert killed == whole.__class__(whole.weights, whole.metrics, whole.log, killed.kills)
