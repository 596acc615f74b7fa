"""A bottleneck's figures: the textbook's, torch's, and the break-even width on both sides."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncli.errors import RequestError
from cnncli.layers.conv import Conv2d
from cnncli.lessons.bottleneck import bottleneck
from tests.layers.evaluate import evaluate

SMALL = st.integers(1, 40)
KERNELS = st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5]))


def test_the_textbooks_path() -> None:
    """Inception 3a's 5×5 path: 120.4 million MACs become 12.4 million."""
    found = bottleneck(Conv2d(out_channels=32, kernel_size=5, padding=2), 16, (192, 28, 28))
    assert found.direct.totals.macs == 120_422_400
    assert found.through.totals.macs == 12_443_648
    assert (found.direct.totals.params, found.through.totals.params) == (153_632, 15_920)
    assert [each.value for each in found.break_even] == [154, 154]


@settings(deadline=None)
@given(SMALL, SMALL, SMALL, KERNELS, st.booleans())
def test_break_even_holds_on_both_sides(cin: int, mid: int, cout: int, kernel: tuple[int, int], bias: bool) -> None:  # noqa: FBT001
    """At the break-even width the path costs no more than without, one channel wider it costs more; the formula evaluates to it."""
    wide = Conv2d(out_channels=cout, kernel_size=kernel, padding=(kernel[0] // 2, kernel[1] // 2), bias=bias)
    found = bottleneck(wide, mid, (cin, 7, 6))
    direct = (found.direct.totals.params, found.direct.totals.macs)
    for figure, even in enumerate(found.break_even):
        assert evaluate(even.numbers) == even.value
        assert even.value == 0 or found.costs(even.value)[figure] <= direct[figure]
        assert found.costs(even.value + 1)[figure] > direct[figure]
    assert found.costs(mid) == (found.through.totals.params, found.through.totals.macs)


@settings(deadline=None)
@given(SMALL, SMALL, SMALL, st.sampled_from([1, 3, 5]))
def test_parameters_are_torchs(cin: int, mid: int, cout: int, k: int) -> None:
    """Both paths, built from torch.nn; and the same size comes out of both."""
    found = bottleneck(Conv2d(out_channels=cout, kernel_size=k, padding=k // 2), mid, (cin, 6, 9))
    with torch.device("meta"):
        direct = nn.Conv2d(cin, cout, k, padding=k // 2)
        through = nn.Sequential(nn.Conv2d(cin, mid, 1), nn.Conv2d(mid, cout, k, padding=k // 2))
        x = torch.empty(1, cin, 6, 9)
    for module, path in ((direct, found.direct), (through, found.through)):
        assert path.totals.params == sum(each.numel() for each in module.parameters())
        assert path.rows[-1].call.y.shape == tuple(module(x).shape[1:]) == (cout, 6, 9)


def test_what_no_layer_takes_is_refused() -> None:
    """Channels below 1."""
    with pytest.raises(RequestError):
        bottleneck(Conv2d(out_channels=3, kernel_size=3), 0, (3, 8, 8))
