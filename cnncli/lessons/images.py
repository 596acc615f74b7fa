"""An image file as an array for a lesson."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from cnncli.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 50_000_000  # numbers of one array, C·H·W; 400 MB in double precision


def read_image(
    path: str | os.PathLike[str], channels: Literal[1, 3] | None = None, size: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """The image in `path` as C×H×W, float32 from 0 (black) to 1 (white); upright, what is transparent on white.

    channels: 1 (grey, by luma) or 3 (red, green, blue); None as the file has them · size: height × width, covered by scaling
    and cut about the centre; None as it is. Raises `DataError`, which names the path.
    """
    import numpy as np

    from cnncli.data.pictures import is_grey, picture

    name = os.fspath(path)
    number = channels or (1 if is_grey(name) else 3)
    image = picture(name, number, size)
    if number * image.width * image.height > MOST:
        numbers = f"{number}×{image.height:,}×{image.width:,} numbers"
        raise DataError(f"cannot read the image {name!r}: {numbers} are more than {MOST:,}; read it smaller or in grey")
    pixels = np.asarray(image, dtype=np.float32) / np.float32(255)
    return pixels[None] if number == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
