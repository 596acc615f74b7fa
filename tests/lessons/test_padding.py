"""Padding: sizes as in the guide to convolution arithmetic, and counts as torch's gradients give them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from cnncli.errors import RequestError, ShapeError
from cnncli.lessons.padding import choices
from tests.lessons.draws import pairs, sides


def test_corners_are_read_once_and_the_middle_by_every_tap() -> None:
    """5×5 with a 3×3 kernel: the map of counts, and what each choice makes of it."""
    found = choices((5, 5), 3, 1, 1, 0)
    assert found[0].counts == [[1, 2, 3, 2, 1], [2, 4, 6, 4, 2], [3, 6, 9, 6, 3], [2, 4, 6, 4, 2], [1, 2, 3, 2, 1]]
    assert [(each.name, each.output, each.corner, each.middle) for each in found] == [
        ("valid", (3, 3), 1, 9),
        ("same", (5, 5), 4, 9),
        ("full", (7, 7), 9, 9),
    ]


@pytest.mark.parametrize(
    ("input", "k", "stride", "pad", "dilation", "output"),
    [
        (4, 3, 1, 0, 1, 2),  # figure 2.1 of Dumoulin & Visin: no padding, no strides
        (5, 4, 1, 2, 1, 6),  # 2.2: arbitrary padding
        (5, 3, 1, 1, 1, 5),  # 2.3: half (same) padding
        (5, 3, 1, 2, 1, 7),  # 2.4: full padding
        (5, 3, 2, 0, 1, 2),  # 2.5: no padding, strides
        (5, 3, 2, 1, 1, 3),  # 2.6: padding and strides
        (6, 3, 2, 1, 1, 3),  # 2.7: the same output from a larger input
        (7, 3, 1, 0, 2, 3),  # 5.1: dilation
    ],
)
def test_the_figures_of_the_guide(  # noqa: PLR0917  (a case of a table)
    input: int, k: int, stride: int, pad: int, dilation: int, output: int
) -> None:
    """Each with the size that its caption gives."""
    assert choices((input, input), k, stride, dilation, pad)[0].output == (output, output)


def test_rounding_down_leaves_the_last_pixels_unread() -> None:
    """Figure 2.7: the last row and column of 6×6, padding included, are not read; without padding it is a row and a column."""
    assert choices((6, 6), 3, 2, 1, 1)[0].unread == 0
    found = choices((6, 6), 3, 2, 1, 0)[0]
    assert found.unread == 11
    assert found.counts[5] == [0] * 6


@given(st.data())
def test_counts_are_torch_s_gradients(data: st.DataObject) -> None:
    """The gradient of the sum of a convolution with ones is how often a pixel is read; what is left of all reads is padding."""
    size, kernel = (data.draw(sides), data.draw(sides)), data.draw(pairs)
    stride, dilation = data.draw(pairs), data.draw(pairs)
    pad = data.draw(st.one_of(pairs, st.just("valid"), st.just("same")))
    stride = (1, 1) if pad == "same" else stride
    try:
        found = choices(size, kernel, stride, dilation, pad)
    except ShapeError:
        assume(False)  # noqa: FBT003  (hypothesis takes it so)
    for each in found:
        (down, right), x = each.windows, torch.zeros(1, 1, *size, requires_grad=True)
        padded = nn.functional.pad(x, (right.before, right.after, down.before, down.after))
        y = nn.functional.conv2d(padded, torch.ones(1, 1, *kernel), stride=stride, dilation=dilation)
        y.sum().backward()
        assert x.grad is not None
        counts = np.array(each.counts)
        assert np.array_equal(counts, x.grad[0, 0].numpy())
        assert each.output == tuple(y.shape[2:])
        assert each.unread == (counts == 0).sum()
        assert each.most == counts.max()
        assert each.corner == counts[0, 0]
        assert each.middle == counts[size[0] // 2, size[1] // 2]
        assert each.in_padding == y.numel() * np.prod(kernel) - counts.sum()


def test_what_was_asked_for_comes_first_and_none_comes_twice() -> None:
    """Under its usual name where it has one; what does not fit is left out."""
    assert [each.name for each in choices((5, 5), 3, 1, 1, 1)] == ["same", "valid", "full"]
    assert [each.name for each in choices((5, 5), 5, 1, 1, 1)] == ["padding 1", "valid", "same", "full"]
    assert [each.name for each in choices((2, 2), 3, 1, 1, 1)] == ["same", "full"]
    assert [each.name for each in choices((5, 5), 1, 1, 1, 0)] == ["valid", "same", "full"]


def test_what_does_not_work_says_so() -> None:
    """Windows larger than the input, numbers nobody means, shapes that are none."""
    with pytest.raises(ShapeError, match="smaller than the 6×6 window"):
        choices((5, 5), 6, 1, 1, 0)
    with pytest.raises(RequestError, match="padding same needs stride 1"):
        choices((5, 5), 3, 2, 1, "same")
    with pytest.raises(RequestError, match="--input 1×5×5 is no height and width up to 2,048"):
        choices((1, 5, 5), 3, 1, 1, 0)
    with pytest.raises(RequestError, match="--k and --pad go up to 2,048"):
        choices((5, 5), 3, 1, 1, 10**9)
