"""Window arithmetic against counting by hand, and against torch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from cnncli.arithmetic.windows import (
    Window,
    adaptive,
    adaptive_elements,
    interpolated,
    mirrored,
    readers,
    same,
    transposed,
)

windows = st.builds(
    Window, st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)
)
sizes = st.integers(1, 20)


def starts(window: Window, size: int) -> list[int]:
    """Where windows that lie in the padded axis start, counted one after the other."""
    first = range(-window.before, size + window.after - window.extent + 1, window.stride)
    return list(first)


@given(windows, sizes)
def test_count_is_what_counting_gives(window: Window, size: int) -> None:
    """As many windows as can be laid one after the other; none fit where the formula would say so."""
    assert window.fits(size) == bool(starts(window, size))
    if window.fits(size):
        assert window.count(size) == len(starts(window, size))


@given(windows, sizes)
def test_taps_are_what_counting_gives(window: Window, size: int) -> None:
    """Every tap of every window that falls on the axis, and whether some window has none."""
    taps = [
        sum(0 <= start + tap < size for tap in range(0, window.extent, window.dilation))
        for start in starts(window, size)
    ]
    assert window.taps(size, len(taps)) == sum(taps)
    assert window.blind(size, len(taps)) == (0 in taps)


@given(windows, sizes)
def test_unread_is_what_no_window_reads(window: Window, size: int) -> None:
    """Elements after the last window's last."""
    if window.fits(size):
        last = starts(window, size)[-1] + window.extent
        assert window.unread(size) == max(0, size - last)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), sizes)
def test_ceil_mode_is_torchs(kernel: int, stride: int, padding: int, size: int) -> None:
    """Rounding up, less the window that would start in the far padding."""
    window = Window(kernel, stride, min(padding, kernel // 2), min(padding, kernel // 2))
    if window.count_ceil(size) >= 1:
        x = torch.zeros(1, 1, size)
        assert (
            window.count_ceil(size) == functional.max_pool1d(x, kernel, stride, window.before, ceil_mode=True).shape[-1]
        )


@pytest.mark.parametrize(
    ("size", "floor", "ceil"), [(224, 111, 112), (109, 54, 54), (112, 55, 56), (4, 1, 2), (3, 1, 1)]
)
def test_a_pool_of_3_by_2(size: int, floor: int, ceil: int) -> None:
    """Rounding differs where the last window sticks out."""
    assert (Window(3, 2).count(size), Window(3, 2).count_ceil(size)) == (floor, ceil)


@given(st.integers(1, 7), st.integers(1, 3), sizes)
def test_same_keeps_the_size(kernel: int, dilation: int, size: int) -> None:
    """At stride 1, with the odd element after."""
    before, after = same(kernel, dilation)
    assert Window(kernel, 1, before, after, dilation).count(size) == size
    assert after - before in (0, 1)


@given(windows, sizes)
def test_transposed_undoes_count(window: Window, size: int) -> None:
    """A transposed convolution with the right output padding gives back the size that a convolution took."""
    if window.fits(size):
        left = (size + window.before + window.after - window.extent) % window.stride
        assert transposed(window.count(size), window, left) == size


@given(windows, st.integers(1, 8))
def test_readers_are_the_inputs_that_reach_a_unit(window: Window, size: int) -> None:
    """Input i puts its kernel's tap t on output i·s − p + d·t: the first and last such i, in an endless input."""
    for unit in range(max(0, transposed(size, window))):
        reach = [
            i
            for i in range(-20, size + 40)
            if any(i * window.stride - window.before + window.dilation * tap == unit for tap in range(window.kernel))
        ]
        assert readers(window, unit) == ((reach[0], reach[-1] + 1) if reach else (0, 0))


@given(windows, sizes, st.sampled_from(["reflect", "replicate", "circular"]))
def test_mirrored_is_what_torch_pads_with(window: Window, size: int, mode: str) -> None:
    """An axis that holds its own places, padded by torch, shows where each window looks."""
    most = {"reflect": size - 1, "circular": size, "replicate": 9}[mode]
    if max(window.before, window.after) > most or not window.fits(size):
        return
    shown = functional.pad(torch.arange(float(size))[None, None], (window.before, window.after), mode)[0, 0].tolist()
    for unit in range(window.count(size)):
        taps = shown[unit * window.stride : unit * window.stride + window.extent : window.dilation]
        assert mirrored(window, unit, size, mode) == (int(min(taps)), int(max(taps)) + 1)


@given(sizes, st.integers(1, 12))
def test_adaptive_windows_are_torchs(size: int, output: int) -> None:
    """Each window's mean over places is that of its ends; together they read n + m − gcd(n, m) elements."""
    found = adaptive(size, output)
    means = functional.adaptive_avg_pool1d(torch.arange(float(size))[None, None], output)[0, 0].tolist()
    assert [(start + end - 1) / 2 for start, end in found] == pytest.approx(means)
    assert adaptive_elements(size, output) == sum(end - start for start, end in found)


@given(st.integers(1, 12), st.integers(1, 24), st.booleans(), st.sampled_from([2, 4]))
def test_interpolation_reads_what_torch_mixes(size: int, output: int, corners: bool, taps: int) -> None:  # noqa: FBT001
    """Linear and cubic interpolation to a given size, by the gradient of each unit."""
    windows = interpolated(size, output, None, taps=taps, corners=corners)
    x = torch.zeros(1, 1, size, 1, dtype=torch.float64, requires_grad=True)
    mode = {2: "bilinear", 4: "bicubic"}[taps]
    y = functional.interpolate(x, (output, 1), mode=mode, align_corners=corners)[0, 0, :, 0]
    for unit, window in enumerate(windows):
        (gradient,) = torch.autograd.grad(y[unit], x, retain_graph=True)
        reached = (gradient[0, 0, :, 0].abs() > 1e-12).nonzero().flatten().tolist()
        assert (reached[0], reached[-1] + 1) == window


@given(st.integers(1, 12), st.sampled_from([1, 2, 3, 4, 0.5, 1.5, 2.5]))
def test_nearest_repeats_what_torch_repeats(size: int, factor: float) -> None:
    """By a factor."""
    x = torch.arange(float(size))[None, None]
    if int(size * factor) >= 1:
        repeated = functional.interpolate(x, scale_factor=factor, mode="nearest")[0, 0].tolist()
        assert [start for start, _ in interpolated(size, len(repeated), factor, taps=1)] == repeated
