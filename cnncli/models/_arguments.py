"""Arguments that several networks take: `norm`, behind each convolution, and `dropout`."""

from __future__ import annotations

from collections.abc import Callable

from cnncli.errors import RequestError
from cnncli.layers import Layer
from cnncli.layers.dropout import Dropout
from cnncli.models import choose

Norm = Callable[[str], dict[str, Layer]]
"""From the name of the layer to the layer, or to nothing."""


def norm_called(kind: str) -> Norm:
    """`none`, or `batch` for batch normalisation (Ioffe and Szegedy, 2015); raises `UnknownName`."""
    norm: Norm = choose("norm", kind, {"none": _none, "batch": _batch})
    return norm


def _none(_: str) -> dict[str, Layer]:
    return {}


def _batch(name: str) -> dict[str, Layer]:
    from cnncli.layers.norm import BatchNorm2d  # here: networks without it start quicker

    return {name: BatchNorm2d()}


def drop(share: float) -> Dropout:
    """Drops this share of the numbers while training, none at 0; raises `RequestError`."""
    if not 0 <= share < 1:
        raise RequestError(f"dropout {share:g} is no share of the numbers to drop; write one from 0 up to 1, as in 0.5")
    return Dropout(p=share)
