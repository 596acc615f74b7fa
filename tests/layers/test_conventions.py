"""Output sizes by the conventions of torch, Caffe and TensorFlow, and what rounding down leaves out."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cnncli.layers import Layer, Shape
from cnncli.layers.conv import Conv2d
from cnncli.layers.conventions import disagreement, outcomes, under, unread
from cnncli.layers.factory import single_layer
from cnncli.layers.pool import MaxPool2d


def sizes(layer: Layer, shape: Shape) -> dict[str, Shape]:
    """The outcomes for `layer` on `shape`."""
    kind = type(layer)
    return outcomes(*single_layer(kind, layer.config, shape))


def test_the_textbooks_saying_is_caffes() -> None:
    """AlexNet's first pool on 54×54: 26 by torch, 27 by Caffe, which rounds up; a convolution rounds down in both."""
    assert sizes(MaxPool2d(kernel_size=3, stride=2), (96, 54, 54)) == {
        "torch": (26, 26),
        "caffe": (27, 27),
        "tf-same": (27, 27),
        "tf-valid": (26, 26),
    }
    found = sizes(Conv2d(out_channels=4, kernel_size=3, stride=2), (3, 54, 54))
    assert found["torch"] == found["caffe"] == (26, 26)


@given(n=st.integers(1, 40), k=st.integers(1, 7), s=st.integers(1, 5), ceil=st.booleans())
def test_whose_rule_it_is_stands_where_a_pool_s_rounding_matters(n: int, k: int, s: int, *, ceil: bool) -> None:
    """With the size that rounding up gives; nowhere else, and never at a convolution."""
    assume(k <= n)
    layer, call = single_layer(MaxPool2d, {"kernel_size": k, "stride": s, "ceil_mode": ceil}, (2, n, n))
    size = layer.formulas(call)[0]
    down, up = (n - k) // s + 1, layer.windows[0].count_ceil(n)  # type: ignore[attr-defined]
    assert ("Caffe's rule" in size.note) == (down != up)
    assert size.note.endswith("as here" if ceil else f"which gives {up}×{up}") or down == up
    layer, call = single_layer(Conv2d, {"out_channels": 4, "kernel_size": k, "stride": s}, (2, n, n))
    assert not any("Caffe" in each.note for each in layer.formulas(call))


@given(n=st.integers(1, 40), k=st.integers(1, 7), s=st.integers(1, 5))
def test_tensorflow_counts_starts(n: int, k: int, s: int) -> None:
    """SAME: a window starts at every stride; VALID: at every stride that leaves room for it."""
    if n < k:
        return
    found = sizes(MaxPool2d(kernel_size=k, stride=s), (1, n, n))
    assert found["tf-same"][0] == len(range(0, n, s))
    assert found["tf-valid"][0] == len(range(0, n - k + 1, s)) == found["torch"][0]


@given(n=st.integers(1, 40), k=st.integers(1, 7), s=st.integers(1, 5), p=st.integers(0, 3))
def test_unread_is_what_no_window_touches(n: int, k: int, s: int, p: int) -> None:
    """Counted by sliding the window: the elements at the far end that it never covers."""
    if n + 2 * p < k:
        return
    layer, call = single_layer(Conv2d, {"out_channels": 1, "kernel_size": k, "stride": s, "padding": p}, (1, n, n))
    starts = range(-p, n + p - k + 1, s)
    last = max(start + k for start in starts)
    lost = max(0, n - last)
    words = unread(layer, call)
    assert ("never read" in words) == (lost > 0)
    if lost > 1:
        assert f"the last {lost} rows and the last {lost} columns are never read" == words


def test_a_convention_replaces_the_size_and_what_follows_from_it() -> None:
    """Under Caffe's rule the pool's connections are counted on its larger output."""
    layer, call = single_layer(MaxPool2d, {"kernel_size": 3, "stride": 2}, (96, 54, 54))
    use, formulas = under("caffe", layer, call)
    assert use.y.shape == (96, 27, 27)
    assert layer.connections(use) == 96 * 27 * 27 * 9
    assert [found.value for found in formulas] == [27]


def test_agreement_is_not_mentioned() -> None:
    """Where all conventions give one size there is nothing to say."""
    assert disagreement(*single_layer(MaxPool2d, {"kernel_size": 2}, (6, 28, 28))) == ""


def test_a_convention_needs_a_window() -> None:
    """It means nothing to a layer without one."""
    from cnncli.errors import RequestError
    from cnncli.layers.activation import ReLU

    with pytest.raises(RequestError, match="needs a layer with a window"):
        under("caffe", *single_layer(ReLU, {}, (3, 8, 8)))
