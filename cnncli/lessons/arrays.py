"""Arrays for a lesson: written on a command line, or in a .csv, .npy or image file.

In a .csv a line is a row, and an empty line stands between channels.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnncli.errors import DataError, RequestError
from cnncli.lessons.images import MOST, read_image
from cnncli.lessons.notation import LARGEST, Malformed, array, written

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CSV_MIB = 16  # of a .csv: some million numbers, which as text take 50 times that while they are read
REAL = "biuf"  # numpy's letters for truth values, integers and fractions
CURE = 'write numbers as in "0 1 2; 3 4 5", or name a .csv, .npy or image file'


def read_array(
    text: str, option: str = "--input", *, channels: Literal[1, 3] | None = None, size: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """The array that `text` writes or names: H×W, C×H×W or O×C×H×W; an image is C×H×W from 0 to 1 (see `read_image`).

    At most `MOST` numbers, each finite and no larger than `LARGEST`. Raises `RequestError`, which names `option`, row and
    column, for what is written wrongly; `DataError`, which names the path, for a file.
    """
    suffix = Path(text).suffix.lower()
    if is_image(text):
        import numpy as np

        return np.asarray(read_image(text, channels, size), dtype=np.float64)
    if suffix == ".npy":
        return _npy(text)
    if suffix == ".csv":
        return _csv(text)
    try:
        return written(text)
    except Malformed as error:
        raise RequestError(f"{option}: {error}; {CURE}") from error


def read_maps(
    text: str, option: str = "--input", *, channels: Literal[1, 3] | None = None, size: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """As `read_array`, always C×H×W: a matrix is one channel.

    Raises `RequestError` for an array of four axes, and for `channels` and `size` of what is no image.
    """
    if (channels or size) and not is_image(text):
        raise RequestError(f"--channels and --size are for images; name one with {option}")
    found = read_array(text, option, channels=channels, size=size)
    if found.ndim > 3:
        raise RequestError(f"{option}: {found.ndim} axes; an input has three, channels, rows and columns")
    return found if found.ndim == 3 else found[None]


def is_image(text: str) -> bool:
    """Whether `read_array` reads `text` as an image file."""
    from cnncli.data.pictures import SUFFIXES

    return Path(text).suffix.lower() in SUFFIXES


def _csv(path: str) -> NDArray[np.float64]:
    blocks = re.split(r"\n[ \t]*(?:\n[ \t]*)+", _text(path).strip())
    channels = [[_fields(line) for line in block.split("\n")] for block in blocks]
    try:
        found = array([channels])
    except Malformed as error:
        cure = "; remove the header row" if "row 0" in str(error) and "not a number" in str(error) else ""
        raise DataError(f"cannot read {path!r}: {error}{cure}") from error
    return found.reshape(found.shape[1:] if len(channels) > 1 else found.shape[2:])


def _text(path: str) -> str:
    from cnncli.files import not_there, reason

    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            found = file.read(CSV_MIB * 2**20 + 1)  # whatever size the system says: a device has none
    except UnicodeDecodeError as error:
        raise DataError(f"cannot read {path!r}: it is no text in UTF-8; save it as CSV") from error
    except FileNotFoundError as error:
        raise DataError(f"cannot read {path!r}: {not_there(path, ['.csv'])}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path!r}: {reason(error)}") from error
    if len(found) > CSV_MIB * 2**20:
        raise DataError(f"cannot read {path!r}: it has more than {CSV_MIB} MiB; save it as .npy")
    return found


def _fields(line: str) -> list[str]:
    separator = next((each for each in ";,\t" if each in line), None)
    return [part.strip() for part in line.split(separator)]


def _npy(path: str) -> NDArray[np.float64]:
    import numpy as np

    stored = _mapped(path)
    if stored.dtype.kind not in REAL or stored.ndim not in {2, 3, 4}:
        held = f"{stored.ndim} axes of {stored.dtype.name}"
        raise DataError(f"cannot read {path!r}: it holds {held}; save 2, 3 or 4 axes of real numbers")
    if not 0 < stored.size <= MOST:
        raise DataError(f"cannot read {path!r}: it holds {stored.size:,} numbers; save 1 to {MOST:,}")
    found = np.array(stored, dtype=np.float64, order="C")
    wrong = ~(np.abs(found) <= LARGEST)
    if wrong.any():
        place = ", ".join(str(each) for each in np.argwhere(wrong)[0])
        raise DataError(f"cannot read {path!r}: the number at [{place}] is not finite, or beyond {LARGEST:g}")
    return found


def _mapped(path: str) -> NDArray[np.generic]:
    """The file as it lies on the disk: a header that promises more than the file holds is refused, as pickles are."""
    import numpy as np

    from cnncli.files import reason

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd headers; what matters is raised
            stored: NDArray[np.generic] = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        why = reason(error) if isinstance(error, OSError) else "it is no whole .npy file of plain numbers"
        raise DataError(f"cannot read {path!r}: {why}") from error
    return stored
