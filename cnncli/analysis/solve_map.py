"""Backwards from a feature map: the inputs of a network that give a map of a wanted size."""

from __future__ import annotations

from itertools import takewhile
from typing import NamedTuple

from cnncli.analysis.solve_network import LARGEST, at, calls, image, period, refusal, smallest_input, squared
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Shape
from cnncli.network import Network, source

FARTHEST = 10**9
"""Pixels a side beyond which no input is looked for; no tensor holds them."""


class Maps(NamedTuple):
    """Which inputs give a map of a wanted size.

    row: where the map is · channels, output: C and h×w of it · sides: for each axis, the inputs' sides, ascending; () where
    none does · nearest: then the nearest sizes of that axis' map, smaller and larger · refusal: why the network cannot take
    them all the same (a dense layer of a fixed width)
    """

    row: str
    channels: int
    output: Shape
    sides: tuple[Shape, ...]
    nearest: tuple[Shape, ...]
    refusal: str = ""


def inputs_for(network: Network, output: Shape) -> Maps:
    """The inputs whose last map before global pooling or a dense layer is `output`, one size for all axes or one for each.

    The axes do not touch each other, so that each is searched on its own, with square inputs: halving over whole periods
    (sizes grow with the input), then pixel by pixel. Raises `RequestError` where no map's size depends on the input, and
    where no square input works.
    """
    tensor = image(network)
    axes = len(tensor.shape) - 1
    least = smallest_input(network)
    if least is None:
        raise RequestError(f"{network.name} takes no square input up to {LARGEST:,}; its maps cannot be solved for")
    smallest = least[1]
    if len(output) not in (1, axes):
        raise RequestError(f"--output has {len(output)} sizes; {network.name}'s maps have {axes}, as in 7x7")
    wanted = output * axes if len(output) == 1 else output
    search = _Search(network, smallest)
    found = [search.sides(axis, size) for axis, size in enumerate(wanted)]
    sides, nearest = (tuple(part) for part in zip(*found, strict=True))
    refused = refusal(network, (tensor.shape[0], *(each[0] for each in sides))) if all(sides) else ""
    return Maps(search.row, search.map(smallest)[0], wanted, sides, nearest, refused)


class _Search:
    """Where a network's last map that follows the input's size is, and how large it is for which input."""

    def __init__(self, network: Network, smallest: int) -> None:
        self.network, self.smallest, self.every = network, smallest, period(network)
        self.seen: dict[int, Shape] = {}
        self.row = self._last_row()

    def _last_row(self) -> str:
        """The last map on the way to the first output that a larger input makes larger."""
        small, large = (self._shapes(side) for side in (self.smallest, self.smallest + self.every))
        rank = len(image(self.network).shape)
        way = _before(self.network, self.network.outputs[0])
        follows = [
            name
            for name, shape in small.items()
            if name in way and name in large and len(shape) == rank and shape[1:] != large[name][1:]
        ]
        if not follows:
            raise RequestError(f"{self.network.name} has no map whose size follows the input's")
        return follows[-1]

    def _shapes(self, side: int) -> dict[str, Shape]:
        """Every row's output, as far as the network takes a square input."""
        found = {}
        try:
            for name, _, call in calls(at(self.network, squared(image(self.network), side))):
                found[name] = call.y.shape
        except ShapeError:
            pass
        return found

    def map(self, side: int) -> Shape:
        """C×h×w of the row for a square input; zeros where the input is refused before it."""
        if side not in self.seen:
            self.seen[side] = self._shapes(side).get(self.row, (0,) * len(image(self.network).shape))
        return self.seen[side]

    def sides(self, axis: int, size: int) -> tuple[Shape, Shape]:
        """The inputs' sides that give `size` along an axis; else the nearest sizes below and above."""

        def made(side: int) -> int:
            return self.map(side)[axis + 1]

        start = self.smallest + self.every * self._periods(axis, size)
        below = range(start - 1, max(self.smallest, start - self.every) - 1, -1)
        sides = {*takewhile(lambda side: made(side) <= size, range(start, start + self.every + 1))}
        sides |= {*takewhile(lambda side: made(side) in (0, size), below)}  # 0: this one is refused, others may not be
        found = tuple(side for side in sorted(sides) if made(side) == size)
        return found, () if found else _around(size, {shape[axis + 1] for shape in self.seen.values()} - {0})

    def _periods(self, axis: int, size: int) -> int:
        """The most whole periods on top of the smallest input that make no more than `size` (maps grow with the input)."""
        low, high = 0, 1
        while self.map(self.smallest + high * self.every)[axis + 1] <= size and high * self.every < FARTHEST:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            above = self.map(self.smallest + middle * self.every)[axis + 1] > size
            low, high = (low, middle) if above else (middle, high)
        return low


def _around(size: int, made: set[int]) -> Shape:
    below, above = (sorted(each for each in made if each < size), sorted(each for each in made if each > size))
    return (*below[-1:], *above[:1])


def _before(network: Network, output: str) -> set[str]:
    """The nodes that `output` depends on, itself included."""
    nodes = {node.name: node for node in network.nodes}
    way: set[str] = set()
    open_ends = [output]
    while open_ends:
        name, _ = source(open_ends.pop(), nodes) or ("", 0)
        if name and name not in way:
            way.add(name)
            open_ends += nodes[name].inputs
    return way
