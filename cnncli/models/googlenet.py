"""GoogLeNet: C. Szegedy et al., "Going deeper with convolutions", 2014."""

from __future__ import annotations

from cnncli.layers.activation import ReLU
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.dropout import Dropout
from cnncli.layers.linear import Linear
from cnncli.layers.norm import LocalResponseNorm
from cnncli.layers.pool import AvgPool2d, MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model
from cnncli.models._arguments import Norm, norm_called
from cnncli.network.builder import Value, concat


def inception(  # noqa: PLR0913, PLR0917  (four paths, in the order of the paper's table)
    x: Value, name: str, one: int, three: tuple[int, int], five: tuple[int, int], project: int, after: Norm
) -> Value:
    """Four paths side by side, 1×1, 3×3, 5×5 and a pool; 1×1 convolutions cut the channels before the wide windows."""
    with x.block(name, "Inception"):
        path1 = x(conv1x1=Conv2d(out_channels=one, kernel_size=1), **after("norm1"), relu1=ReLU())
        path2 = x(reduce3x3=Conv2d(out_channels=three[0], kernel_size=1), **after("norm2"), relu2=ReLU())
        path2 = path2(conv3x3=Conv2d(out_channels=three[1], kernel_size=3, padding=1), **after("norm3"), relu3=ReLU())
        path3 = x(reduce5x5=Conv2d(out_channels=five[0], kernel_size=1), **after("norm4"), relu4=ReLU())
        path3 = path3(conv5x5=Conv2d(out_channels=five[1], kernel_size=5, padding=2), **after("norm5"), relu5=ReLU())
        path4 = x(pool=MaxPool2d(kernel_size=3, stride=1, padding=1))
        path4 = path4(project=Conv2d(out_channels=project, kernel_size=1), **after("norm6"), relu6=ReLU())
        return concat(path1, path2, path3, path4)


def inceptions(x: Value, pool: MaxPool2d, norm: str = "none") -> tuple[Value, Value, Value]:
    """The nine blocks with the channels of the paper's table 1; what comes out of 4a, of 4d and of the last."""
    after = norm_called(norm)
    x = inception(x, "inception3a", 64, (96, 128), (16, 32), 32, after)
    x = inception(x, "inception3b", 128, (128, 192), (32, 96), 64, after)
    x = x(pool3=pool)
    x = after_4a = inception(x, "inception4a", 192, (96, 208), (16, 48), 64, after)
    x = inception(x, "inception4b", 160, (112, 224), (24, 64), 64, after)
    x = inception(x, "inception4c", 128, (128, 256), (24, 64), 64, after)
    x = after_4d = inception(x, "inception4d", 112, (144, 288), (32, 64), 64, after)
    x = inception(x, "inception4e", 256, (160, 320), (32, 128), 128, after)
    x = x(pool4=pool)
    x = inception(x, "inception5a", 256, (160, 320), (32, 128), 128, after)
    x = inception(x, "inception5b", 384, (192, 384), (48, 128), 128, after)
    return after_4a, after_4d, x


def d2l(x: Value, classes: int = 10, norm: str = "none") -> Value:
    """The textbook's: no normalisation unless asked for, no dropout, and pools that are padded instead of rounding up."""
    after = norm_called(norm)
    pool = MaxPool2d(kernel_size=3, stride=2, padding=1)
    x = x(conv1=Conv2d(out_channels=64, kernel_size=7, stride=2, padding=3), **after("norm1"), relu1=ReLU())
    x = x(pool1=pool)
    x = x(conv2=Conv2d(out_channels=64, kernel_size=1), **after("norm2"), relu2=ReLU())
    x = x(conv3=Conv2d(out_channels=192, kernel_size=3, padding=1), **after("norm3"), relu3=ReLU())
    x = x(pool2=pool)
    _, _, x = inceptions(x, pool, norm)
    x = x(avgpool=AdaptiveAvgPool2d(output_size=1), flatten=Flatten())
    return x(fc=Linear(out_features=classes))


def auxiliary(x: Value, name: str, classes: int) -> Value:
    """A small classifier half way, which brings gradients to the early layers while training (section 5)."""
    with x.block(name, "Auxiliary"):
        x = x(pool=AvgPool2d(kernel_size=5, stride=3))
        x = x(conv=Conv2d(out_channels=128, kernel_size=1), relu1=ReLU(), flatten=Flatten())
        x = x(fc1=Linear(out_features=1024), relu2=ReLU(), drop=Dropout(p=0.7))
        return x(fc2=Linear(out_features=classes))


def paper(x: Value, classes: int = 1000, aux: bool = False) -> Value | tuple[Value, ...]:  # noqa: FBT001, FBT002
    """The paper's; `aux=true` adds its two auxiliary classifiers as second and third output.

    Pools round up, as the sizes of table 1 need. The paper gives no constants for its response normalisation: these are torch's
    and Caffe's defaults.
    """
    pool = MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
    x = x(conv1=Conv2d(out_channels=64, kernel_size=7, stride=2, padding=3), relu1=ReLU())
    x = x(pool1=pool, norm1=LocalResponseNorm(size=5))
    x = x(conv2=Conv2d(out_channels=64, kernel_size=1), relu2=ReLU())
    x = x(conv3=Conv2d(out_channels=192, kernel_size=3, padding=1), relu3=ReLU())
    x = x(norm2=LocalResponseNorm(size=5), pool2=pool)
    after_4a, after_4d, x = inceptions(x, pool)
    x = x(avgpool=AdaptiveAvgPool2d(output_size=1), flatten=Flatten(), drop=Dropout(p=0.4))
    x = x(fc=Linear(out_features=classes))
    return (x, auxiliary(after_4a, "aux1", classes), auxiliary(after_4d, "aux2", classes)) if aux else x


NETWORKS = {
    "googlenet": Model(
        title="GoogLeNet",
        year=2014,
        paper="Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich: Going deeper with convolutions",
        story="It won ImageNet 2014 with a ninth of AlexNet's parameters. Its Inception block runs windows of several sizes "
        "side by side and leaves the choice to training; 1×1 convolutions before them cut the channels, and with them the cost.",
        editions={
            "d2l": Edition(body=d2l, input=(1, 96, 96), about="the textbook's: one output, padded pools"),
            "paper": Edition(body=paper, input=(3, 224, 224), about="response normalisation; aux=true adds two heads"),
        },
    )
}
