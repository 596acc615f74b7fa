"""Network in network: M. Lin, Q. Chen, S. Yan, "Network in network", 2013."""

from __future__ import annotations

from cnncli.layers.activation import ReLU
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.dropout import Dropout
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model
from cnncli.models._arguments import drop, norm_called
from cnncli.network.builder import Value


def nin_block(x: Value, name: str, conv: Conv2d, *channels: int, norm: str = "none") -> Value:
    """A convolution, then two 1×1 convolutions: a small dense network run at every position."""
    after = norm_called(norm)
    first, second = channels or (conv.out_channels, conv.out_channels)
    with x.block(name, "NiNBlock"):
        x = x(conv1=conv, **after("norm1"), relu1=ReLU())
        x = x(conv2=Conv2d(out_channels=first, kernel_size=1), **after("norm2"), relu2=ReLU())
        return x(conv3=Conv2d(out_channels=second, kernel_size=1), **after("norm3"), relu3=ReLU())


def d2l(x: Value, classes: int = 10, norm: str = "none", dropout: float = 0.5) -> Value:
    """The textbook's: AlexNet's convolutions as blocks; the last has a channel for each class."""
    x = nin_block(x, "block1", Conv2d(out_channels=96, kernel_size=11, stride=4), norm=norm)
    x = x(pool1=MaxPool2d(kernel_size=3, stride=2))
    x = nin_block(x, "block2", Conv2d(out_channels=256, kernel_size=5, padding=2), norm=norm)
    x = x(pool2=MaxPool2d(kernel_size=3, stride=2))
    x = nin_block(x, "block3", Conv2d(out_channels=384, kernel_size=3, padding=1), norm=norm)
    x = x(pool3=MaxPool2d(kernel_size=3, stride=2), drop=drop(dropout))
    x = nin_block(x, "block4", Conv2d(out_channels=classes, kernel_size=3, padding=1), norm=norm)
    return x(avgpool=AdaptiveAvgPool2d(output_size=1), flatten=Flatten())


def paper(x: Value, classes: int = 10) -> Value:
    """The paper's CIFAR-10 network, its pools halving the size as section 4.1 says.

    The widths are those of the configuration that the authors released (its second pool averages; the paper's text has max).
    """
    x = nin_block(x, "block1", Conv2d(out_channels=192, kernel_size=5, padding=2), 160, 96)
    x = x(pool1=MaxPool2d(kernel_size=3, stride=2, ceil_mode=True), drop1=Dropout(p=0.5))
    x = nin_block(x, "block2", Conv2d(out_channels=192, kernel_size=5, padding=2))
    x = x(pool2=MaxPool2d(kernel_size=3, stride=2, ceil_mode=True), drop2=Dropout(p=0.5))
    x = nin_block(x, "block3", Conv2d(out_channels=192, kernel_size=3, padding=1), 192, classes)
    return x(avgpool=AdaptiveAvgPool2d(output_size=1), flatten=Flatten())


def caffe(x: Value, classes: int = 1000) -> Value:
    """The authors' ImageNet network in Caffe's model zoo; Caffe rounds pools up."""
    x = nin_block(x, "block1", Conv2d(out_channels=96, kernel_size=11, stride=4))
    x = x(pool1=MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
    x = nin_block(x, "block2", Conv2d(out_channels=256, kernel_size=5, padding=2))
    x = x(pool2=MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
    x = nin_block(x, "block3", Conv2d(out_channels=384, kernel_size=3, padding=1))
    x = x(pool3=MaxPool2d(kernel_size=3, stride=2, ceil_mode=True), drop=Dropout(p=0.5))
    x = nin_block(x, "block4", Conv2d(out_channels=1024, kernel_size=3, padding=1), 1024, classes)
    return x(avgpool=AdaptiveAvgPool2d(output_size=1), flatten=Flatten())


NETWORKS = {
    "nin": Model(
        title="NiN",
        year=2013,
        paper="Lin, Chen, Yan: Network in network",
        story="1×1 convolutions work as a small dense network at every position. The last block has one channel for each class, "
        "averaged over the map: no dense layers at the end, where AlexNet and VGG keep most of their parameters.",
        editions={
            "d2l": Edition(body=d2l, input=(1, 224, 224), about="the textbook's: AlexNet's convolutions as blocks"),
            "paper": Edition(body=paper, input=(3, 32, 32), about="the CIFAR-10 network"),
            "caffe": Edition(body=caffe, input=(3, 224, 224), about="the ImageNet network, pools rounding up"),
        },
    )
}
