"""AlexNet: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks", 2012."""

from __future__ import annotations

from cnncli.layers.activation import ReLU
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.norm import LocalResponseNorm
from cnncli.layers.pool import MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model
from cnncli.models._arguments import drop, norm_called
from cnncli.network.builder import Value


def dense(x: Value, classes: int, dropout: float = 0.5) -> Value:
    """Two hidden dense layers of 4096, half of their units dropped while training unless told, and the output."""
    x = x(flatten=Flatten())
    x = x(fc1=Linear(out_features=4096), relu6=ReLU(), drop1=drop(dropout))
    x = x(fc2=Linear(out_features=4096), relu7=ReLU(), drop2=drop(dropout))
    return x(fc3=Linear(out_features=classes))


def d2l(x: Value, classes: int = 10, norm: str = "none", dropout: float = 0.5) -> Value:
    """The textbook's: one path instead of two groups, no normalisation unless asked for, one channel."""
    after = norm_called(norm)
    x = x(conv1=Conv2d(out_channels=96, kernel_size=11, stride=4, padding=1), **after("norm1"), relu1=ReLU())
    x = x(pool1=MaxPool2d(kernel_size=3, stride=2))
    x = x(conv2=Conv2d(out_channels=256, kernel_size=5, padding=2), **after("norm2"), relu2=ReLU())
    x = x(pool2=MaxPool2d(kernel_size=3, stride=2))
    x = x(conv3=Conv2d(out_channels=384, kernel_size=3, padding=1), **after("norm3"), relu3=ReLU())
    x = x(conv4=Conv2d(out_channels=384, kernel_size=3, padding=1), **after("norm4"), relu4=ReLU())
    x = x(conv5=Conv2d(out_channels=256, kernel_size=3, padding=1), **after("norm5"), relu5=ReLU())
    x = x(pool3=MaxPool2d(kernel_size=3, stride=2))
    return dense(x, classes, dropout)


def response_norm() -> LocalResponseNorm:
    """Section 3.3. The paper's α = 10⁻⁴ multiplies a sum over five channels, torch's a mean: hence 5·10⁻⁴ here."""
    return LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


def paper(x: Value, classes: int = 1000) -> Value:
    """The paper's: `groups=2` where each of its two GPUs saw only its own half of the channels.

    The paper states 224×224 inputs; its first layer's 55×55 outputs need 227×227.
    """
    x = x(conv1=Conv2d(out_channels=96, kernel_size=11, stride=4), relu1=ReLU(), norm1=response_norm())
    x = x(pool1=MaxPool2d(kernel_size=3, stride=2))
    x = x(conv2=Conv2d(out_channels=256, kernel_size=5, padding=2, groups=2), relu2=ReLU(), norm2=response_norm())
    x = x(pool2=MaxPool2d(kernel_size=3, stride=2))
    x = x(conv3=Conv2d(out_channels=384, kernel_size=3, padding=1), relu3=ReLU())
    x = x(conv4=Conv2d(out_channels=384, kernel_size=3, padding=1, groups=2), relu4=ReLU())
    x = x(conv5=Conv2d(out_channels=256, kernel_size=3, padding=1, groups=2), relu5=ReLU())
    x = x(pool3=MaxPool2d(kernel_size=3, stride=2))
    return dense(x, classes)


NETWORKS = {
    "alexnet": Model(
        title="AlexNet",
        year=2012,
        paper="Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks",
        story="The first proof on a large scale that learned features beat hand-made ones: it won ImageNet 2012 by ten points. "
        "Eight layers, ReLU for sigmoid, dropout in the dense layers, augmentation, and two GPUs to fit it all.",
        editions={
            "d2l": Edition(body=d2l, input=(1, 224, 224), about="the textbook's: one path, no normalisation"),
            "paper": Edition(body=paper, input=(3, 227, 227), about="two groups, local response normalisation"),
        },
    )
}
