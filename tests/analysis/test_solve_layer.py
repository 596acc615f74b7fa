"""Windows that turn one size into another: all of them, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from itertools import product
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncli.analysis.solve_layer import MOST, Solution, ask, nearest, reads_all, solutions, spreads_all
from cnncli.arithmetic.windows import Window, same, transposed
from cnncli.errors import CnncliError, RequestError
from cnncli.layers import Layer, Tensor, layer_kinds, make
from cnncli.layers.conv import Conv1d, Conv2d, Conv3d
from cnncli.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d
from cnncli.layers.linear import Linear
from cnncli.layers.pool import AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d

ALL = [Window(k, s, p, p, d) for k, s, p, d in product(range(1, 16), range(1, 9), range(8), range(1, 4))]
DICE = Random(55)  # noqa: S311  (no secret)
PAIRS = [
    (size, max(1, round(size * DICE.random() / DICE.choice((1, 2, 4, 8)))))
    for size in DICE.choices(range(1, 300), k=200)
]
"""Sizes and outputs, those of small strides as likely as those of large ones."""


def quadruples(found: list[Solution]) -> set[tuple[int, int, int, int]]:
    """Kernel, stride, padding and dilation of the first axis."""
    return {(each.kernel_size[0], each.stride[0], each.padding[0], each.dilation[0]) for each in found}


def test_complete_and_sound_for_200_random_pairs() -> None:
    """Exactly the windows of the default range that `sizes` says do it, for convolutions."""
    assert list(MOST.values()) == [15, 8, 7, 3]
    for size, output in PAIRS:
        wanted = {
            (window.kernel, window.stride, window.before, window.dilation)
            for window in ALL
            if window.fits(size) and window.count(size) == output
        }
        found = solutions(ask(Conv1d, size, output))
        assert quadruples(found) == wanted, (size, output)
        assert len(found) == len(wanted)


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool3d])
def test_pools_are_complete(kind: type[Layer], ceil: bool) -> None:  # noqa: FBT001
    """Exactly the windows whose layer takes the input and gives the output, both ways of rounding."""
    dilations = {"kernel_size": 7, "stride": 4, "padding": 3, "dilation": 3 if kind is MaxPool2d else 1}
    for size, output in [(3, 1), (5, 2), *PAIRS[:12]]:
        x = Tensor((1, *(size,) * kind.axes))  # type: ignore[attr-defined]
        wanted = set()
        for values in product(range(1, 8), range(1, 5), range(4), range(1, dilations["dilation"] + 1)):
            arguments = dict(zip(MOST, values, strict=True)) | {"ceil_mode": ceil}
            with suppress(RequestError):
                pool = make(
                    kind, arguments if kind is MaxPool2d else {k: v for k, v in arguments.items() if k != "dilation"}
                )
                wanted |= {values} if pool.outputs((x,))[0].shape[1] == output else set()
        assert quadruples(solutions(ask(kind, size, output, most=dilations, ceil=ceil))) == wanted, (size, output)


def test_transposed_convolutions_are_complete() -> None:
    """Every window with the output_padding, below the stride or the dilation, that closes the gap."""
    for output, size in PAIRS[:60]:
        wanted = {
            (window.kernel, window.stride, window.before, window.dilation, output - transposed(size, window))
            for window in ALL
            if 0 <= output - transposed(size, window) < max(window.stride, window.dilation)
        }
        found = solutions(ask(ConvTranspose1d, size, output))
        assert {(*each[:4], each.output_padding) for each in found} == {tuple((v,) for v in each) for each in wanted}


SOLVABLE = [kind for kind in layer_kinds().values() if "kernel_size" in [field.name for field in fields(kind)]]


@pytest.mark.parametrize("kind", SOLVABLE, ids=lambda kind: kind.kind)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_solution_is_a_layer_that_does_it(kind: type[Layer], data: st.DataObject) -> None:
    """The spec made of a solution's values takes the input and gives the output, for every kind with a window."""
    size = data.draw(st.integers(1, 40))
    output = data.draw(st.integers(1, 2 * size))
    ceil = "ceil_mode" in {field.name for field in fields(kind)} and data.draw(st.booleans())
    question = ask(kind, size, output, most={"kernel_size": 6, "stride": 4, "padding": 3, "dilation": 2}, ceil=ceil)
    for found in solutions(question):
        values = {part: value[0] for part, value in found._asdict().items() if part != "reads_all" and value}
        arguments = {part: value for part, value in values.items() if part in question.arguments}
        extra: dict[str, object] = {"out_channels": 2} if "out_channels" in question.arguments else {}
        extra |= {"ceil_mode": True} if ceil else {}
        extra |= {"table": ((0,), (1,))} if kind.kind == "partial-conv" else {}
        x = Tensor((2, *(size,) * kind.axes))  # type: ignore[attr-defined]
        layer = make(kind, arguments | extra).resolve((x,))
        assert set(layer.outputs((x,))[0].shape[1:]) == {output}


@settings(max_examples=200, deadline=None)
@given(
    st.builds(Window, st.integers(1, 6), st.integers(1, 8), st.integers(0, 5), st.just(0), st.integers(1, 4)),
    st.integers(1, 40),
)
def test_reading_all_is_touching_every_element(window: Window, size: int) -> None:
    """`reads_all` says what laying the windows out one by one says, gaps of stride and dilation included."""
    window = window._replace(after=window.before)
    if not window.fits(size):
        return
    for count in {window.count(size), window.count_ceil(size)}:
        places = {
            unit * window.stride - window.before + tap * window.dilation
            for unit in range(count)
            for tap in range(window.kernel)
        }
        assert reads_all(window, size, count) == (set(range(size)) <= places)


@pytest.mark.parametrize(("size", "output"), [(4, 7), (5, 12), (7, 14), (3, 20)])
def test_spreading_all_is_having_a_gradient_everywhere(size: int, output: int) -> None:
    """An input element of a transposed convolution counts exactly if it has a gradient in torch."""
    for found in solutions(ask(ConvTranspose1d, size, output, most={"kernel_size": 4, "padding": 5, "dilation": 2}))[
        ::3
    ]:
        parts = [part[0] for part in found[:5]]
        kernel, stride, padding, dilation, extra = parts
        module = torch.nn.ConvTranspose1d(1, 1, kernel, stride, padding, extra, dilation=dilation, bias=False)
        torch.nn.init.ones_(module.weight)
        x = torch.ones(1, 1, size, requires_grad=True)
        module(x).sum().backward()
        assert x.grad is not None
        assert found.reads_all == bool((x.grad > 0).all()), found
        assert found.reads_all == spreads_all(Window(kernel, stride, padding, padding, dilation), size, output)


@pytest.mark.parametrize(("output", "padding", "within"), [(54, 1, 3), (55, 2, 6)])
def test_the_textbooks_first_convolution_comes_early(output: int, padding: int, within: int) -> None:
    """AlexNet's 11×11/4 is among the first to turn 224 into 54 or 55."""
    found = solutions(ask(Conv2d, 224, output))
    wanted = ((11,), (4,), (padding,), (1,))
    assert [each[:4] for each in found].index(wanted) < within


def test_the_simplest_comes_first() -> None:
    """Keeping the size is 1×1 and 3×3 padded by one; halving is 3×3/2 padded by one, or a 2×2/2 pool."""
    assert [each[0] + each[1] + each[2] for each in solutions(ask(Conv2d, 28, 28))[:2]] == [(1, 1, 0), (3, 1, 1)]
    assert solutions(ask(Conv2d, 224, 112))[0] == ((3,), (2,), (1,), (1,), (), True)
    assert solutions(ask(MaxPool2d, 224, 112))[0] == ((2,), (2,), (0,), (1,), (), True)
    assert solutions(ask(ConvTranspose2d, 7, 14))[0] == ((2,), (2,), (0,), (1,), (0,), True)
    dilations = [each.dilation for each in solutions(ask(Conv2d, 224, 55))]
    assert dilations == sorted(dilations)


def test_marks_what_reads_every_pixel() -> None:
    """11×11/4 reads all of 224 with padding 2, leaves the last two out with padding 1; 1×1/2 leaves gaps, so do even taps."""
    marks = {each[:4]: each.reads_all for each in (*solutions(ask(Conv2d, 224, 54)), *solutions(ask(Conv2d, 224, 55)))}
    assert marks[(11,), (4,), (2,), (1,)]
    assert not marks[(11,), (4,), (1,), (1,)]
    assert not solutions(ask(Conv2d, 5, 3, {"kernel_size": 1}))[0].reads_all
    assert not solutions(ask(Conv2d, 224, 55, {"kernel_size": 11, "dilation": 2}))[0].reads_all


def test_what_is_given_stands_fast() -> None:
    """Given values are kept, even beyond the searched range; the rest is solved for."""
    found = solutions(ask(Conv2d, 224, 55, {"kernel_size": 11, "stride": 4}))
    assert {(each.kernel_size, each.stride) for each in found} == {((11,), (4,))}
    assert found == [each for each in solutions(ask(Conv2d, 224, 55)) if each[:2] == ((11,), (4,))]
    assert solutions(ask(Conv2d, 224, 1, {"kernel_size": 224, "padding": 0}))[0][:4] == ((224,), (1,), (0,), (1,))


def test_one_value_serves_both_axes_unless_two_are_given() -> None:
    """224×200 → 55×49 has one square window for both axes; 3×5 kernels need 20×30 → 18×26."""
    both = solutions(ask(Conv2d, (224, 200), (55, 49)))
    assert quadruples(both) == quadruples(solutions(ask(Conv2d, 224, 55))) & quadruples(solutions(ask(Conv2d, 200, 49)))
    assert both[0].kernel_size == (5, 5)
    assert [each[:2] for each in solutions(ask(Conv2d, (20, 30), (18, 26), {"kernel_size": (3, 5)}))] == [
        ((3, 5), (1, 1))
    ]
    assert not solutions(ask(Conv2d, (224, 200), (55, 50)))


def test_same_padding_keeps_the_size_at_stride_one() -> None:
    """`same` pads by d·(k−1) in all: every kernel and dilation keeps the size, none changes it."""
    assert len(solutions(ask(Conv2d, 28, 28, {"padding": "same"}))) == 15 * 3
    assert not solutions(ask(Conv2d, 28, 27, {"padding": "same"}))
    assert all(
        sum(same(each.kernel_size[0])) // 2 == each.padding[0]
        for each in solutions(ask(Conv2d, 9, 9, {"padding": "same", "dilation": 1}))
    )
    assert solutions(ask(Conv2d, 28, 26, {"padding": "valid"})) == solutions(ask(Conv2d, 28, 26, {"padding": 0}))


def test_the_nearest_outputs_are_reached() -> None:
    """Where nothing fits, the two nearest outputs are given, and they have solutions."""
    question = ask(Conv2d, 224, 113, {"kernel_size": 11, "stride": 4})
    assert solutions(question) == []
    assert nearest(question) == [(57,), (56,)]
    assert all(solutions(ask(Conv2d, 224, output[0], {"kernel_size": 11, "stride": 4})) for output in nearest(question))
    assert nearest(ask(Conv2d, 5, 3, {"kernel_size": 99, "dilation": 1, "padding": 0})) == []
    pool = ask(MaxPool2d, 2, 9, {"kernel_size": 3})
    assert all(solutions(ask(MaxPool2d, 2, output[0], {"kernel_size": 3})) for output in nearest(pool))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Linear, {}, "linear has no window to solve for; the kinds that have one: conv1d, conv"),
        (Conv2d, {"kernel_size": 0}, "kernel_size 0×0 is too small; the least is 1"),
        (Conv2d, {"kernel_size": (3, 3, 3)}, "kernel_size 3×3×3 has 3 values"),
        (Conv2d, {"kernel_size": "lots"}, "kernel_size takes a number or one an axis .3x5., not 'lots'"),
        (Conv2d, {"padding": "same", "stride": 2}, "padding same needs stride 1"),
        (MaxPool2d, {"padding": "same"}, "padding same means nothing to max-pool"),
        (Conv3d, {"kernel_size": 100_000}, "100,000 is beyond 65,536"),
    ],
)
def test_what_cannot_be_asked(kind: type[Layer], values: dict[str, object], message: str) -> None:
    """Kinds without a window, values that no layer takes and numbers out of all proportion are refused in one line."""
    with pytest.raises(RequestError, match=message) as raised:
        ask(kind, 28, 28, values)
    assert "\n" not in str(raised.value)


def test_a_search_that_would_take_too_long_is_refused_at_once() -> None:
    """A widened search says how many windows it would try, before it has made any of them."""
    with pytest.raises(CnncliError, match="there are 36,000,000,000 windows to try"):
        ask(MaxPool1d, 28, 14, most={"kernel_size": 10**9, "stride": 12, "padding": 0, "dilation": 3})


def test_average_pools_do_not_dilate() -> None:
    """A kind that takes no dilation is searched without."""
    assert {each.dilation for each in solutions(ask(AvgPool2d, 224, 112))} == {(1,)}
