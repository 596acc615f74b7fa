"""Pooling: the notes' figures, and torch's for everything else, gradients included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from cnncli.errors import RequestError, ShapeError
from cnncli.lessons.pooling import NOTES, arange, gradient, pooling, saving, steps
from tests.lessons.draws import maps, pairs, sides


def test_the_notes_example() -> None:
    """0 … 31 as 2×4×4, kernel 3, padding 1, stride (2, 1): channel 0, by max and by mean, padding counted."""
    assert pooling("max", arange(), NOTES).y[0].tolist() == [[5, 6, 7, 7], [13, 14, 15, 15]]
    mean = pooling("avg", arange(), NOTES).y[0]
    assert mean.round(4).tolist() == [[1.1111, 2, 2.6667, 2], [5.6667, 9, 10, 7]]


@given(st.data())
def test_torch_agrees(data: st.DataObject) -> None:
    """Any size, window, stride, padding, dilation, rounding and way of counting: results, gradients and the steps' sums."""
    mode = data.draw(st.sampled_from(["max", "avg"]))
    x = data.draw(maps(data.draw(st.integers(1, 3)), data.draw(sides), data.draw(sides)))
    kernel = data.draw(pairs)
    arguments: dict[str, object] = {"kernel_size": kernel, "ceil_mode": data.draw(st.booleans())}
    arguments["padding"] = tuple(data.draw(st.integers(0, size // 2)) for size in kernel)
    arguments |= data.draw(st.sampled_from([{}, {"stride": data.draw(pairs)}]))
    if mode == "max":
        arguments["dilation"] = data.draw(pairs)
    else:
        arguments["count_include_pad"] = data.draw(st.booleans())
    try:
        found = pooling(mode, x, arguments)  # type: ignore[arg-type]
    except ShapeError:
        assume(False)  # noqa: FBT003  (hypothesis takes it so)
    kind = nn.MaxPool2d if mode == "max" else nn.AvgPool2d
    tensor = torch.tensor(x, requires_grad=True)
    wanted = kind(**arguments)(tensor)  # type: ignore[arg-type]
    wanted.sum().backward()
    assert np.allclose(found.y, wanted.detach().numpy(), rtol=0, atol=1e-9)
    assert tensor.grad is not None
    assert np.allclose(gradient(found), tensor.grad.numpy(), rtol=0, atol=1e-9)
    for each in steps(found):
        value = max(each.inside) if mode == "max" else sum(each.inside) / each.divisor
        assert value == pytest.approx(found.y[each.place], abs=1e-9)


def test_of_equal_numbers_the_first_wins() -> None:
    """As in torch: row by row."""
    found = pooling("max", np.ones((1, 2, 4)), {"kernel_size": 2})
    assert gradient(found).tolist() == [[[1, 0, 1, 0], [0, 0, 0, 0]]]


def test_a_gradient_is_shared_out() -> None:
    """Every output element sends back 1: nothing is lost but what goes to padding."""
    for mode in ("max", "avg"):
        found = pooling(mode, arange(), {"kernel_size": 2})  # type: ignore[arg-type]
        assert gradient(found).sum() == found.y.size
    assert gradient(pooling("avg", arange(), {"kernel_size": 2})).tolist() == np.full((2, 4, 4), 0.25).tolist()


def test_what_pools_save_in_lenet() -> None:
    """The first dense layer's parameters, computed from the network: (16·5·5 + 1)·120 and (16·24·24 + 1)·120."""
    assert saving() == ("lenet", "fc1", 48_120, 1_106_040)
    assert saving("vgg11").whole > saving("vgg11").pooled


def test_what_does_not_fit_says_so() -> None:
    """Sizes, padding beyond half the window, and too many steps."""
    with pytest.raises(ShapeError, match="smaller than the 5×5 window"):
        pooling("max", arange(), {"kernel_size": 5})
    with pytest.raises(RequestError, match="padding 2 is more than half of the kernel 2"):
        pooling("avg", arange(), {"kernel_size": 2, "padding": 2})
    with pytest.raises(RequestError, match="--step would walk 10,000 windows"):
        steps(pooling("max", np.ones((1, 100, 100)), {"kernel_size": 1}))
