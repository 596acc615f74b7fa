"""Maps for scripts: as CSV that `lessons.arrays` reads again, and as Markdown."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

from cnncli.render.grids import number
from cnncli.render.table import Cell, Column, write_markdown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def write_maps(maps: NDArray[np.float64], format: str) -> None:
    """C×H×W on stdout, a line for each row, an empty line between channels; all digits in CSV, four in Markdown."""
    for place, matrix in enumerate(maps):
        if place:
            sys.stdout.write("\n")
        if format == "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerows(matrix.tolist())
        else:
            columns = [Column(str(column), f"column {column}") for column in range(matrix.shape[1])]
            write_markdown(columns, [[Cell(value, number(value)) for value in row] for row in matrix.tolist()])
