"""Drawings of the ten digits, 7 pixels wide and 12 high, in the manner of LeNet-5's output layer (figure 3 of the paper).

They are drawn anew for this project, not copied from the paper.
"""

from __future__ import annotations

from hashlib import sha256

WIDTH, HEIGHT = 7, 12
PIXELS = WIDTH * HEIGHT

_DIGITS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  .#####.  .#####.  ....##.  #######  ..####.  #######  .#####.  .#####.
.#...#.  ..##...  ##...##  ##...##  ...###.  ##.....  .##....  ##...##  ##...##  ##...##
##...##  .###...  ##...##  .....##  ..#.##.  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...#...  .....##  .....##  .##.##.  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...#...  ....##.  ...###.  ##..##.  ######.  ######.  ....##.  .#####.  ##...##
##...##  ...#...  ...##..  .....##  ##..##.  .....##  ##...##  ...##..  ##...##  .######
##...##  ...#...  ..##...  .....##  #######  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...#...  .##....  .....##  ....##.  .....##  ##...##  ..##...  ##...##  .....##
.#...#.  ...#...  ##.....  ##...##  ....##.  ##...##  ##...##  ..##...  ##...##  ....##.
..###..  .#####.  #######  .#####.  ....##.  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def bitmaps(classes: int) -> list[list[int]]:
    """For each class its 84 pixels, row by row, −1 for paper and 1 for ink: the digits, then fixed codes."""
    rows = [row.split() for row in _DIGITS.split("\n") if row]
    drawn = [[1 if pixel == "#" else -1 for row in rows for pixel in row[digit]] for digit in range(len(rows[0]))]
    return [drawn[place] if place < len(drawn) else _code(place) for place in range(classes)]


def _code(place: int) -> list[int]:
    """84 numbers of −1 and 1, half and half by chance, the same everywhere: bits of a digest of the class' number."""
    bits = int.from_bytes(sha256(str(place).encode()).digest(), "big")
    return [1 if bits >> pixel & 1 else -1 for pixel in range(PIXELS)]
