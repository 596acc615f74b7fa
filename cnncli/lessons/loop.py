"""Cross-correlation as the textbook writes it: two loops, a product and a sum, in a program of its own.

`correlation.py` does the same at once.
"""

from __future__ import annotations

import ast
import inspect
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnncli.lessons.correlation import Correlation

WHOLE = 1e6  # up to which a whole number is written without a point; the products of larger integers could overflow
NARROWEST = 60  # columns of a program: below, a line could only be broken where Python does not allow it


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


def program(found: Correlation, width: int = 80) -> list[str]:
    """The lines of a program that computes `found.y` as `y` by two loops, and prints it; it runs as it stands."""
    axes = found.x.shape[0] > 1 or found.kernel.shape[0] > 1
    x = found.x if axes else found.x[0]
    kernel = found.kernel[..., ::-1, ::-1] if found.flipped else found.kernel
    kernel = kernel[0, 0] if found.alone or not axes else kernel[0] if len(kernel) == 1 else kernel
    sides = [(window.before, window.after) for window in found.layer.windows]
    steps = {"stride": found.layer.strides, "dilation": tuple(window.dilation for window in found.layer.windows)}
    more = "".join(f", {name}={values}" for name, values in steps.items() if values != (1, 1))
    if not axes:
        y = f"corr2d(x, kernel{more})"
    elif found.alone:
        y = f"np.stack([corr2d(channel, kernel{more}) for channel in x])"
    elif len(found.kernel) == 1:
        y = f"sum(corr2d(*pair{more}) for pair in zip(x, kernel))"
    else:
        y = f"np.stack([sum(corr2d(*pair{more}) for pair in zip(x, each)) for each in kernel])"
    bias = [_literal(value) for value in found.bias.tolist()]
    added = bias[0] if len(set(bias)) == 1 else f"np.array({_literal(found.bias.tolist())})[:, None, None]"
    lines = [
        f"x = np.array({_literal(x.tolist())})",
        *([f"x = np.pad(x, {(*[(0, 0)] * axes, *sides)})"] if any(map(any, sides)) else []),
        f"kernel = np.array({_literal(kernel.tolist())})",
        *(["kernel = kernel[..., ::-1, ::-1]  # turned by 180 degrees"] if found.flipped else []),
        f"y = {y}",
        *([f"y = y + {added}"] if found.bias.any() else []),
        "print(y)",
    ]
    most = max(width, NARROWEST)
    folded = [
        wrap(line, most, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False) for line in lines
    ]
    return ["import numpy as np", "", *_function(), "", *(part for parts in folded for part in parts)]


def _literal(values: Any) -> str:  # noqa: ANN401  (lists in lists, as numpy's tolist gives them)
    """Numbers as Python writes them, exactly."""
    if isinstance(values, list):
        return f"[{', '.join(map(_literal, values))}]"
    return str(int(values)) if values == int(values) and abs(values) < WHOLE else repr(values)


def _function() -> list[str]:
    """The lines of `corr2d` that count, without annotations, docstring and import."""
    tree = ast.parse(inspect.getsource(corr2d))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101  (for the type checker)
    function.body = function.body[2:]
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    return ast.unparse(tree).split("\n")
