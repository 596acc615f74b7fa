"""From a network to its module: names, values, inputs and outputs."""

from __future__ import annotations

import torch
from torch import nn

from cnncli.build import build
from cnncli.layers import Tensor
from cnncli.layers.activation import ReLU
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.shape import Flatten
from cnncli.models import network
from cnncli.network.builder import Value, add, write


def test_lenet_is_the_textbooks_sequential() -> None:
    """The built module computes what the textbook's nn.Sequential does with the same weights, to the bit."""
    built = build(network("lenet"))
    textbook = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )
    textbook.load_state_dict(dict(zip(textbook.state_dict(), built.state_dict().values(), strict=True)))
    x = torch.randn(5, 1, 28, 28)
    assert torch.equal(built(x), textbook(x))


def test_a_second_use_shares_the_weights() -> None:
    """One module, called twice: one entry in the state dict, and a gradient from both uses."""

    def twice(x: Value) -> Value:
        first = x(conv=Conv2d(out_channels=3, kernel_size=3, padding=1))
        return add(first, first.again("conv"))

    built = build(write(twice, name="twice", inputs={"x": Tensor((3, 6, 6))}))
    x = torch.randn(2, 3, 6, 6)
    conv = built.get_submodule("conv")
    assert list(built.state_dict()) == ["conv.weight", "conv.bias"]
    assert torch.equal(built(x), conv(x) + conv(conv(x)))


def test_several_inputs_and_outputs() -> None:
    """Inputs come in the network's order; several outputs come back as a tuple."""

    def two(x: Value, y: Value) -> tuple[Value, Value]:
        return x(a=ReLU()), y(b=Flatten(), c=Linear(out_features=2))

    built = build(write(two, name="two", inputs={"x": Tensor((3,)), "y": Tensor((2, 4))}))
    x, y = torch.randn(5, 3), torch.randn(5, 2, 4)
    first, second = built(x, y)
    assert torch.equal(first, x.relu())
    assert second.shape == (5, 2)


def test_paths_become_modules() -> None:
    """`block.conv` is the child `conv` of the child `block`, as its keys in the state dict say."""

    def nested(x: Value) -> Value:
        with x.block("block", "Block"):
            return x(conv=Conv2d(out_channels=2, kernel_size=1))

    written = write(nested, name="nested", inputs={"x": Tensor((1, 2, 2))})
    assert list(build(written).state_dict()) == ["block.conv.weight", "block.conv.bias"]
    assert written.blocks == {"block": "Block"}
    assert written.block_of("block.conv") == "block"
