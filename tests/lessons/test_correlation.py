"""Cross-correlation: the textbook's figures, and torch's for everything else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from cnncli.errors import CheckFailed, RequestError, ShapeError, UnknownName
from cnncli.lessons import correlation as lesson
from cnncli.lessons.arrays import read_array, read_maps
from cnncli.lessons.correlation import by_loop, correlation, difference, kernel_named, parts, step, steps
from cnncli.lessons.kernels import KERNELS
from tests.lessons.draws import maps, pairs, sides

X, K = read_maps("0 1 2; 3 4 5; 6 7 8"), read_array("0 1; 2 3")


def test_the_textbook_s_examples() -> None:
    """d2l: one channel; two channels added up; three kernels of two channels each; a 1×1 kernel over channels."""
    assert correlation(X, K, {}).y.tolist() == [[[19, 25], [37, 43]]]
    two, kernel = np.stack([X[0], X[0] + 1]), np.stack([K, K + 1])
    assert correlation(two, kernel, {}).y.tolist() == [[[56, 72], [104, 120]]]
    three = np.stack([kernel, kernel + 1, kernel + 2])
    assert correlation(two, three, {}).y.tolist() == [
        [[56, 72], [104, 120]],
        [[76, 100], [148, 172]],
        [[96, 128], [192, 224]],
    ]
    assert correlation(X, K, {"padding": "same"}).y.shape == (1, 3, 3)
    assert correlation(X, K, {"padding": 1}).y.tolist() == [
        [[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]
    ]
    assert correlation(X, K, {"padding": 1, "stride": (3, 2)}).y.tolist() == [[[0, 8], [6, 8]]]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@given(st.data())
def test_torch_and_the_loop_agree(data: st.DataObject) -> None:
    """Any size, kernel, stride, padding (unequal sides too), dilation, channels and bias; so do the sums of the steps."""
    c, o = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    x = data.draw(maps(c, data.draw(sides), data.draw(sides)))
    axes = data.draw(st.sampled_from([(), (c,), (o, c)]))
    kernel = data.draw(maps(*axes, *data.draw(pairs)))
    arguments: dict[str, object] = {"stride": data.draw(pairs), "dilation": data.draw(pairs)}
    arguments["padding"] = data.draw(st.one_of(st.integers(0, 3), pairs, st.sampled_from(["same", "valid"])))
    if arguments["padding"] == "same":
        arguments["stride"] = 1
    bias = data.draw(st.one_of(st.none(), maps(1), maps(c if not axes else 1 if len(axes) == 1 else o)))
    flip = data.draw(st.booleans())
    try:
        found = correlation(x, kernel, arguments, bias=bias, flip=flip)
    except ShapeError:
        assume(False)  # noqa: FBT003  (hypothesis takes it so)
    turned = kernel[..., ::-1, ::-1].copy() if flip else kernel
    weight = torch.tensor(
        np.broadcast_to(turned, (c, 1, *turned.shape)) if not axes else turned if len(axes) == 2 else turned[None]
    )
    layer = found.layer
    wanted = torch.nn.functional.conv2d(
        torch.tensor(x), weight.contiguous(), None if bias is None else torch.tensor(np.broadcast_to(bias, (len(weight),)).copy()),
        stride=layer.strides, padding=arguments["padding"] if isinstance(arguments["padding"], str) else layer.padding,  # type: ignore[arg-type]
        dilation=arguments["dilation"], groups=c if not axes else 1,  # type: ignore[arg-type]
    ).numpy()  # fmt: skip
    assert np.allclose(found.y, wanted, rtol=0, atol=1e-9)
    assert np.allclose(by_loop(found), wanted, rtol=0, atol=1e-9)
    assert difference(found) <= 1e-9
    if not found.alone:
        assert np.allclose(np.sum(parts(found, 0), axis=0) + found.bias[0], found.y[0], rtol=0, atol=1e-9)
    for each in steps(found):
        assert each.value == found.y[each.place]
        assert sum(a * b for channel in each.terms for a, b in channel) + each.bias == pytest.approx(
            each.value, abs=1e-9
        )


def test_a_true_convolution_turns_the_kernel() -> None:
    """By 180°, as scipy and image processing do; a symmetric kernel does not change."""
    assert correlation(X, K, {}, flip=True).y.tolist() == [[[5, 11], [23, 29]]]
    assert correlation(X, K[::-1, ::-1], {}).y.tolist() == [[[5, 11], [23, 29]]]
    gaussian = np.array(KERNELS["gaussian"].matrix)
    assert np.array_equal(correlation(X, gaussian, {}, flip=True).y, correlation(X, gaussian, {}).y)


def test_a_step_tells_where_and_what() -> None:
    """The window's corner in the padded input, and the pairs that are multiplied."""
    found = step(correlation(X, K, {"padding": 1, "stride": 2}), 0, 1, 0)
    assert (found.corner, found.value) == ((2, 0), 21)
    assert found.terms == (((0, 0), (3, 1), (0, 2), (6, 3)),)


def test_what_does_not_fit_says_so() -> None:
    """Channels, sizes, biases, and results that no computer holds."""
    with pytest.raises(ShapeError, match="the kernel has 2 channels, the input 1; write a matrix for each"):
        correlation(X, read_array("1 | 2"), {})
    with pytest.raises(ShapeError, match="smaller than the 4×4 window"):
        correlation(X, np.ones((4, 4)), {})
    with pytest.raises(RequestError, match="--bias has 2 numbers for 1 output map; write 1 or 1"):
        correlation(X, K, {}, bias=np.ones((1, 2)))
    with pytest.raises(ShapeError, match=r"padded input would have 400,\d+,009 numbers, more than 50,000,000"):
        correlation(X, K, {"padding": 10_000})
    with pytest.raises(RequestError, match="--step would walk 9,801 windows over a 1×100×100 input"):
        steps(correlation(np.ones((1, 100, 100)), K, {}))


def test_a_wrong_result_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison with torch can fail."""
    found = correlation(X, K, {})
    assert difference(found) == 0
    monkeypatch.setattr(lesson, "by_loop", lambda _: found.y)
    object.__setattr__(found, "y", found.y + 1e-6)
    with pytest.raises(CheckFailed, match="differs by up to 1e-06"):
        difference(found)


def test_named_kernels() -> None:
    """Blurs keep the brightness, detectors of edges see none where all is even, and directions are as their names say."""
    for name, (matrix, about) in KERNELS.items():
        kernel = np.array(matrix)
        assert kernel.ndim == 2
        assert about
        total = 0 if name.startswith(("sobel", "prewitt", "scharr", "laplacian")) else 1
        assert kernel.sum() == pytest.approx(total), name
    ramp = np.tile(np.arange(5.0), (5, 1))[None]
    for name in ("sobel", "prewitt", "scharr"):
        across, down = (np.array(KERNELS[name + axis].matrix) for axis in ("", "-y"))
        assert (correlation(ramp, across, {}).y > 0).all()
        assert not correlation(ramp, down, {}).y.any()
        assert np.array_equal(across, down.T)


def test_a_kernel_is_named_or_written() -> None:
    """Names in any case; a wrong one gets the nearest; else an array."""
    assert kernel_named(" Sobel_Y ")[1] is KERNELS["sobel-y"]
    assert kernel_named("0 1; 2 3")[0].tolist() == K.tolist()
    assert kernel_named("1/9 1e0")[1] is None
    with pytest.raises(UnknownName, match="unknown kernel 'sobell'; did you mean 'sobel'"):
        kernel_named("sobell")
