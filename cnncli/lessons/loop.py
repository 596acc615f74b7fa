"""Cross-correlation as the textbook writes it: two loops, a product and a sum. `correlation.py` does the same at once."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def corr2d(
    x: NDArray[np.float64],
    kernel: NDArray[np.float64],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> NDArray[np.float64]:
    """One channel, its padding included, with one kernel: H×W and h×w → H'×W'."""
    import numpy as np

    d, e = dilation
    h = d * (kernel.shape[0] - 1) + 1
    w = e * (kernel.shape[1] - 1) + 1
    rows = range(0, x.shape[0] - h + 1, stride[0])
    columns = range(0, x.shape[1] - w + 1, stride[1])
    y = np.zeros((len(rows), len(columns)))
    for m, i in enumerate(rows):
        for n, j in enumerate(columns):
            window = x[i : i + h : d, j : j + w : e]
            y[m, n] = (window * kernel).sum()
    return y


def source() -> list[str]:
    """The lines of `corr2d` that count, without annotations, docstring and import."""
    tree = ast.parse(inspect.getsource(corr2d))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101  (for the type checker)
    function.body = function.body[2:]
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    return ast.unparse(tree).split("\n")
