"""Random cases of layers that slide a window, pad or stretch."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.layers.draws import Draw, Drawn, any_shape, image, number, per_axis, read_channels, some_of


def conv(draw: Draw, axes: int, *, transposed: bool = False) -> Drawn:
    """Convolutions and transposed ones."""
    groups = draw(st.integers(1, 3))
    channels, out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    if draw.wild and draw(st.integers(0, 3)) == 0:
        groups, out = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    arguments = {
        "out_channels": out,
        "kernel_size": per_axis(draw, axes, 1, 4),
        **read_channels(draw, "in_channels", channels),
        **some_of(draw, bias=st.booleans()),
    }
    if groups != 1:
        arguments["groups"] = groups
    for name, least, most in (("stride", 1, 3), ("dilation", 1, 3), ("padding", 0, 4)):
        if draw(st.booleans()):
            arguments[name] = per_axis(draw, axes, least, most)
    if transposed:
        if draw(st.booleans()):
            arguments["output_padding"] = per_axis(draw, axes, 0, 2)
        return arguments, [image(draw, axes, channels, most=5)]
    arguments |= some_of(draw, padding_mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    if draw(st.integers(0, 3)) == 0:
        arguments["padding"] = draw(st.sampled_from(["same", "valid"]))
        if not draw.wild and arguments["padding"] == "same":
            arguments.pop("stride", None)
    elif draw(st.integers(0, 4)) == 0:
        side = st.integers(-1 if draw.wild else 0, 3)
        arguments["padding"] = tuple(draw(st.tuples(side, side)) for _ in range(axes))
    return arguments, [image(draw, axes, channels)]


def pool(draw: Draw, axes: int, *, mean: bool) -> Drawn:
    """Max and average pools; mean: the latter."""
    arguments = {"kernel_size": per_axis(draw, axes, 1, 4), **some_of(draw, ceil_mode=st.booleans())}
    if draw(st.booleans()):
        arguments["stride"] = per_axis(draw, axes, 1, 4)
    if draw(st.booleans()):
        arguments["padding"] = per_axis(draw, axes, 0, 2)
    if mean:
        arguments |= some_of(draw, count_include_pad=st.booleans())
        if axes > 1:
            arguments |= some_of(draw, divisor_override=st.sampled_from([0, 1, 3] if draw.wild else [1, 3]))
    elif draw(st.booleans()):
        arguments["dilation"] = per_axis(draw, axes, 1, 3)
    return arguments, [image(draw, axes, draw(st.integers(1, 3)))]


def adaptive(draw: Draw, axes: int) -> Drawn:
    """Adaptive pools."""
    size = st.one_of(st.integers(1 - 2 * draw.wild, 9), st.none())
    if axes == 1 and not draw.wild:
        size = st.integers(1, 9)
    wanted = draw(st.one_of(st.integers(1 - 2 * draw.wild, 9), st.tuples(*[size] * axes)))
    return {"output_size": wanted}, [image(draw, axes, draw(st.integers(1, 3)))]


def subsampling(draw: Draw) -> Drawn:
    """LeNet's subsampling."""
    channels = draw(st.integers(1, 3))
    arguments = read_channels(draw, "in_channels", channels)
    for name in ("kernel_size", "stride"):
        if draw(st.booleans()):
            arguments[name] = per_axis(draw, 2, 1, 3)  # type: ignore[assignment]
    return arguments, [image(draw, 2, channels)]


def partial_conv(draw: Draw) -> Drawn:
    """Convolutions by a table, as tuples or as digits."""
    channels = draw(st.integers(1, 4))
    rows = st.lists(st.integers(0, channels - (0 if draw.wild else 1)), min_size=1, max_size=4, unique=not draw.wild)
    table = tuple(tuple(row) for row in draw(st.lists(rows, min_size=1, max_size=5)))
    written = ",".join("".join(map(str, row)) for row in table)
    arguments: dict[str, Any] = {
        "table": draw(st.sampled_from([table, written])),
        "kernel_size": per_axis(draw, 2, 1, 3),
        **read_channels(draw, "in_channels", channels),
        **some_of(draw, bias=st.booleans()),
    }
    for name, least in (("stride", 1), ("padding", 0)):
        if draw(st.booleans()):
            arguments[name] = per_axis(draw, 2, least, 2)
    return arguments, [image(draw, 2, channels)]


def zero_pad(draw: Draw, axes: int) -> Drawn:
    """Padding and, where negative, cropping."""
    least = -3 if draw.wild else -1
    sides = st.tuples(*[st.integers(least, 3)] * (2 * axes))
    shape = any_shape(draw, axes, 4)
    return {"padding": draw(st.one_of(st.integers(least, 3), sides))}, [
        tuple(size + (0 if draw.wild else 2) for size in shape)
    ]


def upsample(draw: Draw) -> Drawn:
    """Upsampling by a factor or to a size."""
    axes = draw(st.integers(1, 3))
    modes = ["nearest", ["linear", "bilinear", "trilinear"][axes - 1], *(["bicubic"] if axes == 2 else [])]
    mode = draw(st.sampled_from([*modes, "linear", "bilinear"] if draw.wild else modes))
    arguments: dict[str, Any] = {"mode": mode}
    if draw(st.booleans()):
        arguments["size"] = per_axis(draw, axes, 1, 8)
    else:
        factors = st.sampled_from([1, 2, 3, 0.5, 1.5, 2.5, *([0, -1, 0.1] if draw.wild else [])])
        arguments["scale_factor"] = draw(st.one_of(factors, st.tuples(*[st.integers(1, 3)] * axes)))
    if draw.wild and draw(st.integers(0, 5)) == 0:
        arguments["size"] = 4
    if mode != "nearest" or draw.wild:
        arguments |= some_of(draw, align_corners=st.booleans())
    return arguments, [(draw(st.integers(1, 2)), *(draw(st.integers(2, 6)) for _ in range(axes)))]


def pixel_shuffle(draw: Draw) -> Drawn:
    """Pixel shuffles, some with an axis before the channels."""
    factor = draw(st.integers(1, 3))
    channels = draw(st.integers(1, 9)) if draw.wild else factor**2 * draw(st.integers(1, 2))
    lead = any_shape(draw, 0, 1, 2)
    shape = (*lead, channels, draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    return {"upscale_factor": number(draw, 1, 3) if draw.wild else factor}, [shape]
