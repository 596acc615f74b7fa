"""Two-dimensional cross-correlation: what a convolutional layer computes, on arrays small enough to be followed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, cast

from cnncli.errors import CheckFailed, RequestError, ShapeError
from cnncli.layers import Call, Shape
from cnncli.layers.conv import Conv2d
from cnncli.lessons.arrays import read_array
from cnncli.lessons.kernels import KERNELS, Kernel
from cnncli.lessons.windows import bounded, padded, start, views, walkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

TEXTBOOK = ("0 1 2; 3 4 5; 6 7 8", "0 1; 2 3")
LOOPED = 20_000  # products up to which the plain loop is compared too; it takes 20 ms
CLOSE = 1e-9  # of the largest sum of products that there could be: how far two ways to compute may differ


@dataclass(frozen=True)
class Correlation:
    """An input, a kernel, and what they give.

    x: C×H×W · kernel: O×(C/groups)×h×w, as it slides (turned already where a true convolution was asked for) · bias: O numbers
    · y: O×H'×W' · layer, call: the spec that knows sizes and formulas · named: the kernel, if it has a name · image: whether x
    is read from an image file
    """

    x: NDArray[np.float64]
    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]
    y: NDArray[np.float64]
    layer: Conv2d
    call: Call
    flipped: bool = False
    named: Kernel | None = None
    image: bool = False

    @property
    def alone(self) -> bool:
        """Whether one kernel goes over several channels, each on its own."""
        return self.layer.groups > 1

    @property
    def counts(self) -> Shape:
        """H'×W'."""
        return self.call.y.shape[1:]

    @property
    def padded(self) -> NDArray[np.float64]:
        """The input with its padding, C×H×W."""
        return padded(self.x, self.layer.windows, self.counts)

    @property
    def keeps_brightness(self) -> bool:
        """Whether an evenly bright image stays as bright: its result is an image again."""
        import numpy as np

        return bool(np.allclose(self.kernel.sum(axis=(1, 2, 3)), 1) and not self.bias.any())


def correlation(  # noqa: PLR0913
    x: NDArray[np.float64],
    kernel: NDArray[np.float64],
    arguments: Mapping[str, object],
    *,
    bias: NDArray[np.float64] | None = None,
    flip: bool = False,
    named: Kernel | None = None,
    image: bool = False,
) -> Correlation:
    """C×H×W with a kernel h×w (each channel on its own), C×h×w (one map) or O×C×h×w.

    arguments: stride, padding and dilation as torch.nn.Conv2d takes them · flip: turn the kernel by 180° first, which makes it a
    true convolution. Raises `ShapeError` where kernel and input do not fit, `RequestError` for wrong arguments.
    """
    import numpy as np

    from cnncli.layers.factory import single_layer

    weights = kernel.reshape((1,) * (4 - kernel.ndim) + kernel.shape)
    groups = len(x) if kernel.ndim == 2 else 1
    if kernel.ndim > 2 and weights.shape[1] != len(x):
        have = f"{weights.shape[1]} channel{'s' * (weights.shape[1] > 1)}, the input {len(x)}"
        raise ShapeError(f"the kernel has {have}", fix="write a matrix for each, '|' between them, or one for all")
    weights = np.repeat(weights, groups, axis=0)
    if flip:
        weights = weights[:, :, ::-1, ::-1]
    size = {"out_channels": len(weights), "kernel_size": weights.shape[2:], "groups": groups, "bias": bias is not None}
    layer, call = single_layer(Conv2d, {**size, **arguments}, x.shape)
    layer = cast("Conv2d", layer)
    bounded(call, layer.windows)
    biases = _biases(bias, len(weights))
    y = _correlate(x, weights, layer, call, alone=groups > 1) + biases[:, None, None]
    return Correlation(x, weights, biases, y, layer, call, flip, named, image)


def _biases(bias: NDArray[np.float64] | None, maps: int) -> NDArray[np.float64]:
    import numpy as np

    given = np.zeros(1) if bias is None else bias.ravel()
    if len(given) not in {1, maps}:
        raise RequestError(
            f"--bias has {len(given)} numbers for {maps} output map{'s' * (maps > 1)}; write 1 or {maps}"
        )
    return np.broadcast_to(given, (maps,))


def _correlate(
    x: NDArray[np.float64], kernel: NDArray[np.float64], layer: Conv2d, call: Call, *, alone: bool
) -> NDArray[np.float64]:
    """All sums of products at once, O×H'×W': tap after tap of the kernel, each over all windows; alone: of each channel apart."""
    import numpy as np

    counts = call.y.shape[1:]
    y = np.zeros((len(kernel), *counts))
    for i, j, seen in views(padded(x, layer.windows, counts), layer.windows, counts):
        y += kernel[:, 0, i, j][:, None, None] * seen if alone else np.tensordot(kernel[:, :, i, j], seen, 1)
    return y


def parts(found: Correlation, o: int) -> NDArray[np.float64]:
    """What each input channel adds to output map `o`, C×H'×W'; with the bias their sum is the map."""
    return _correlate(found.x, found.kernel[o][:, None], found.layer, found.call, alone=True)


class Step(NamedTuple):
    """How one output element comes about.

    place: map, row and column in the output · corner: the window's first row and column in the padded input · terms: for each
    channel it reads, the pairs of input and kernel · bias, value: value is the sum of all products and the bias
    """

    place: tuple[int, int, int]
    corner: tuple[int, int]
    terms: tuple[tuple[tuple[float, float], ...], ...]
    bias: float
    value: float


def step(found: Correlation, o: int, row: int, column: int) -> Step:
    """The arithmetic behind one output element."""
    (down, right), (top, left) = found.layer.windows, start(found.layer.windows, row, column)
    x = found.padded[o : o + 1] if found.alone else found.padded
    seen = x[:, top : top + down.extent : down.dilation, left : left + right.extent : right.dilation]
    terms = tuple(
        tuple(zip(part.ravel().tolist(), kernel.ravel().tolist(), strict=True))
        for part, kernel in zip(seen, found.kernel[o], strict=True)
    )
    return Step((o, row, column), (top, left), terms, float(found.bias[o]), float(found.y[o, row, column]))


def steps(found: Correlation) -> list[Step]:
    """All of them, map by map, row by row. Raises `RequestError` where nobody would walk so many."""
    walkable(found.y.size, found.call)
    return [step(found, *place) for place in product(*map(range, found.y.shape))]


def difference(found: Correlation) -> float:
    """The largest difference from torch.nn.functional.conv2d and, where that takes a moment only, from the plain loop.

    Raises `CheckFailed` where it is more than rounding.
    """
    import numpy as np

    others = [_by_torch(found)] + ([by_loop(found)] if found.y.size * found.kernel[0].size <= LOOPED else [])
    largest = max(float(np.abs(found.y - other).max()) for other in others)
    most = np.abs(found.x).max() * np.abs(found.kernel).sum(axis=(1, 2, 3)).max() + np.abs(found.bias).max()
    if not largest <= CLOSE * most:
        raise CheckFailed(f"torch.nn.functional.conv2d differs by up to {largest:g}; please report it")
    return largest


def by_loop(found: Correlation) -> NDArray[np.float64]:
    """The same by the program that the lesson prints, run as it stands; O×H'×W'."""
    from cnncli.lessons.loop import program

    names: dict[str, NDArray[np.float64]] = {}
    exec("\n".join(program(found)[:-1]), names)  # noqa: S102  (all but its `print`; of the user's there are numbers alone)
    return names["y"].reshape(found.y.shape)


def _by_torch(found: Correlation) -> NDArray[np.float64]:
    import torch
    from torch.nn.functional import conv2d, pad

    down, right = found.layer.windows
    x, kernel, bias = (torch.from_numpy(each.copy()) for each in (found.x, found.kernel, found.bias))
    y = conv2d(
        pad(x, (right.before, right.after, down.before, down.after)),
        kernel,
        bias,
        stride=(down.stride, right.stride),
        dilation=(down.dilation, right.dilation),
        groups=found.layer.groups,
    )
    numbers: NDArray[np.float64] = y.numpy()
    return numbers


def kernel_named(text: str) -> tuple[NDArray[np.float64], Kernel | None]:
    """The kernel that `text` names, else the array that it writes; raises `RequestError` or `DataError`."""
    import numpy as np

    from cnncli.errors import UnknownName

    name = text.strip().lower().replace("_", "-")
    if name in KERNELS:
        return np.array(KERNELS[name].matrix), KERNELS[name]
    if (
        name.replace("-", "").isalnum()
        and name[:1].isalpha()
        and not any(name.startswith(word) for word in ("nan", "inf"))
    ):
        raise UnknownName("kernel", text, KERNELS)
    return read_array(text, "--k", channels=1), None
