"""Memory over a long run and over many predictions: it does not grow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.campaign import images
from tests.conftest import python

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
    pytest.mark.usefixtures("elsewhere", "own_data"),
]

MEASURED = """
import json, os, sys, threading, time
from pathlib import Path
from cnncli.cli import run

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

found, over = [], threading.Event()
def watch():
    while not over.wait(0.2):
        found.append(resident())
threading.Thread(target=watch, daemon=True).start()
sys.stdout = open(os.devnull, "w")
code = run(sys.argv[1:])
over.set()
sys.__stdout__.write(json.dumps([code, found]))
"""


def resident(line: str) -> list[float]:
    """MiB in memory, five times a second, from its start to its end."""
    done = python("-c", MEASURED, *line.split(), OMP_NUM_THREADS="1")
    code, found = json.loads(done.stdout)
    assert code == 0, done.stderr
    return [float(value) for value in found]


@pytest.mark.parametrize(
    "more", ["--data digits limit=320", "--data folder:set cache=never workers=1 resize=16 augment=[flip]"]
)
def test_a_hundred_epochs(more: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The last quarter of a run takes no more than its second, by 16 MiB."""
    images(Path("set"))
    found = resident(f"train lenet {more} epochs=100 batch_size=32 checkpoint_steps=1")
    quarter = len(found) // 4
    before, after = max(found[quarter : 2 * quarter]), max(found[3 * quarter :])
    with capfd.disabled():
        print(f"\n100 epochs, {more.split()[1]}: {before:.0f} MiB in the second quarter, {after:.0f} MiB in the last")
    assert after < before + 16


def test_five_thousand_predictions(capfd: pytest.CaptureFixture[str]) -> None:
    """Ten times the images take 32 MiB more at most: their names and answers."""
    Path("photos").mkdir()
    for number in range(5000):
        Image.effect_noise((16, 16), 50).save(f"photos/{number}.png")
    Path("few").mkdir()
    for number in range(500):
        Path(f"few/{number}.png").hardlink_to(f"photos/{number}.png")
    assert python("-m", "cnncli", *["train", "lenet", "epochs=1", "limit=96"]).returncode == 0
    few, many = (max(resident(f"predict runs/lenet-1 {folder} --format csv")) for folder in ("few", "photos"))
    with capfd.disabled():
        print(f"\n500 predictions {few:.0f} MiB, 5,000 predictions {many:.0f} MiB")
    assert many < few + 32
