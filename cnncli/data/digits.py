"""Digits: 1,797 real handwritten digits of 8×8 pixels, inside the package, so that a first run needs no network.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, UCI Machine Learning Repository,
doi 10.24432/C50P49, licensed CC BY 4.0 (creativecommons.org/licenses/by/4.0). These are its test images, as
scikit-learn ships them; tests/data/make_digits.py packs and splits them and says how.
"""

from __future__ import annotations

import gzip
import string
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.data import Dataset, Split, Splits, Where
from cnncli.errors import DataError
from cnncli.files import reason

if TYPE_CHECKING:
    import torch

TRAIN, TEST = 1437, 360
SIDE = 8  # pixels
WHITE = 16  # the highest grey level as stored
STORED = Path(__file__).with_name("digits.gz")


def _load() -> Splits:
    """The file holds bytes: the training images, their labels, the test images, their labels."""
    data = _bytes()
    train = TRAIN * (SIDE * SIDE + 1)
    return Splits(_split(data[:train], TRAIN), _split(data[train:], TEST))


def _bytes() -> bytearray:
    size = (TRAIN + TEST) * (SIDE * SIDE + 1)
    try:
        data = bytearray(gzip.decompress(STORED.read_bytes()))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {str(STORED)!r}: {reason(error)}; reinstall cnncli") from error
    if len(data) != size:
        raise DataError(f"{str(STORED)!r} unpacks to {len(data):,} bytes, not {size:,}; reinstall cnncli")
    return data


def _split(data: bytearray, count: int) -> Split:
    import torch

    values = torch.frombuffer(data, dtype=torch.uint8)
    levels = values[:-count].view(count, 1, SIDE, SIDE)
    return Split(images=_grey(levels), labels=values[-count:].long())


def _grey(levels: torch.Tensor) -> torch.Tensor:
    """Levels 0 to 16 as uint8 0 to 255, rounded to the nearest."""
    return ((levels.int() * 255 + WHITE // 2) // WHITE).byte()


DATASETS = {
    "digits": Dataset(
        name="digits",
        title="Optical Recognition of Handwritten Digits (UCI)",
        shape=(1, SIDE, SIDE),
        classes=tuple(string.digits),
        train=TRAIN,
        test=TEST,
        licence="CC BY 4.0 (E. Alpaydin, C. Kaynak, 1998)",
        load=_load,
        where=lambda: Where(STORED, STORED.exists()),
    )
}
