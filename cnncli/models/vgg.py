"""VGG: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014."""

from __future__ import annotations

from collections.abc import Callable

from cnncli.errors import RequestError
from cnncli.layers.activation import ReLU
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model
from cnncli.models._arguments import Norm, drop, norm_called
from cnncli.network.builder import Value

CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {"A": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}
"""Convolutions in each of the five blocks, by the columns of the paper's table 1."""


def vgg_block(x: Value, name: str, convolutions: int, channels: int, after: Norm) -> Value:
    """3×3 convolutions that keep the size, then a pool that halves it."""
    with x.block(name, "VGGBlock"):
        for place in range(1, convolutions + 1):
            conv = Conv2d(out_channels=channels, kernel_size=3, padding=1)
            x = x(**{f"conv{place}": conv, **after(f"norm{place}"), f"relu{place}": ReLU()})
        return x(pool=MaxPool2d(kernel_size=2, stride=2))


def vgg(  # noqa: PLR0913, PLR0917  (the editions' own arguments)
    x: Value, column: str, classes: int, ratio: int, hidden: int, norm: str, dropout: float
) -> Value:
    """Five blocks and three dense layers; `ratio` divides the blocks' channels, `hidden` is the width of the dense layers."""
    if ratio > CHANNELS[0]:
        raise RequestError(f"ratio {ratio} leaves the first block no channels; the most is {CHANNELS[0]}")
    for place, (convolutions, channels) in enumerate(zip(CONVOLUTIONS[column], CHANNELS, strict=True), 1):
        x = vgg_block(x, f"block{place}", convolutions, channels // ratio, norm_called(norm))
    x = x(flatten=Flatten())
    x = x(fc1=Linear(out_features=hidden), relu1=ReLU(), drop1=drop(dropout))
    x = x(fc2=Linear(out_features=hidden), relu2=ReLU(), drop2=drop(dropout))
    return x(fc3=Linear(out_features=classes))


def d2l(column: str) -> Callable[..., Value]:
    """The textbook's, for one column of the table: one channel, ten classes, and widths to choose."""

    def body(  # noqa: PLR0913, PLR0917  (its arguments are those of the command line)
        x: Value, classes: int = 10, ratio: int = 1, hidden: int = 4096, norm: str = "none", dropout: float = 0.5
    ) -> Value:
        return vgg(x, column, classes, ratio, hidden, norm, dropout)

    return body


def paper(column: str) -> Callable[..., Value]:
    """The paper's, for one column of the table."""

    def body(x: Value, classes: int = 1000) -> Value:
        return vgg(x, column, classes, ratio=1, hidden=4096, norm="none", dropout=0.5)

    return body


def model(depth: int, column: str) -> Model:
    """The network with `depth` layers that have weights."""
    return Model(
        title=f"VGG-{depth}",
        year=2014,
        paper="Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition",
        story="Depth from a repeated block: two 3×3 convolutions see as much as one 5×5, with fewer parameters and one more "
        f"nonlinearity. Column {column} of the paper's table has {depth} layers with weights; the first dense one has most.",
        editions={
            "d2l": Edition(body=d2l(column), input=(1, 224, 224), about="the textbook's, with ratio= and hidden="),
            "paper": Edition(body=paper(column), input=(3, 224, 224), about=f"column {column}, 1000 classes"),
        },
    )


NETWORKS = {"vgg11": model(11, "A"), "vgg13": model(13, "B"), "vgg16": model(16, "D"), "vgg19": model(19, "E")}
