"""Pack the digits into cnncli/data/digits.gz: `python tests/data/make_digits.py digits.csv.gz [TARGET]`.

digits.csv.gz is scikit-learn's copy (sklearn/datasets/data/digits.csv.gz) of the 1,797 test images of "Optical
Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998, UCI, CC BY 4.0): per line 64 grey levels 0 to 16,
row by row, then the digit. scikit-learn is needed for nothing else: install it in a throw-away environment.

The split: 360 test images, shared out to the ten digits by their frequency (largest remainders). Within a digit the
images with the smallest SHA-256 of their line number (from 0, in decimal) are tested on. Both parts keep the order of
the file. Stored as bytes: training images, training labels, test images, test labels; then gzip without name and time.
The bytes before compression are the same everywhere; compressed they may differ between versions of zlib.
"""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

TEST = 360
TARGET = Path(__file__).parents[2] / "cnncli" / "data" / "digits.gz"

Sample = tuple[bytes, int]


def samples(lines: Iterable[str]) -> list[Sample]:
    """The 64 grey levels and the digit of each line."""
    rows = [[int(float(value)) for value in line.split(",")] for line in lines]
    return [(bytes(row[:-1]), row[-1]) for row in rows]


def shares(frequencies: dict[int, int], total: int) -> dict[int, int]:
    """`total` shared out by frequency: rounded down, then one more for the largest remainders."""
    number = sum(frequencies.values())
    floors = {digit: total * count // number for digit, count in frequencies.items()}
    by_remainder = sorted(frequencies, key=lambda digit: (-(total * frequencies[digit] % number), digit))
    for digit in by_remainder[: total - sum(floors.values())]:
        floors[digit] += 1
    return floors


def tested(digits: list[int], total: int) -> set[int]:
    """The line numbers of the test images."""
    order = sorted(range(len(digits)), key=lambda number: sha256(str(number).encode()).digest())
    chosen: set[int] = set()
    for digit, share in shares(Counter(digits), total).items():
        chosen.update([number for number in order if digits[number] == digit][:share])
    return chosen


def packed(rows: list[Sample]) -> bytes:
    """Training images, training labels, test images, test labels."""
    test = tested([digit for _, digit in rows], TEST)
    parts = ([row for number, row in enumerate(rows) if (number in test) is wanted] for wanted in (False, True))
    return b"".join(b"".join(image for image, _ in part) + bytes(digit for _, digit in part) for part in parts)


def main(source: str, target: str = str(TARGET)) -> None:
    """Pack `source` into `target`."""
    with gzip.open(source, "rt", encoding="ascii") as lines:
        rows = samples(lines)
    Path(target).write_bytes(gzip.compress(packed(rows), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
