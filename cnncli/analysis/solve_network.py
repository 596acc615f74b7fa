"""Backwards through a network: which inputs it can take, and at which nothing is left over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import lcm
from typing import NamedTuple

from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Layer, Shape, Tensor
from cnncli.layers.conventions import unread, windows_of
from cnncli.network import Network, source

LARGEST = 4096
"""Pixels a side up to which a working input is looked for."""
SCAN = 256
"""Where only some sizes work (a dense layer of a fixed width), all up to this many, or to the network's own, are tried."""


def at(network: Network, shape: Shape) -> Network:
    """The same network for another input shape, C×H×W."""
    name, tensor = next(iter(network.inputs.items()))
    return replace(network, inputs={name: tensor.like(shape)})


def calls(network: Network) -> Iterator[tuple[str, Layer, Call]]:
    """Each node's name, resolved layer and tensors, in running order: a report's shapes in a quarter of its time.

    Raises `ShapeError` at the node that cannot take its input.
    """
    made: dict[str, tuple[Tensor, ...]] = {name: (tensor,) for name, tensor in network.inputs.items()}
    for node in network.nodes:
        places = (source(name, made) or (name, 0) for name in node.inputs)
        inputs = tuple(made[maker][index] for maker, index in places)
        layer = node.layer.resolve(inputs)
        made[node.name] = layer.outputs(inputs)
        yield node.name, layer, Call(inputs, made[node.name])


def takes(network: Network, shape: Shape) -> bool:
    """Whether every layer can take what the ones before make of an input of `shape`."""
    return not refusal(network, shape)


def refusal(network: Network, shape: Shape) -> str:
    """Which row cannot take what an input of `shape` becomes, and why; "" where all can."""
    done = 0
    try:
        for _ in calls(at(network, shape)):
            done += 1
    except ShapeError as error:
        return f"{network.nodes[done].name}: {error.reason}"
    return ""


def smallest_input(network: Network) -> Shape | None:
    """The smallest square (or cube) C×n×n that the network takes, n ≤ 4096; None where there is none or no such axis.

    Doubles until it works, then halves the gap: a larger input never fails where a smaller one works, except where a dense
    layer's width is fixed; then every size up to 256 or the network's own is tried.
    """
    tensors = list(network.inputs.values())
    if len(tensors) != 1 or len(tensors[0].shape) < 2:
        return None
    return _smallest(network, tensors[0])


def _smallest(network: Network, tensor: Tensor) -> Shape | None:
    def square(side: int) -> Shape:
        return squared(tensor, side)

    works = next((1 << power for power in range(LARGEST.bit_length()) if takes(network, square(1 << power))), None)
    if works is None:
        most = min(LARGEST, max(SCAN, *tensor.shape[1:]))
        return next((square(side) for side in range(1, most + 1) if takes(network, square(side))), None)
    fails = works // 2
    while works - fails > 1:
        middle = (works + fails) // 2
        works, fails = (middle, fails) if takes(network, square(middle)) else (works, middle)
    return square(works)


def squared(tensor: Tensor, side: int) -> Shape:
    """C×n×n, with the channels and the number of axes of `tensor`."""
    return (tensor.shape[0], *(side,) * (len(tensor.shape) - 1))


def image(network: Network) -> Tensor:
    """The network's only input, C×H×W or with another number of axes; raises `RequestError` where it has no such input."""
    tensors = list(network.inputs.values())
    if len(tensors) != 1 or len(tensors[0].shape) < 2:
        what = f"{len(tensors)} inputs" if len(tensors) != 1 else "an input without height and width"
        raise RequestError(f"{network.name} has {what}; only networks with one image as input can be solved for")
    return tensors[0]


class Pattern(NamedTuple):
    """Sides of square inputs, ascending. every: each of them works again that many pixels on; None where nothing repeats."""

    sides: Shape
    every: int | None


def period(network: Network) -> int:
    """Pixels after which a network treats an input's far end alike: the product of the strides along its paths.

    ⌊(n − e)/s⌋ grows by one for every s pixels, so that what is left over at stride s depends on n modulo s alone.
    """
    every = dict.fromkeys(network.inputs, 1)
    for node in network.nodes:
        before = lcm(*(every[made[0]] for name in node.inputs if (made := source(name, every))))
        strides = () if _spreads(node.layer) else (window.stride for window in windows_of(node.layer))
        every[node.name] = before * lcm(*strides)
    return lcm(*every.values())


def _spreads(layer: Layer) -> bool:
    """A transposed convolution, whose windows lie on its output."""
    return "output_padding" in layer.config


def no_remainder(network: Network, smallest: int) -> Pattern:
    """The square inputs of at least `smallest` pixels a side at which no window leaves a pixel unread at the far end.

    One period is tried size by size, its first and last find once more a period later. Pixels that a stride beyond the window
    skips between windows may be missing at the end, too: they are a gap, not a remainder. Searches 256 sizes at most.
    """
    tensor = image(network)
    every = period(network)
    tried = range(smallest, smallest + min(every, SCAN))
    sides = tuple(side for side in tried if _even(network, squared(tensor, side)))
    if every > SCAN or not all(_even(network, squared(tensor, side + every)) for side in {*sides[:1], *sides[-1:]}):
        return Pattern(sides, None)
    return _shortened(sides, every)


def _shortened(sides: Shape, every: int) -> Pattern:
    """Sides that lie evenly within the period have a shorter one."""
    step = every // max(1, len(sides))
    if sides and sides == tuple(range(sides[0], sides[0] + every, step)):
        return Pattern(sides[:1], step)
    return Pattern(sides, every if sides else None)


def _even(network: Network, shape: Shape) -> bool:
    try:
        return not any(leaves(layer, call) for _, layer, call in calls(at(network, shape)))
    except ShapeError:
        return False


def leaves(layer: Layer, call: Call) -> bool:
    """Whether windows that round down leave pixels unread at the far end, more than they skip between each other."""
    if _spreads(layer) or getattr(layer, "ceil_mode", False) or not windows_of(layer):
        return False
    axes = zip(windows_of(layer), call.x.shape[1:], strict=True)
    return any(window.unread(size) > max(0, window.stride - window.extent) for window, size in axes)


def remainders(network: Network) -> list[tuple[str, str]]:
    """The rows that leave pixels of the network's own input unread, and which: `the last row and the last column are …`."""
    try:
        return [(name, unread(layer, call)) for name, layer, call in calls(network) if leaves(layer, call)]
    except ShapeError:
        return []


class Inputs(NamedTuple):
    """What a network can take.

    smallest: C×n×n; None where it takes no square input · below: what fails one pixel below it, and why; "" at one pixel ·
    even: the square inputs that leave nothing unread · left: the rows that leave pixels of its own input unread, and which ·
    refusal: what fails at its own input, and why; "" where it works
    """

    smallest: Shape | None
    below: str
    even: Pattern
    left: list[tuple[str, str]]
    refusal: str


def inputs(network: Network) -> Inputs:
    """The inputs that a network can take; raises `RequestError` where it has no single image as input."""
    tensor = image(network)
    smallest = smallest_input(network)
    left, why = remainders(network), refusal(network, tensor.shape)
    if smallest is None:
        return Inputs(None, "", Pattern((), None), left, why)
    below = refusal(network, squared(tensor, smallest[1] - 1)) if smallest[1] > 1 else ""
    return Inputs(smallest, below, no_remainder(network, smallest[1]), left, why)
