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
import json, os, sys
from pathlib import Path
from cnncli.cli import run
from cnncli.files import run_folder as folder

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

found, add = [], folder.add_metrics
def added(*given):
    add(*given)
    found.append(resident())
folder.add_metrics = added
sys.stdout = open(os.devnull, "w")
code = run(sys.argv[1:])
found.append(resident())
sys.__stdout__.write(json.dumps([code, found]))
"""


def resident(line: str) -> list[float]:
    """MiB in memory after each epoch, and at the end."""
    done = python("-c", MEASURED, *line.split(), OMP_NUM_THREADS="1")
    code, found = json.loads(done.stdout)
    assert code == 0, done.stderr
    return [float(value) for value in found]


@pytest.mark.parametrize(
    "more", ["--data digits limit=320", "--data folder:set cache=never workers=1 resize=16 augment=[flip]"]
)
def test_a_hundred_epochs(more: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Ninety epochs add 8 MiB at most."""
    images(Path("set"))
    found = resident(f"train lenet {more} epochs=100 batch_size=32")
    before, after = found[9], found[99]
    with capfd.disabled():
        print(f"\n100 epochs, {more.split()[1]}: {before:.0f} MiB after ten epochs, {after:.0f} MiB after a hundred")
    assert after < before + 8


def test_five_thousand_predictions(capfd: pytest.CaptureFixture[str]) -> None:
    """Ten times the images take 32 MiB more at most: their names and answers."""
    Path("photos").mkdir()
    for number in range(5000):
        Image.effect_noise((16, 16), 50).save(f"photos/{number}.png")
    Path("few").mkdir()
    for number in range(500):
        Path(f"few/{number}.png").hardlink_to(f"photos/{number}.png")
    assert python("-m", "cnncli", *["train", "lenet", "epochs=1", "limit=96"]).returncode == 0
    few, many = (
        resident(f"predict runs/lenet-1 {folder} --format csv --batch-size 100")[-1] for folder in ("few", "photos")
    )
    with capfd.disabled():
        print(f"\n500 predictions {few:.0f} MiB, 5,000 predictions {many:.0f} MiB")
    assert many < few + 32
