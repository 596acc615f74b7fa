"""One image file as pixels, read by Pillow: an allow-list of formats, a limit of pixels, upright, in the channels asked for."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from cnncli.errors import DataError
from cnncli.files import not_there, reason

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")
)
MOST = 50_000_000  # pixels of one image; 150 MB in memory
GAP = 2.0  # a JPEG is decoded at an eighth, a quarter or half of its size where that leaves this many times what is wanted
GREY = {"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I", "F"}
WHITE = (255, 255, 255)
ORIENTATION, LYING = 0x0112, range(5, 9)  # the EXIF tag, and its values that exchange height and width


def picture(path: str, channels: int, size: tuple[int, int] | None = None) -> Image.Image:
    """The image in `path`, of 1 (grey, by luma) or 3 channels (RGB), at height × width `size` or as it is.

    Turned upright as its EXIF orientation says; the first frame of several; what is transparent is white. To become `size` it is
    scaled until it covers that, bilinear and antialiased, and cut to it about its centre. Raises `DataError`, which names the path.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; what matters is raised
            return _read(path, channels, size)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"cannot read the image {path!r}: {_reason(path, error)}") from error


def size_of(path: str) -> tuple[int, int] | None:
    """Height and width of an image as it stands upright, by its header; None where it has no header that can be read."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                lying = image.getexif().get(ORIENTATION, 1) in LYING
                return (image.width, image.height) if lying else (image.height, image.width)
    except Exception:  # noqa: BLE001  (whatever a decoder raises; `picture` says what is wrong)
        return None


def is_grey(path: str) -> bool | None:
    """Whether the file's header promises an image without colours; None where it has no header that can be read."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                return image.mode in GREY
    except Exception:  # noqa: BLE001  (the same; `picture` says what is wrong)
        return None


def _read(path: str, channels: int, size: tuple[int, int] | None) -> Image.Image:
    from PIL import Image, ImageOps

    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST:
            pixels = f"{image.width:,}×{image.height:,}"
            raise DataError(f"cannot read the image {path!r}: it is {pixels}, more than {MOST // 1_000_000} megapixels")
        if image.mode == "F":
            raise DataError(f"cannot read the image {path!r}: its pixels are fractions; save it with 8 bits a channel")
        if size:
            _decode_smaller(image, size)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        plain = _in_channels(image, channels)
        return plain if size is None else _covering(plain, size)


def _decode_smaller(image: Image.Image, size: tuple[int, int]) -> None:
    """Have libjpeg leave out what would be averaged away: a photograph of 500×375 at 32×32 takes 0.8 instead of 1.6 ms."""
    scale = GAP * max(size) / min(image.size)
    if scale < 1:
        image.draft(None, (int(image.width * scale), int(image.height * scale)))


def _in_channels(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    if image.mode == "I":  # 16 bits: Pillow gives the grey PNG, TIFF and PGM of that depth so
        image = image.point(lambda level: level * (1 / 256)).convert("L")
    if image.has_transparency_data:
        image = _on_white(image)
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    layer = image.convert("RGBA")
    ground = Image.new("RGB", image.size, WHITE)
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _covering(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The largest part about the centre that has the shape of `size`, scaled to it."""
    from PIL import Image

    height, width = size
    if image.size == (width, height):
        return image
    # One side is taken whole, exactly: Pillow refuses a box that rounding has moved out of the image.
    if image.width * height > image.height * width:
        margin = (image.width - image.height * width / height) / 2
        box = (margin, 0.0, image.width - margin, float(image.height))
    else:
        margin = (image.height - image.width * height / width) / 2
        box = (0.0, margin, float(image.width), image.height - margin)
    return image.resize((width, height), Image.Resampling.BILINEAR, box)


def _reason(path: str, error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError):  # Pillow's own limit comes before ours can be asked
        return f"it has more than {MOST // 1_000_000} megapixels"
    if isinstance(error, UnidentifiedImageError):
        if not os.path.getsize(path):  # noqa: PTH202
            return "it is empty"
        cure = "" if path.lower().endswith(tuple(SUFFIXES)) else "; name an image, or a folder of them"
        return f"it is no whole JPEG, PNG, BMP, GIF, TIFF, WebP or PPM{cure}"
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return not_there(path, SUFFIXES)
    return reason(error) if isinstance(error, OSError) else f"its contents are damaged ({reason(error)})"
