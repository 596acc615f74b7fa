"""`python -m tests.pictures RUN`: draws the README's pictures anew. RUN: a trained run of lenet-mnist, its data in CNNCLI_DATA.

The photograph is the one that comes with matplotlib: Rear Admiral Grace Hopper, by James S. Davis, U.S. Navy, in the public domain.
"""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from PIL import Image

from cnncli.cli import run

FOLDER = Path(__file__).parent.parent / "docs"
COLOURS = 128  # of each picture, which is then a third as large
LINES = {
    "corr2d": "corr2d --x photo.png --kernel sobel --pad same --channels 1",
    "pool2d": "pool2d --x photo.png --k 8",
    "padding": "padding",
    "edge-detect": "edge-detect",
    "bottleneck": "bottleneck",
    "receptive-field": "receptive-field runs/lenet-mnist-1 --row conv2",
    "sharing": "sharing runs/lenet-mnist-1",
    "health": "health runs/lenet-mnist-1",
}


def main() -> None:
    """Draw them all."""
    source = Path(sys.argv[1]).resolve()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        copytree(source, Path("runs", "lenet-mnist-1"))
        _photo().save("photo.png")
        for name, line in LINES.items():
            _run(f"{line} --out {name}.png")
            _keep(Path(f"{name}.png"), name)
        _run("features runs/lenet-mnist-1 --gradcam --out features")
        _keep(Path("features", "walk.png"), "features")
        _keep(Path("features", "gradcam.png"), "gradcam")


def _photo() -> Image.Image:
    from matplotlib.cbook import get_sample_data

    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
        return image.crop((100, 0, 412, 312)).resize((160, 160))


def _run(line: str) -> None:
    with redirect_stdout(StringIO()):
        code = run([*shlex.split(line), "--format", "json"])
    if code:
        raise SystemExit(code)


def _keep(drawn: Path, name: str) -> None:
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
