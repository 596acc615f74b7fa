"""Forty kinds of odd image files, in a training folder and before a trained network: an image, or one line with the path."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.campaign import QUICK, images
from tests.conftest import Result
from tests.data.test_pictures import encoded, png_header

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")]


RGB = Image.effect_noise((24, 20), 60).convert("RGB")
JPEG = encoded(RGB, "JPEG")
PNG = encoded(RGB, "PNG")


def turned(orientation: int) -> bytes:
    """With an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(RGB, "JPEG", exif=exif)


FILES: dict[str, bytes] = {
    **{f"exif{number}.jpg": turned(number) for number in (0, 3, 6, 8, 99)},
    "cmyk.jpg": encoded(RGB.convert("CMYK"), "JPEG"),
    "ycck.tif": encoded(RGB.convert("CMYK"), "TIFF"),
    "lab.tif": encoded(RGB.convert("LAB"), "TIFF"),
    "grey.jpg": encoded(RGB.convert("L"), "JPEG"),
    "sixteen.png": encoded(Image.new("I;16", (24, 20), 30_000), "PNG"),
    "sixteen.tif": encoded(Image.new("I;16", (24, 20), 30_000), "TIFF"),
    "thirtytwo.tif": encoded(Image.new("I", (24, 20), 70_000), "TIFF"),
    "float.tif": encoded(Image.new("F", (24, 20), 0.5), "TIFF"),
    "one_bit.png": encoded(Image.new("1", (24, 20), 1), "PNG"),
    "palette.png": encoded(RGB.quantize(7), "PNG"),
    "palette.gif": encoded(RGB.quantize(7), "GIF"),
    "clear.png": encoded(RGB.convert("RGBA"), "PNG"),
    "grey_clear.png": encoded(RGB.convert("LA"), "PNG"),
    "animated.gif": encoded(RGB, "GIF", save_all=True, append_images=[RGB.rotate(90)]),
    "animated.webp": encoded(RGB, "WEBP", save_all=True, append_images=[RGB.rotate(90)]),
    "pages.tif": encoded(RGB, "TIFF", save_all=True, append_images=[RGB]),
    "progressive.jpg": encoded(RGB, "JPEG", progressive=True),
    "interlaced.png": encoded(RGB, "PNG", interlace=1),
    "png_called.jpg": PNG,
    "jpeg_called.png": JPEG,
    "one_pixel.png": encoded(Image.new("RGB", (1, 1)), "PNG"),
    "one_row.png": encoded(Image.new("RGB", (3000, 1)), "PNG"),
    "one_column.png": encoded(Image.new("RGB", (1, 3000)), "PNG"),
    "truncated.jpg": JPEG[: len(JPEG) // 2],
    "truncated.png": PNG[: len(PNG) // 2],
    "header_only.jpg": JPEG[:20],
    "longer.jpg": JPEG + b"\0" * 4096,
    "bomb.png": png_header(100_000, 100_000),
    "large.png": png_header(20_000, 10_000),
    "zero.png": b"",
    "zeros.jpg": bytes(4096),
    "page.jpg": b"<html>404</html>",
    "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "[red]x[bold].png": PNG,
    "\x1b[31mred.png": PNG,
    "line\nbreak.png": PNG,
    "naïve 数字 \N{GRINNING FACE}.png": PNG,
}


def planted(folder: Path) -> list[Path]:
    """All of them, a symlink loop, a dangling link, a pipe's name and a name in no encoding."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "circle").symlink_to(folder, target_is_directory=True)
    Path(os.fsdecode(os.fsencode(folder) + b"/latin\xe9.png")).write_bytes(PNG)
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    return sorted(path for path in folder.iterdir() if path.suffix)


@pytest.mark.skipif(os.name == "nt", reason="such names and files need POSIX")
def test_odd_images_are_read_or_named(cnncli: Callable[..., Result], capfd: pytest.CaptureFixture[str]) -> None:
    """Each before a trained network by itself; all of them together; in a training folder, refused or left out by name."""
    images(Path("set"))
    assert cnncli(f"train lenet --data folder:set resize=16 {QUICK}").code == 0
    odd = planted(Path("odd"))
    outcomes = {0: 0, 3: 0}
    for path in odd:
        found = cnncli(f"predict runs/lenet-1 {shlex.quote(str(path))}")
        assert found.code in outcomes, (path, found)
        assert "a fault in cnncli" not in found.err
        assert "\x1b[31m" not in found.out + found.err
        outcomes[found.code] += 1
    assert cnncli("predict runs/lenet-1 odd --format json").code == 3
    for path in odd:
        if not path.is_dir() and path.name != "pipe.png":
            shutil.copy2(path, Path("set/train/a") / path.name, follow_symlinks=False)
    for more in ("", "cache=never workers=2"):
        refused = cnncli(f"train lenet --data folder:set resize=16 {QUICK} {more}")
        assert refused.code == 3
        assert len(refused.err.splitlines()) == 1
        skipped = cnncli(f"train lenet --data folder:set resize=16 on_bad_image=skip {QUICK} {more}")
        assert skipped.code == 0, skipped.err
    with capfd.disabled():
        print(
            f"\n{len(odd)} odd files: {outcomes[0]} read, {outcomes[3]} named with exit 3, the folder trained without them"
        )
