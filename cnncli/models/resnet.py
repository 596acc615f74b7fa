"""ResNet: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015.

Layers are called as in torchvision, whose weights load as they are.
"""

from __future__ import annotations

from collections.abc import Callable

from cnncli.layers.activation import ReLU
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.norm import BatchNorm2d
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model
from cnncli.network.builder import Value, add


def conv3x3(channels: int, stride: int = 1) -> Conv2d:
    """No bias: the batch norm behind it has one."""
    return Conv2d(out_channels=channels, kernel_size=3, stride=stride, padding=1, bias=False)


def conv1x1(channels: int, stride: int = 1) -> Conv2d:
    """A dense layer at every position."""
    return Conv2d(out_channels=channels, kernel_size=1, stride=stride, bias=False)


def basic_block(x: Value, channels: int, stride: int) -> Value:
    """Two 3×3 convolutions."""
    x = x(conv1=conv3x3(channels, stride), bn1=BatchNorm2d(), relu=ReLU(inplace=True))
    return x(conv2=conv3x3(channels), bn2=BatchNorm2d())


def bottleneck(x: Value, channels: int, stride: int) -> Value:
    """1×1 to fewer channels, 3×3, 1×1 to four times as many.

    The stride is the 3×3's, as in torchvision ("v1.5"); the paper has it in the first 1×1.
    """
    x = x(conv1=conv1x1(channels), bn1=BatchNorm2d(), relu=ReLU(inplace=True))
    x = x(conv2=conv3x3(channels, stride), bn2=BatchNorm2d()).again("relu")
    return x(conv3=conv1x1(4 * channels), bn3=BatchNorm2d())


KINDS = {"BasicBlock": (basic_block, 1), "Bottleneck": (bottleneck, 4)}
"""Block, and how many times its channels come out of it."""


def residual(x: Value, kind: str, channels: int, stride: int, *, project: bool) -> Value:
    """relu(block(x) + x); where the shape changes, x is projected to the new one."""
    block, expansion = KINDS[kind]
    y = block(x, channels, stride)
    if project:
        with x.block("downsample"):
            x = x(conv1x1(expansion * channels, stride), BatchNorm2d())
    return add(y, x, inplace=True).again("relu")


def resnet(x: Value, kind: str, depths: tuple[int, ...], classes: int) -> Value:
    """A stem that quarters the size, four stages of `depths` blocks of which the last three halve it, a mean, a dense layer."""
    x = x(conv1=Conv2d(out_channels=64, kernel_size=7, stride=2, padding=3, bias=False), bn1=BatchNorm2d())
    x = x(relu=ReLU(inplace=True), maxpool=MaxPool2d(kernel_size=3, stride=2, padding=1))
    for stage, depth in enumerate(depths):
        for place in range(depth):
            stride = 2 if stage > 0 and place == 0 else 1
            project = place == 0 and (stride == 2 or kind == "Bottleneck")
            with x.block(f"layer{stage + 1}.{place}", kind):
                x = residual(x, kind, 64 * 2**stage, stride, project=project)
    x = x(avgpool=AdaptiveAvgPool2d(output_size=(1, 1)), flatten=Flatten())
    return x(fc=Linear(out_features=classes))


def torchvision(kind: str, depths: tuple[int, ...]) -> Callable[..., Value]:
    """torchvision's, for one column of the paper's table 1."""

    def body(x: Value, classes: int = 1000) -> Value:
        return resnet(x, kind, depths, classes)

    return body


def model(depth: int, kind: str, *depths: int) -> Model:
    """The network with `depth` layers that have weights, `depths` blocks of `kind` in its four stages."""
    return Model(
        title=f"ResNet-{depth}",
        year=2015,
        paper="He, Zhang, Ren, Sun: Deep residual learning for image recognition",
        story="Blocks learn what to add to their input, so that a deeper network is no harder to train than a shallow one: it won "
        f"ImageNet 2015 with 152 layers. {depth} layers here, in {sum(depths)} {kind} blocks.",
        editions={
            "torchvision": Edition(
                body=torchvision(kind, depths), input=(3, 224, 224), about="torchvision's, and its weights fit"
            )
        },
    )


NETWORKS = {
    "resnet18": model(18, "BasicBlock", 2, 2, 2, 2),
    "resnet34": model(34, "BasicBlock", 3, 4, 6, 3),
    "resnet50": model(50, "Bottleneck", 3, 4, 6, 3),
    "resnet101": model(101, "Bottleneck", 3, 4, 23, 3),
    "resnet152": model(152, "Bottleneck", 3, 8, 36, 3),
}
