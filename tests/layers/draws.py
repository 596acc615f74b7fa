"""Drawing arguments and input shapes: a case, what draws it, and what all kinds share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from cnncli.layers import Shape

Drawn = tuple[dict[str, Any], list[Shape]]
"""A spec's arguments, and the shapes of its inputs without the batch."""


class Case(NamedTuple):
    """A kind, its arguments, and the shapes of its inputs without the batch."""

    kind: str
    arguments: dict[str, Any]
    shapes: tuple[Shape, ...]


class Draw(NamedTuple):
    """Draws from strategies. wild: now and then outside of what a layer can take."""

    source: Callable[[st.SearchStrategy[Any]], Any]
    wild: bool

    def __call__(self, values: st.SearchStrategy[Any]) -> Any:  # noqa: ANN401
        """One of `values`."""
        return self.source(values)


def number(draw: Draw, least: int, most: int) -> int:
    """From least to most; a wild one may lie below."""
    number: int = draw(st.integers(least - 2 if draw.wild else least, most))
    return number


def per_axis(draw: Draw, axes: int, least: int, most: int) -> int | Shape:
    """One number, or one an axis."""
    if draw(st.booleans()):
        return number(draw, least, most)
    count = axes + 1 if draw.wild and draw(st.integers(0, 4)) == 0 else axes
    return tuple(number(draw, least, most) for _ in range(count))


def some_of(draw: Draw, **options: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Each option drawn, or left out."""
    return {name: draw(values) for name, values in options.items() if draw(st.booleans())}


def image(draw: Draw, axes: int, channels: int, least: int = 1, most: int = 9) -> Shape:
    """C×L, C×H×W or C×D×H×W."""
    most = {1: most + 4, 2: most, 3: min(most, 6)}[axes]
    return (channels, *(draw(st.integers(least, most)) for _ in range(axes)))


def any_shape(draw: Draw, least: int = 0, most: int = 4, size: int = 5) -> Shape:
    """Any shape of `least` to `most` axes."""
    return tuple(draw(st.lists(st.integers(1, size), min_size=least, max_size=most)))


def read_channels(draw: Draw, name: str, channels: int) -> dict[str, int]:
    """The input's channels, often left out; a wild case may get them wrong."""
    if draw.wild and draw(st.integers(0, 5)) == 0:
        return {name: draw(st.integers(0, 9))}
    return {name: channels} if draw(st.booleans()) else {}
