"""Receptive fields: chains and branches against gradients, and the arithmetic of reaches by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cnncli.analysis.report import report
from cnncli.arithmetic.receptive_field import Field, Reach, entry, hull, uneven, union
from cnncli.arithmetic.unit_boxes import TooManyUnitsError, end_to_end, nothing
from cnncli.arithmetic.windows import Window
from cnncli.build import build
from cnncli.layers import Layer, Tensor
from cnncli.layers.activation import Sigmoid
from cnncli.layers.adaptive import AdaptiveAvgPool2d
from cnncli.layers.conv import Conv2d
from cnncli.layers.conv_transpose import ConvTranspose2d
from cnncli.layers.linear import Linear
from cnncli.layers.merge import Concat, Mul
from cnncli.layers.norm import BatchNorm2d, GroupNorm, LayerNorm
from cnncli.layers.pool import AvgPool2d
from cnncli.layers.resize import PixelShuffle, Upsample, ZeroPad2d
from cnncli.layers.shape import Flatten, Permute, Reshape, Slice, Unflatten
from cnncli.network import Network
from cnncli.network.builder import Value, add, concat, write

Boxes = list[tuple[int, int]]


def claimed_and_seen(network: Network) -> list[tuple[Boxes, Boxes]]:
    """Of the first, the last and two more units of the network's output: what the report claims, and what the gradient shows."""
    field = report(network).rows[-1].field
    assert field is not None
    torch.manual_seed(0)
    module = build(network).double().eval()
    x = torch.randn(4, *network.inputs["x"].shape, dtype=torch.float64, requires_grad=True)
    output = module(x)
    boxes = []
    for share in (0.0, 0.3, 0.5, 1.0):
        unit = [int(share * (size - 1)) for size in output.shape[1:]]
        index = [at if field.spread(axis) else slice(None) for axis, at in enumerate(unit)]
        claimed = list(field.of(unit))
        part = output[(slice(None), *index)]
        (gradient,) = torch.autograd.grad((part * torch.rand_like(part)).sum(), x, retain_graph=True)
        places = (gradient.abs().sum((0, 1)) > 1e-13 * gradient.abs().max()).nonzero() if gradient.any() else []
        boxes.append((claimed, [(int(axis.min()), int(axis.max())) for axis in places.T] if len(places) else []))
    return boxes


def agree(network: Network) -> None:
    """A unit that sees nothing claims nothing on some axis; all others claim what the gradient shows."""
    for claimed, seen in claimed_and_seen(network):
        if seen:
            assert claimed == seen
        else:
            assert any(first > last for first, last in claimed)


side = st.integers(0, 2)
LAYERS: dict[str, st.SearchStrategy[Layer]] = {
    "conv": st.builds(
        Conv2d,
        out_channels=st.just(4),
        kernel_size=st.integers(1, 3),
        stride=st.integers(1, 2),
        padding=st.one_of(side, st.tuples(st.tuples(side, side), st.tuples(side, side))),
    ),
    "reflecting": st.builds(
        Conv2d,
        out_channels=st.just(4),
        kernel_size=st.integers(2, 3),
        padding=st.integers(1, 2),
        padding_mode=st.sampled_from(["reflect", "replicate", "circular"]),
    ),
    "pool": st.builds(AvgPool2d, kernel_size=st.integers(2, 3), stride=st.integers(1, 3), ceil_mode=st.booleans()),
    "adaptive": st.builds(AdaptiveAvgPool2d, output_size=st.tuples(st.integers(2, 6), st.integers(2, 6))),
    "larger": st.builds(Upsample, scale_factor=st.just(2), mode=st.sampled_from(["nearest", "bilinear"])),
    "transposed": st.builds(
        ConvTranspose2d, out_channels=st.just(4), kernel_size=st.integers(2, 3), stride=st.integers(1, 2), padding=side
    ),
    "shuffled": st.just(PixelShuffle(upscale_factor=2)),
    "padded": st.builds(ZeroPad2d, padding=st.tuples(*[st.integers(-1, 1)] * 4)),
    "sliced": st.builds(Slice, dim=st.sampled_from([2, 3]), start=st.integers(0, 2), stop=st.sampled_from([None, -1])),
    "normed": st.just(BatchNorm2d()),
    "smooth": st.just(Sigmoid()),
}


def _overhangs(layer: Layer) -> bool:
    """Whether units may read padding alone; those behind them are then claimed too much."""
    return isinstance(layer, ZeroPad2d) or any(
        window.before >= window.kernel or window.after >= window.kernel for window in getattr(layer, "windows", ())
    )


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(LAYERS)).flatmap(lambda kind: LAYERS[kind]), min_size=2, max_size=4))
def test_chains(layers: list[Layer]) -> None:
    """What two to four layers in a row see, at both borders and in the middle; padding and dropped rows between them count."""
    assume(not any(map(_overhangs, layers)))
    network = write(lambda x: x(*layers), name="chain", inputs={"x": Tensor((4, 9, 11))})
    found = report(network)
    assume(found.failure is None)
    assert found.rows[-1].field is not None
    agree(network)


def _written(body: Any, shape: tuple[int, ...] = (4, 8, 9)) -> Network:  # noqa: ANN401
    return write(body, name="written", inputs={"x": Tensor(shape)})


def _residual(x: Value) -> Value:
    return add(
        x(a=Conv2d(out_channels=4, kernel_size=3, padding=1), b=Conv2d(out_channels=4, kernel_size=3, padding=1)), x
    )


def _inception(x: Value) -> Value:
    wide = x(wide=Conv2d(out_channels=2, kernel_size=5, padding=2))
    pooled = x(pool=AvgPool2d(kernel_size=3, stride=1, padding=1), narrow=Conv2d(out_channels=2, kernel_size=1))
    return concat(wide, pooled)(last=AvgPool2d(kernel_size=2))


def _gate(x: Value) -> Value:
    local = x(local=Conv2d(out_channels=4, kernel_size=3, padding=1))
    return local.join("gate", Mul(), local(pool=AdaptiveAvgPool2d(), fc=Conv2d(out_channels=4, kernel_size=1)))


def _broadcast_row(x: Value) -> Value:
    return x.join("mul", Mul(), x(row=Slice(dim=2, start=3, stop=4)))


def _side_by_side(x: Value) -> Value:
    left = x(left=Conv2d(out_channels=4, kernel_size=3, padding=1))
    return left.join("side", Concat(dim=3), x)(last=Conv2d(out_channels=1, kernel_size=3, padding=1))


def _vectors(x: Value) -> Value:
    """Maps of one unit, flattened and laid end to end."""
    small = x(small=AvgPool2d(kernel_size=(8, 6)), flat=Flatten())
    return concat(small, x(one=Conv2d(out_channels=4, kernel_size=(8, 6)), flat2=Flatten()))


def _two_scales(x: Value) -> Value:
    """Maps of two sizes, one upsampled, each flattened and laid end to end."""
    fine = x(fine=Upsample(scale_factor=2, mode="bilinear"), narrow=Conv2d(out_channels=1, kernel_size=1))
    coarse = x(coarse=Conv2d(out_channels=1, kernel_size=2, stride=2))
    return fine(f1=Flatten(start_dim=2)).join("side", Concat(dim=2), coarse(f2=Flatten(start_dim=2)))


def _other_shape(x: Value) -> Value:
    """Maps of two sizes that hold as many numbers."""
    wide = x(wide=Upsample(scale_factor=(2, 1), mode="bilinear"), f1=Flatten(start_dim=2))
    return wide.join("mul", Mul(), x(high=Upsample(scale_factor=(1, 2), mode="bilinear"), f2=Flatten(start_dim=2)))


def _windows(x: Value) -> Value:
    """Windows cut out of a map, each mixed in itself, and laid together again (Swin)."""
    apart = x(stem=Conv2d(out_channels=2, kernel_size=3, padding=1), last=Permute(dims=(0, 2, 3, 1)))
    cut = apart(
        cut=Reshape(shape=(2, 4, 3, 2, 2)), turn=Permute(dims=(0, 1, 3, 2, 4, 5)), tokens=Reshape(shape=(6, 8, 2))
    )
    mixed = cut(flip=Permute(dims=(0, 1, 3, 2)), dense=Linear(out_features=8), flop=Permute(dims=(0, 1, 3, 2)))
    back = mixed(
        split=Reshape(shape=(2, 3, 4, 2, 2)), turn2=Permute(dims=(0, 1, 3, 2, 4, 5)), map=Reshape(shape=(8, 6, 2))
    )
    return back(first=Permute(dims=(0, 3, 1, 2)), again=Conv2d(out_channels=2, kernel_size=3, padding=1))


def _space_to_depth(x: Value) -> Value:
    """Every other row and column becomes a channel (TResNet)."""
    cut = x(cut=Reshape(shape=(2, 4, 2, 3, 2)), turn=Permute(dims=(0, 3, 5, 1, 2, 4)), deep=Reshape(shape=(8, 4, 3)))
    return cut(conv=Conv2d(out_channels=2, kernel_size=3, padding=1))


def _torn(x: Value) -> Value:
    """A reshape that tears rows apart, and a pool over what came to lie side by side."""
    return x(torn=Reshape(shape=(2, 6, 8)), pool=AvgPool2d(kernel_size=2))


def _turned(x: Value) -> Value:
    """A map and itself on its side."""
    square = x(square=AdaptiveAvgPool2d(output_size=(6, 6)))
    return square.join("sum", Mul(), square(side=Permute(dims=(0, 1, 3, 2))))


def _parts(x: Value) -> Value:
    """Two strips of a flattened map, the second pooled."""
    flat = x(wide=Conv2d(out_channels=2, kernel_size=3, padding=1), flat=Flatten(start_dim=2))
    return flat(second=Slice(dim=2, start=17), pool=Reshape(shape=(2, 1, 31)), mean=AvgPool2d(kernel_size=(1, 5)))


@pytest.mark.parametrize("body", [_two_scales, _other_shape, _windows, _space_to_depth, _torn, _turned, _parts])
def test_positions_along_no_axis_of_their_own(body: Callable[[Value], Value]) -> None:
    """What is cut, torn, turned or laid end to end keeps every unit's own field."""
    agree(_written(body, (2, 8, 6)))


def _unet(x: Value) -> Value:
    down = x(c1=Conv2d(out_channels=4, kernel_size=3, padding=1), p1=AvgPool2d(kernel_size=2))
    up = down(c2=Conv2d(out_channels=4, kernel_size=3, padding=1), u=Upsample(scale_factor=2, mode="bilinear"))
    return concat(up, x(c3=Conv2d(out_channels=4, kernel_size=3, padding=1)))(c4=Conv2d(out_channels=2, kernel_size=3))


def _patches(x: Value) -> Value:
    tokens = x(
        patch=Conv2d(out_channels=6, kernel_size=4, stride=4), flat=Flatten(start_dim=2), order=Permute(dims=(0, 2, 1))
    )
    mixed = tokens(norm=LayerNorm(normalized_shape=6), fc=Linear(out_features=5))
    return mixed(back=Permute(dims=(0, 2, 1)), image=Unflatten(dim=2, unflattened_size=(2, 2)))


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (_residual, (4, 8, 9)),
        (_inception, (4, 8, 9)),
        (_gate, (4, 8, 9)),
        (_broadcast_row, (4, 8, 9)),
        (_unet, (4, 8, 12)),
        (_vectors, (2, 8, 6)),
        (_patches, (3, 8, 8)),
        (lambda x: x(Conv2d(out_channels=2, kernel_size=3), GroupNorm(num_groups=2)), (4, 8, 9)),
        (lambda x: x(Conv2d(out_channels=2, kernel_size=3, stride=4), Flatten(), Linear(out_features=3)), (4, 8, 9)),
        (lambda x: x(Permute(dims=(0, 2, 3, 1)), Linear(out_features=3), LayerNorm(normalized_shape=3)), (4, 5, 6)),
        (lambda x: x(Reshape(shape=(-1,)), Unflatten(unflattened_size=(4, 5, 6)), AvgPool2d(kernel_size=2)), (4, 5, 6)),
        (lambda x: x(Reshape(shape=(2, 2, 5, 6)), Reshape(shape=(4, 5, 6)), AvgPool2d(kernel_size=2)), (4, 5, 6)),
    ],
)
def test_branches_and_views(body: Any, shape: tuple[int, ...]) -> None:  # noqa: ANN401
    """Residuals, parallel paths, gates, skip connections, patches: every path counts, and places survive being flattened."""
    agree(_written(body, shape))


def test_maps_laid_end_to_end() -> None:
    """Each unit keeps its own field, along that axis and across it."""
    agree(_written(_side_by_side))


def _last_field(body: Any, shape: tuple[int, ...] = (4, 8, 9)) -> Field | None:  # noqa: ANN401
    return report(_written(body, shape)).rows[-1].field


@pytest.mark.parametrize(
    "layer",
    [
        Flatten(),
        AdaptiveAvgPool2d(),
        AvgPool2d(kernel_size=(8, 9)),
        GroupNorm(num_groups=1),
        Conv2d(out_channels=1, kernel_size=(8, 9)),
    ],
)
def test_whole_is_said_of_units_that_read_everything(layer: Layer) -> None:
    """After global pooling, a kernel as large as the map, a norm over positions; not after flattening alone, but a dense layer then."""
    field = _last_field(lambda x: x(layer))
    assert field is not None
    assert field.whole != isinstance(layer, Flatten)
    dense = _last_field(lambda x: x(layer, Flatten(start_dim=1), Linear(out_features=2)))
    assert dense is not None
    assert dense.whole


def test_vgg_by_hand() -> None:
    """Two 3×3 convolutions see 5, a pool 6, two more 14: jump 2 behind the pool."""
    reach = Reach(0, 0, 1, 224, (0, 223))
    for window, size, jump in [
        (Window(3, 1, 1, 1), 3, 1),
        (Window(3, 1, 1, 1), 5, 1),
        (Window(2, 2), 6, 2),
        (Window(3, 1, 1, 1), 10, 2),
        (Window(3, 1, 1, 1), 14, 2),
    ]:
        reach = reach.through(window, window.count(reach.units))
        assert (reach.size, reach.jump) == (size, jump)
    assert reach.low == -6 + 2 - 2  # two paddings of 1 at jump 1 and two at jump 2
    assert reach.of(0) == (0, 7)
    assert reach.of(111) == (216, 223)
    assert reach.span() == (0, 223)


def test_rows_that_no_window_reads_stay_unseen() -> None:
    """A 2×2 pool on five rows drops the last; padding behind it does not bring it back."""
    reach = entry((5,)).axes[0].through(Window(2, 2), 2).through(Window(3, 1, 1, 1), 2)
    assert reach.of(1) == (0, 3)


def test_uneven_units_come_back_even_where_they_are() -> None:
    """A table is kept only where it is needed."""
    assert uneven([(0, 1), (2, 3), (4, 5)]) == Reach(0, 1, 2, 3)
    assert uneven([(0, 1), (1, 3)]).table == ((0, 1), (1, 3))
    assert hull([(3, 4), (0, -1), (1, 2)]) == (1, 4)
    assert hull([(0, -1)]) == (0, -1)


def test_fields_of_different_places_unite_unit_by_unit() -> None:
    """Units that stand for different places see both; those that see everything can be added to any."""
    image, turned = entry((4, 4)), entry((4, 4)).permuted((0, 2, 1))
    both = union([image, turned])
    assert both is not None
    assert both.of((0, 1, 3)) == ((1, 3), (1, 3))
    assert union([image]) is image
    assert union([image, image]) == image
    everything = turned.everywhere()
    joined = union([image, everything])
    assert joined is not None
    assert joined.whole


def test_what_is_made_from_weights_alone_sees_nothing() -> None:
    """It adds nothing to what it is joined with, and is not everything."""
    image, blind = entry((3, 4)), nothing(2, 3)
    assert blind.blind
    assert not blind.everywhere().whole
    assert union([image, blind]) == image
    assert end_to_end([image, blind], 2, [4, 1]) is not None


def test_too_many_units_are_not_listed() -> None:
    """A tensor of more units than can be listed has no field, and no fault."""
    with pytest.raises(TooManyUnitsError):
        entry((5000, 5000)).reshaped((1, 5000, 5000), (2500, 10000))
