"""LeNet-5: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998."""

from __future__ import annotations

from cnncli.layers import Layer
from cnncli.layers.activation import ReLU, ScaledTanh, Sigmoid, Tanh
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.pool import AvgPool2d, MaxPool2d
from cnncli.layers.shape import Flatten
from cnncli.models import Edition, Model, choose
from cnncli.models._arguments import norm_called
from cnncli.network.builder import Value

ACTIVATIONS: dict[str, type[Layer]] = {"sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU}
POOLS: dict[str, type[AvgPool2d | MaxPool2d]] = {"avg": AvgPool2d, "max": MaxPool2d}


def lenet(  # noqa: PLR0913, PLR0917  (the editions' own arguments)
    x: Value, padding: int, classes: int, activation: str, pool: str, norm: str
) -> Value:
    """Two convolutions, each halved by a pool, then three dense layers; every output channel reads every input channel."""
    act = choose("activation", activation, ACTIVATIONS)
    down = choose("pool", pool, POOLS)
    after = norm_called(norm)
    x = x(conv1=Conv2d(out_channels=6, kernel_size=5, padding=padding), **after("norm1"))
    x = x(act1=act(), pool1=down(kernel_size=2, stride=2))
    x = x(conv2=Conv2d(out_channels=16, kernel_size=5), **after("norm2"))
    x = x(act2=act(), pool2=down(kernel_size=2, stride=2))
    x = x(flatten=Flatten())
    x = x(fc1=Linear(out_features=120), act3=act())
    x = x(fc2=Linear(out_features=84), act4=act())
    return x(fc3=Linear(out_features=classes))


def d2l(x: Value, classes: int = 10, activation: str = "sigmoid", pool: str = "avg", norm: str = "none") -> Value:
    """The textbook's: 28×28 padded by 2, so that the sizes are those of the 32×32 original."""
    return lenet(x, 2, classes, activation, pool, norm)


def classic(x: Value, classes: int = 10, activation: str = "sigmoid", pool: str = "avg", norm: str = "none") -> Value:
    """The sizes of the paper, 32×32 without padding, with the modern all-to-all second convolution."""
    return lenet(x, 0, classes, activation, pool, norm)


def paper(x: Value, classes: int = 10) -> Value:
    """LeNet-5 as in section II.B of the paper, its layers by their names there.

    C3's maps read some of S2's maps each (table I); subsampling has two weights a map; every layer up to F6 is squashed by
    1.7159·tanh(2x/3); the output is the squared distance to a fixed drawing of each class, so that the smallest wins.
    """
    from cnncli.layers.partial_conv import C3, PartialConv2d  # here: the other editions start quicker without them
    from cnncli.layers.rbf import RBF
    from cnncli.layers.subsampling import TrainableSubsampling

    x = x(C1=Conv2d(out_channels=6, kernel_size=5), squash1=ScaledTanh())
    x = x(S2=TrainableSubsampling(kernel_size=2), squash2=ScaledTanh())
    x = x(C3=PartialConv2d(table=C3, kernel_size=5), squash3=ScaledTanh())
    x = x(S4=TrainableSubsampling(kernel_size=2), squash4=ScaledTanh())
    x = x(C5=Conv2d(out_channels=120, kernel_size=5), squash5=ScaledTanh())  # 1×1 maps at 32×32: there, a dense layer
    x = x(flatten=Flatten())
    x = x(F6=Linear(out_features=84), squash6=ScaledTanh())
    return x(OUTPUT=RBF(out_features=classes))


ALL_TO_ALL = {
    "conv2": {"connections": "41,600 = 16·10·10·(25 + 1) counts one of the 6 input maps only"},
    "fc1": {"parameters": "the paper's C5, a convolution; where its 5×5 kernel covers a 5×5 map, the same"},
}
DENSE = {"C5": {"parameters": "equals a dense layer at 32×32 only"}}

NETWORKS = {
    "lenet": Model(
        title="LeNet",
        year=1998,
        paper="LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition",
        story="The first convolutional network in daily use: it read the digits on bank cheques. Convolution, pooling and dense "
        "layers, learned end to end by gradient descent.",
        editions={
            "d2l": Edition(
                body=d2l,
                input=(1, 28, 28),
                about="the textbook's: padding 2, sigmoid, average pooling",
                remarks=ALL_TO_ALL,
            ),
            "classic": Edition(
                body=classic, input=(1, 32, 32), about="32×32 without padding, all-to-all C3", remarks=ALL_TO_ALL
            ),
            "paper": Edition(
                body=paper, input=(1, 32, 32), about="partial C3, trainable subsampling, RBF output", remarks=DENSE
            ),
        },
    )
}
