"""The largest or the mean of every window, and where a gradient goes back; as torch.nn.MaxPool2d and AvgPool2d do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from cnncli.layers import Call, Shape
from cnncli.layers.pool import AvgPool2d, MaxPool2d
from cnncli.lessons.windows import bounded, padded, start, views, walkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Mode = Literal["max", "avg"]
NOTES: Mapping[str, object] = {"kernel_size": 3, "padding": 1, "stride": (2, 1)}
"""The arguments of the notes' example; its input is 0 … 31 as 2×4×4."""
KINDS: Mapping[str, type[MaxPool2d | AvgPool2d]] = {"max": MaxPool2d, "avg": AvgPool2d}


@dataclass(frozen=True)
class Pooling:
    """An input C×H×W, and what pooling makes of it: C×H'×W'.

    winners: for max pooling the row and column in the input that each output element is, 2×C×H'×W' · divisors: for average
    pooling what each sum is divided by, H'×W' · image: whether x is read from an image file
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    layer: MaxPool2d | AvgPool2d
    call: Call
    winners: NDArray[np.intp] | None = None
    divisors: NDArray[np.float64] | None = None
    image: bool = False

    @property
    def counts(self) -> Shape:
        """H'×W'."""
        return self.call.y.shape[1:]

    @property
    def mode(self) -> Mode:
        """Which of the two it is."""
        return "avg" if self.winners is None else "max"

    @property
    def padding_value(self) -> float:
        """What stands in the padding: zeros that are added, or what never wins."""
        return 0.0 if self.mode == "avg" else -float("inf")


def arange() -> NDArray[np.float64]:
    """0 … 31 as two channels of 4×4."""
    import numpy as np

    return np.arange(32.0).reshape(2, 4, 4)


def pooling(mode: Mode, x: NDArray[np.float64], arguments: Mapping[str, object], *, image: bool = False) -> Pooling:
    """C×H×W pooled; arguments as torch.nn.MaxPool2d or AvgPool2d takes them.

    Raises `ShapeError` where the window does not fit, `RequestError` for wrong arguments.
    """
    from cnncli.layers.factory import single_layer

    layer, call = single_layer(KINDS[mode], arguments, x.shape)
    bounded(call, cast("MaxPool2d | AvgPool2d", layer).windows)
    if isinstance(layer, MaxPool2d):
        y, winners = _largest(x, layer, call)
        return Pooling(x, y, layer, call, winners=winners, image=image)
    layer = cast("AvgPool2d", layer)
    divisors = _divisors(layer, call)
    return Pooling(x, _sums(x, layer, call) / divisors, layer, call, divisors=divisors, image=image)


def _largest(x: NDArray[np.float64], layer: MaxPool2d, call: Call) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The largest of each window, and where it stands; of equal ones the first, row by row, as torch takes it."""
    import numpy as np

    counts, (down, right) = call.y.shape[1:], layer.windows
    y = np.full(call.y.shape, -np.inf)
    winners = np.zeros((2, *call.y.shape), dtype=np.intp)
    rows, columns = (np.arange(count) * w.stride - w.before for count, w in zip(counts, layer.windows, strict=True))
    for i, j, seen in views(padded(x, layer.windows, counts, -np.inf), layer.windows, counts):
        better = seen > y
        y = np.where(better, seen, y)
        winners[0] = np.where(better, (rows + i * down.dilation)[:, None], winners[0])
        winners[1] = np.where(better, columns + j * right.dilation, winners[1])
    return y, winners


def _sums(x: NDArray[np.float64], layer: AvgPool2d, call: Call) -> NDArray[np.float64]:
    import numpy as np

    counts = call.y.shape[1:]
    y = np.zeros(call.y.shape)
    for _, _, seen in views(padded(x, layer.windows, counts), layer.windows, counts):
        y += seen
    return y


def _divisors(layer: AvgPool2d, call: Call) -> NDArray[np.float64]:
    """Elements in each window: the padding counts unless `count_include_pad` is off; what ceil mode adds behind it never does."""
    import numpy as np

    counts = call.y.shape[1:]
    if layer.divisor_override is not None:
        return np.full(counts, float(layer.divisor_override))
    along = []
    for window, size, count in zip(layer.windows, call.x.shape[1:], counts, strict=True):
        first = np.arange(count) * window.stride - window.before
        most = size + window.after if layer.count_include_pad else size
        begin = first if layer.count_include_pad else np.maximum(first, 0)
        along.append(np.minimum(first + window.kernel, most) - begin)
    return np.outer(*along).astype(np.float64)


def gradient(found: Pooling) -> NDArray[np.float64]:
    """How much each input element gets back, C×H×W, where each output element sends 1: max to the winner, mean to all alike."""
    import numpy as np

    if found.winners is not None:
        back = np.zeros(found.x.shape)
        channels = np.arange(len(found.x))[:, None, None]
        np.add.at(back, (channels, found.winners[0], found.winners[1]), 1.0)
        return back
    windows, counts = found.layer.windows, found.counts
    whole = padded(np.zeros(found.x.shape), windows, counts)
    for _, _, seen in views(whole, windows, counts):
        np.add(seen, 1 / cast("NDArray[np.float64]", found.divisors), out=seen)
    (down, right), (high, wide) = windows, found.x.shape[1:]
    return whole[:, down.before : down.before + high, right.before : right.before + wide]


class Step(NamedTuple):
    """How one output element comes about.

    place: channel, row and column of the output · corner: the window's first row and column in the padded input · inside: the
    input elements it reads · padding: how many more stand in the padding · divisor: 0 for max pooling
    """

    place: tuple[int, int, int]
    corner: tuple[int, int]
    inside: tuple[float, ...]
    padding: int
    divisor: float
    value: float


def step(found: Pooling, channel: int, row: int, column: int) -> Step:
    """What one window reads, and what comes of it."""
    windows = found.layer.windows
    corner = start(windows, row, column)
    places = [
        [at for tap in range(w.kernel) if 0 <= (at := first - w.before + tap * w.dilation) < size]
        for w, first, size in zip(windows, corner, found.x.shape[1:], strict=True)
    ]
    inside = tuple(float(found.x[channel, i, j]) for i, j in product(*places))
    divisor = 0.0 if found.divisors is None else float(found.divisors[row, column])
    padding = found.layer.kernel[0] * found.layer.kernel[1] - len(inside)
    return Step((channel, row, column), corner, inside, padding, divisor, float(found.y[channel, row, column]))


def steps(found: Pooling) -> list[Step]:
    """All of them, channel by channel, row by row. Raises `RequestError` where nobody would walk so many."""
    walkable(found.y.size, found.call)
    return [step(found, *place) for place in product(*map(range, found.y.shape))]


class Saving(NamedTuple):
    """What pooling saves later: the parameters of a network's first dense layer, with its pools and without."""

    network: str
    row: str
    pooled: int
    whole: int


def saving(name: str = "lenet") -> Saving:
    """Of the network called `name`, computed as its summary is."""
    from dataclasses import replace

    from cnncli.analysis.report import report
    from cnncli.layers.activation import Identity
    from cnncli.layers.linear import Linear
    from cnncli.models import network

    with_pools = network(name)
    pools = (*KINDS.values(),)
    nodes = [node._replace(layer=Identity()) if isinstance(node.layer, pools) else node for node in with_pools.nodes]
    first = [
        next(row for row in report(each).rows if isinstance(row.layer, Linear))
        for each in (with_pools, replace(with_pools, nodes=tuple(nodes)))
    ]
    return Saving(name, first[0].name, first[0].params, first[1].params)
