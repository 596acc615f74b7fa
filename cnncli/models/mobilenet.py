"""MobileNetV2: M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018.

Layers are called as in torchvision, whose weights load as they are.
"""

from __future__ import annotations

from cnncli.layers.activation import ReLU6
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.dropout import Dropout
from cnncli.layers.linear import Linear
from cnncli.layers.norm import BatchNorm2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model
from cnncli.network.builder import Value, add

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Table 2 of the paper: expansion, channels, blocks, stride of the first block."""


def conv(channels: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> Conv2d:
    """No bias, the batch norm behind it has one; the padding keeps the size at stride 1."""
    return Conv2d(
        out_channels=channels, kernel_size=kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )


def activated(x: Value, name: str, convolution: Conv2d) -> Value:
    """A convolution, batch norm and ReLU6."""
    with x.block(name):
        return x(convolution, BatchNorm2d(), ReLU6(inplace=True))


def inverted_residual(x: Value, channels: tuple[int, int], stride: int, expansion: int) -> Value:
    """1×1 to `expansion` times the channels, 3×3 on each channel alone, 1×1 back to few, without an activation."""
    before, after = channels
    wide = expansion * before
    y = x
    with x.block("conv"):
        if expansion != 1:
            y = activated(y, "0", conv(wide))
        depthwise, linear, norm = ("0", "1", "2") if expansion == 1 else ("1", "2", "3")
        y = activated(y, depthwise, conv(wide, kernel=3, stride=stride, groups=wide))
        y = y(**{linear: conv(after), norm: BatchNorm2d()})
    return add(x, y) if stride == 1 and before == after else y


def torchvision(x: Value, classes: int = 1000) -> Value:
    """torchvision's, at width 1."""
    with x.block("features"):
        x = activated(x, "0", conv(32, kernel=3, stride=2))
        before, place = 32, 0
        for expansion, channels, repeats, first_stride in STAGES:
            for repeat in range(repeats):
                place += 1
                with x.block(f"{place}", "InvertedResidual"):
                    stride = first_stride if repeat == 0 else 1
                    x = inverted_residual(x, (before, channels), stride, expansion)
                before = channels
        x = activated(x, f"{place + 1}", conv(1280))
    x = x(avgpool=AdaptiveAvgPool2d(output_size=(1, 1)), flatten=Flatten())
    with x.block("classifier"):
        return x(Dropout(p=0.2), Linear(out_features=classes))


NETWORKS = {
    "mobilenet_v2": Model(
        title="MobileNetV2",
        year=2018,
        paper="Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: inverted residuals and linear bottlenecks",
        story="Made for phones: a 3×3 convolution on each channel alone and 1×1 convolutions to mix them cost a fraction of a full "
        "one. The wide maps live only inside a block; what passes between blocks is narrow.",
        editions={
            "torchvision": Edition(body=torchvision, input=(3, 224, 224), about="torchvision's, and its weights fit")
        },
    )
}
