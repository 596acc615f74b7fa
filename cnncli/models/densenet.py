"""DenseNet: G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, "Densely connected convolutional networks", 2016.

Layers are called as in torchvision, whose weights load as they are.
"""

from __future__ import annotations

from cnncli.layers.activation import ReLU
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.norm import BatchNorm2d
from cnncli.layers.pool import AvgPool2d, MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model
from cnncli.network.builder import Value, concat

GROWTH = 32
"""Channels that each layer adds (the paper's k)."""


def dense_layer(x: Value) -> Value:
    """1×1 to four times the growth, 3×3 to the growth; normalisation and ReLU come before each convolution."""
    x = x(norm1=BatchNorm2d(), relu1=ReLU(inplace=True))
    x = x(conv1=Conv2d(out_channels=4 * GROWTH, kernel_size=1, bias=False))
    x = x(norm2=BatchNorm2d(), relu2=ReLU(inplace=True))
    return x(conv2=Conv2d(out_channels=GROWTH, kernel_size=3, padding=1, bias=False))


def dense_block(x: Value, name: str, depth: int) -> Value:
    """Each layer reads the block's input and the outputs of all layers before it, side by side."""
    outputs = [x]
    with x.block(name, "DenseBlock"):
        for place in range(1, depth + 1):
            with x.block(f"denselayer{place}", "DenseLayer"):
                outputs.append(dense_layer(concat(*outputs)))
        return concat(*outputs)


def transition(x: Value, name: str, channels: int) -> Value:
    """A 1×1 convolution halves the channels, a pool halves the size."""
    with x.block(name, "Transition"):
        x = x(norm=BatchNorm2d(), relu=ReLU(inplace=True))
        x = x(conv=Conv2d(out_channels=channels // 2, kernel_size=1, bias=False))
        return x(pool=AvgPool2d(kernel_size=2, stride=2))


def densenet(x: Value, depths: tuple[int, ...], classes: int) -> Value:
    """A stem that quarters the size, blocks of `depths` layers with transitions between them, a mean, a dense layer."""
    channels = 2 * GROWTH
    with x.block("features"):
        x = x(conv0=Conv2d(out_channels=channels, kernel_size=7, stride=2, padding=3, bias=False), norm0=BatchNorm2d())
        x = x(relu0=ReLU(inplace=True), pool0=MaxPool2d(kernel_size=3, stride=2, padding=1))
        for place, depth in enumerate(depths, 1):
            x = dense_block(x, f"denseblock{place}", depth)
            channels += depth * GROWTH
            if place < len(depths):
                x = transition(x, f"transition{place}", channels)
                channels //= 2
        x = x(norm5=BatchNorm2d())
    x = x(relu=ReLU(inplace=True), avgpool=AdaptiveAvgPool2d(output_size=(1, 1)), flatten=Flatten())
    return x(classifier=Linear(out_features=classes))


def torchvision121(x: Value, classes: int = 1000) -> Value:
    """torchvision's, the first column of the paper's table 1."""
    return densenet(x, (6, 12, 24, 16), classes)


NETWORKS = {
    "densenet121": Model(
        title="DenseNet-121",
        year=2016,
        paper="Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks",
        story="Every layer of a block reads all layers before it, side by side instead of summed: features are used again, so that "
        "each layer need add only 32 channels. Few parameters, many activations to keep.",
        editions={
            "torchvision": Edition(body=torchvision121, input=(3, 224, 224), about="torchvision's, and its weights fit")
        },
    )
}
