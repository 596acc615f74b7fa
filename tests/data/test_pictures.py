"""Image files: every format, mode and orientation as pixels; what is damaged, too large or no image is named."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageOps

from cnncli.data import pictures
from cnncli.data.pictures import FORMATS, is_grey, picture
from cnncli.errors import DataError

LOSSLESS = {"PNG": {}, "BMP": {}, "TIFF": {"compression": "tiff_lzw"}, "PPM": {}, "WEBP": {"lossless": True}}


def drawn(mode: str = "RGB", size: tuple[int, int] = (7, 5), seed: int = 0) -> Image.Image:
    """Random pixels, width × height."""
    values = random.Random(seed)  # noqa: S311  (pixels, not secrets)
    depth = len(mode.replace("P", "L"))
    return Image.frombytes(mode, size, bytes(values.randrange(256) for _ in range(size[0] * size[1] * depth)))


def smooth(size: tuple[int, int]) -> Image.Image:
    """A picture that resampling can follow: a circle of light over a slope of colours."""
    circle = Image.radial_gradient("L").resize(size)
    slope = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", [circle, slope, ImageChops.invert(circle)])


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """`image` as a file of that format."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels, and has none."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test may put an image; its suffix says nothing."""
    return tmp_path / "image.jpg"


def test_every_lossless_format_gives_its_pixels(file: Path) -> None:
    """To the bit, whatever the file is called."""
    for kind, options in LOSSLESS.items():
        file.write_bytes(encoded(drawn(), kind, **options))
        assert picture(str(file), 3).tobytes() == drawn().tobytes(), kind
    assert set(LOSSLESS) | {"JPEG", "GIF"} == set(FORMATS)


def test_jpeg_and_gif_are_read(file: Path) -> None:
    """A JPEG as Pillow decodes it; of an animation the first frame."""
    data = encoded(smooth((40, 30)), "JPEG")
    file.write_bytes(data)
    assert picture(str(file), 3).tobytes() == Image.open(BytesIO(data)).convert("RGB").tobytes()
    frames = [Image.new("P", (4, 4), colour) for colour in (3, 5)]
    for frame in frames:
        frame.putpalette([level for level in range(256) for _ in range(3)])
    file.write_bytes(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert set(picture(str(file), 1).tobytes()) == {3}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_an_image_stands_upright(file: Path, orientation: int, kind: str) -> None:
    """As EXIF says it was held; the orientation itself is gone."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    file.write_bytes(encoded(smooth((24, 16)), kind, exif=exif, **options))
    found = picture(str(file), 3)
    expected = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    assert found.size == ((24, 16) if orientation < 5 else (16, 24))
    assert found.tobytes() == expected.tobytes()


def test_channels_are_those_asked_for(file: Path) -> None:
    """Grey becomes RGB by repetition, RGB grey by luma, other modes what Pillow makes of them."""
    for image in (drawn("L"), drawn("RGB"), drawn("CMYK")):
        file.write_bytes(encoded(image, "TIFF"))
        for channels, mode in ((1, "L"), (3, "RGB")):
            assert picture(str(file), channels).tobytes() == image.convert(mode).tobytes()
    file.write_bytes(encoded(Image.new("1", (4, 4), 1), "PNG"))
    assert set(picture(str(file), 1).tobytes()) == {255}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_become_eight(file: Path, kind: str) -> None:
    """The upper eight are kept, not those above 255 made white."""
    levels = [0, 255, 256, 300, 30_000, 65_535]
    file.write_bytes(encoded(Image.frombytes("I;16", (6, 1), struct.pack("<6H", *levels)), kind))
    assert list(picture(str(file), 1).tobytes()) == [level >> 8 for level in levels]


def test_what_is_transparent_is_white(file: Path) -> None:
    """In every mode that can be transparent."""
    clear = Image.new("RGBA", (2, 1), (9, 9, 9, 0))
    clear.putpixel((1, 0), (10, 20, 30, 255))
    for image in (clear, clear.quantize(4)):
        file.write_bytes(encoded(image, "PNG"))
        assert list(picture(str(file), 3).tobytes()) == [255, 255, 255, 10, 20, 30]
    file.write_bytes(encoded(Image.merge("LA", [Image.new("L", (2, 1), 7), Image.new("L", (2, 1), 0)]), "PNG"))
    assert set(picture(str(file), 1).tobytes()) == {255}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(width=st.integers(1, 40), height=st.integers(1, 40), to=st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_an_image_covers_the_size_and_is_cut_about_its_centre(
    file: Path, width: int, height: int, to: tuple[int, int]
) -> None:
    """As Pillow's `ImageOps.fit` does it; nothing is stretched."""
    image = smooth((width, height))
    file.write_bytes(encoded(image, "PNG"))
    found = picture(str(file), 3, to)
    expected = ImageOps.fit(image, to[::-1], Image.Resampling.BILINEAR)
    assert found.size == to[::-1]
    worst = max(high for _, high in ImageChops.difference(found, expected).getextrema())
    assert worst <= 1 or min(width, height) == 1  # of one row, `fit` keeps it whole by another rounding


def test_what_lies_off_centre_is_cut_off(file: Path) -> None:
    """Of a picture three squares wide the middle one is left; its edge is resampled with what was beyond it."""
    wide = Image.new("RGB", (30, 10))
    for place, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        wide.paste(colour, (10 * place, 0, 10 * place + 10, 10))
    file.write_bytes(encoded(wide, "PNG"))
    found = picture(str(file), 3, (5, 5))
    assert found.crop((1, 0, 4, 5)).getcolors() == [(15, (0, 255, 0))]
    assert min(green for _, (_, green, _) in found.getcolors()) > 200


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_at_less_than_its_size_and_looks_the_same(
    file: Path, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To within a level on average, turned or not."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file.write_bytes(encoded(smooth((900, 700)), "JPEG", quality=95, exif=exif))
    quick = picture(str(file), 3, (32, 48))
    monkeypatch.setattr(pictures, "GAP", 10_000)
    slow = picture(str(file), 3, (32, 48))
    difference = ImageChops.difference(quick, slow).tobytes()
    assert 0 < sum(difference) / len(difference) < 1


WHOLE = encoded(smooth((40, 30)), "JPEG")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"<html>not found</html>", "it is no whole JPEG"),
        (WHOLE[: len(WHOLE) // 2], "[Tt]runcated"),
        (WHOLE[:12], "[Tt]runcated"),
        (encoded(smooth((40, 30)), "PNG")[:-40], "truncated|damaged"),
        (encoded(smooth((40, 30)), "ICO"), "it is no whole JPEG"),
        (encoded(smooth((40, 30)), "EPS"), "it is no whole JPEG"),
        (png_header(20_000, 10_000), "more than 50 megapixels"),
        (png_header(10_000, 5_001), "it is 10,000×5,001, more than 50 megapixels"),
        (png_header(100_000, 100_000), "more than 50 megapixels"),
        (encoded(Image.new("F", (4, 4)), "TIFF"), "its pixels are fractions"),
    ],
    ids=["empty", "page", "cut", "start", "png", "ico", "eps", "200", "50", "bomb", "float"],
)
def test_what_cannot_be_read_is_named(file: Path, data: bytes, why: str) -> None:
    """One line with the path and the reason, and no warning (which would be an error here), whatever is wrong with the file."""
    file.write_bytes(data)
    with pytest.raises(DataError, match=f"cannot read the image '{file}': .*({why})") as caught:
        picture(str(file), 3, (8, 8))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file, and a folder in its place."""
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(DataError, match=r"cannot read the image .*: (there is no such file|it is a folder)"):
            picture(str(path), 3)


def test_fifty_megapixels_are_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit itself is allowed."""
    file.write_bytes(encoded(drawn("L", (10, 5)), "PNG"))
    monkeypatch.setattr(pictures, "MOST", 50)
    assert picture(str(file), 1).size == (10, 5)
    monkeypatch.setattr(pictures, "MOST", 49)
    with pytest.raises(DataError, match="it is 10×5"):
        picture(str(file), 1)


SEEDS = [encoded(smooth((24, 20)), kind) for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data())
def test_damage_anywhere_is_an_image_or_one_line(file: Path, data: st.DataObject) -> None:
    """Whatever byte is changed, wherever the file is cut: an image of the size asked for, or a data error; nothing else."""
    damaged = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(damaged)))
    file.write_bytes(damaged if cut is None else damaged[:cut])
    try:
        found = picture(str(file), 3, (6, 9))
    except DataError as error:
        assert str(error).isprintable()
        assert str(file) in str(error)
    else:
        assert (found.size, found.mode) == ((9, 6), "RGB")


def test_grey_is_told_by_the_header(file: Path) -> None:
    """None where there is no header."""
    for image, grey in ((drawn("L"), True), (drawn("RGB"), False), (drawn("P"), False), (Image.new("1", (2, 2)), True)):
        file.write_bytes(encoded(image, "PNG"))
        assert is_grey(str(file)) is grey
    file.write_bytes(b"")
    assert is_grey(str(file)) is None
