"""Arrays for a lesson: written on a command line, or in a .csv, .npy or image file.

In a .csv a line is a row, and an empty line stands between channels.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnncli.errors import DataError, RequestError
from cnncli.lessons.images import MOST, read_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Arrays in text: `0 1; 2 3` is a matrix, `|` stands between channels, `||` between kernels; and what Python prints.

LARGEST = 1e100  # the products of larger numbers come near the end of what a computer holds

Rows = Sequence[Sequence[str]]
"""The numbers of a matrix as text."""


class Malformed(ValueError):
    """Text that is no array; the message names the place and the value."""

    def __init__(self, message: str) -> None:
        """Say how places are counted."""
        super().__init__(f"{message} (counted from 0)")


def written(text: str) -> NDArray[np.float64]:
    """The array that `text` writes: H×W, C×H×W or O×C×H×W. Raises `Malformed`."""
    text = _unbracketed(text.replace("−", "-"))  # the minus sign of books
    kernels = [[_rows(each) for each in kernel.split("|")] for kernel in text.split("||")]
    found = array(kernels)
    return found if len(found) > 1 else found[0] if len(found[0]) > 1 else found[0, 0]


def array(kernels: Sequence[Sequence[Rows]]) -> NDArray[np.float64]:
    """O×C×H×W from the matrices of each channel of each kernel. Raises `Malformed`."""
    import numpy as np

    found = []
    for place, channels in enumerate(kernels):
        kernel = f"kernel {place}, " if len(kernels) > 1 else ""
        if len(channels) != len(kernels[0]):
            have = f"{len(channels)} channel{'s' * (len(channels) > 1)}"
            raise Malformed(f"kernel {place}: {have}, kernel 0 has {len(kernels[0])}")
        for number, rows in enumerate(channels):
            name = f"{kernel}channel {number}, " if len(channels) > 1 else kernel
            found.append(_matrix(rows, name))
            if found[-1].shape != found[0].shape:
                high, wide = found[-1].shape
                raise Malformed(f"{name}it is {high}×{wide}, the first is {found[0].shape[0]}×{found[0].shape[1]}")
    return np.stack(found).reshape(len(kernels), -1, *found[0].shape)


def _matrix(rows: Rows, name: str) -> NDArray[np.float64]:
    import numpy as np

    for place, row in enumerate(rows):
        if not row:
            raise Malformed(f"{name}row {place}: no number stands in it")
        if len(row) != len(rows[0]):
            numbers = f"{len(row)} number{'s' * (len(row) > 1)}"
            raise Malformed(f"{name}row {place}: {numbers}, row 0 has {len(rows[0])}")
    return np.array([[*_numbers(row, f"{name}row {place}")] for place, row in enumerate(rows)])


def _numbers(row: Sequence[str], place: str) -> Iterator[float]:
    for column, text in enumerate(row):
        try:
            over, slash, under = text.partition("/")
            value = float(over) / float(under) if slash else float(text)
        except (ValueError, ZeroDivisionError):
            raise Malformed(f"{place}, column {column}: {text[:24]!r} is not a number") from None
        if not isfinite(value) or abs(value) > LARGEST:
            raise Malformed(f"{place}, column {column}: {text[:24]!r} is not finite, or beyond {LARGEST:g}")
        yield value


def _unbracketed(text: str) -> str:
    """Brackets as Python, numpy and torch print them, in the signs of the command line."""
    text = re.sub(r"^(?:array|tensor)\((.*?)(?:,\s*dtype=[\w.]+)?\)$", r"\1", text.strip(), flags=re.DOTALL)
    text = re.sub(r"\]\s*\]\s*\]\s*,?\s*\[\s*\[\s*\[", "||", text)
    text = re.sub(r"\]\s*\]\s*,?\s*\[\s*\[", "|", text)
    text = re.sub(r"\]\s*,?\s*\[", ";", text)
    while text.startswith("[") and text.endswith("]"):
        text = text[1:-1].strip()
    return text


def _rows(text: str) -> list[list[str]]:
    rows = re.split(r"[;\n]", text.strip().removesuffix(";"))
    return [row.split(",") if "," in row else row.split() for row in rows]


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
