"""SIGKILL at random moments, again and again: the end is that of a run that was left in peace, to the bit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.training.kills import Forked, disturbed, launched, told, undisturbed

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="SIGKILL needs POSIX"),
    pytest.mark.usefixtures("elsewhere", "own_data"),
]

# Dropout draws within the forward pass, batch norm keeps statistics, Adam moments, EMA a mean: all must be in the checkpoint.
NETWORK = """\
kind: network
name: tiny
input: {channels}x16x16
layers:
  - conv1: {{Conv2d: {{out_channels: 6, kernel_size: 3, padding: 1}}}}
  - norm1: BatchNorm2d
  - relu1: ReLU
  - pool1: {{MaxPool2d: {{kernel_size: 4}}}}
  - flatten: Flatten
  - drop: {{Dropout: {{p: 0.3}}}}
  - fc: {{Linear: {{out_features: {classes}}}}}
"""
ALWAYS = "optimizer.name=adam lr=0.01 val=0.1 seed=5 batch_size=16 checkpoint_steps=1 ema=0.9 accumulate=2 mixup=0.2"
MEMORY = f"train net.yaml --data digits epochs={{epochs}} limit=160 {ALWAYS} 'augment=[{{{{shift: 2}}}}, {{{{rotate: 10}}}}]'"
STREAMED = f"train net.yaml --data folder:set epochs={{epochs}} {ALWAYS} cache=never workers=2 'augment=[{{{{crop: 2}}}}, flip]'"


def prepared(line: str, epochs: int) -> str:
    """The command line, what it needs being there."""
    streamed = "folder:set" in line
    Path("net.yaml").write_text(
        NETWORK.format(channels=3 if streamed else 1, classes=3 if streamed else 10), encoding="utf-8"
    )
    for number in range(126 if streamed else 0):
        path = Path("set", "test" if number >= 108 else "train", "abc"[number % 3], f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((16 + number % 5, 18), 40 + 30 * (number % 3)).convert("RGB").save(path)
    return line.format(epochs=epochs)


@pytest.mark.parametrize("line", [MEMORY, STREAMED], ids=["memory", "streamed"])
def test_a_run_that_is_killed_ends_as_if_it_had_not_been(line: str) -> None:
    """Four kills: the same weights, byte for byte, the same history, the same images at every step."""
    line = prepared(line, epochs=4)
    whole = undisturbed(line, "net-1", Forked)
    killed = disturbed(line, "net-2", 4, len(whole.log), Forked)
    assert len(killed.kills) == 4
    assert killed == whole.__class__(whole.weights, whole.metrics, whole.log, killed.kills)


@pytest.mark.slow
@pytest.mark.parametrize("line", [MEMORY, STREAMED], ids=["memory", "streamed"])
def test_fifty_kills_change_nothing(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs started as a user does, killed while they load, train, save and evaluate."""
    line = prepared(line, epochs=100)
    whole = undisturbed(line, "net-1", launched)
    killed = disturbed(line, "net-2", 50, len(whole.log), launched)
    with capsys.disabled():
        print(f"\n{told(killed)}")
    assert len(killed.kills) == 50
    assert all(len(trained) == 1 for trained in killed.log.values())
    assert killed == whole.__class__(whole.weights, whole.metrics, whole.log, killed.kills)
