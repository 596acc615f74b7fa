"""Reshapes, transposes, slices and padding, and making maps larger."""

from __future__ import annotations

from math import prod
from typing import Any

from cnncli.formats.onnx.ops.dense import TABLES
from cnncli.formats.onnx.values import Op, Said
from cnncli.layers import Layer, Shape, Tensor
from cnncli.layers.mirror_pad import MirrorPad
from cnncli.layers.rearrange import Expand, Rearrange
from cnncli.layers.resize import PixelShuffle, Upsample, ZeroPad1d, ZeroPad2d, ZeroPad3d
from cnncli.layers.shape import Flatten, Permute, Reshape, Slice

MODES = {"nearest": ("nearest",) * 3, "linear": ("linear", "bilinear", "trilinear")}
MIRRORS = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}
ZERO_PADS: tuple[type[Any], ...] = (ZeroPad1d, ZeroPad2d, ZeroPad3d)


def reshape(op: Op) -> Said | None:
    """As many numbers of each example in another shape; nothing where only the batch is looked at differently."""
    steps = _to(op.x.seen.tensor, op.makes().tensor)
    return None if steps is None else Said(steps[0] if steps else None, (op.x,))


def _to(x: Tensor, y: Tensor) -> list[Layer] | None:
    if x.shape == y.shape:
        return [] if x.batch == y.batch else None
    if prod(x.shape) != prod(y.shape) or x.batch != y.batch or 0 in y.shape:
        return None
    return [Flatten() if len(y.shape) == 1 and len(x.shape) > 1 and x.batch is not None else Reshape(shape=y.shape)]


def transpose(op: Op) -> Said:
    """Axes in another order; the batch stands first in a network, wherever it is moved here."""
    seen, rank = op.x.seen, len(op.x.shape)
    order = op.attributes.get("perm", range(rank)[::-1])
    kept = tuple(axis for each in order if (axis := seen.axes[each]) is not None)
    if kept == tuple(range(len(kept))):
        return Said(None, (op.x,))
    return Said(Permute(dims=kept if seen.tensor.batch is None else (0, *(axis + 1 for axis in kept))), (op.x,))


def cut(op: Op) -> Said | None:
    """Slice: a stretch of one axis or several, without gaps."""
    starts, ends = op.values(1, "starts"), op.values(2, "ends")
    axes = op.values(3, "axes") or list(range(len(starts)))
    strides = op.values(4) or [1] * len(starts)
    steps: list[Layer] = []
    for start, end, axis, stride in zip(starts, ends, axes, strides, strict=True):
        size = op.x.shape[axis]
        if stride != 1:
            return None
        low, high, _ = slice(start, end).indices(size)
        if (low, high) != (0, size):
            steps.append(Slice(dim=op.x.seen.dim_of_example(axis), start=low, stop=high))
    return _followed("slice", steps, op)


def gather(op: Op) -> Said | None:
    """One place of an axis; or rows of a table."""
    if op.inputs[0] is not None and not op.inputs[0].flows:
        return TABLES(op)
    place, axis = op.values(1), op.attributes.get("axis", 0)
    if not isinstance(place, int):
        return None
    dim, size = op.x.seen.dim_of_example(axis), op.x.shape[axis]
    made = op.makes().tensor
    stretch: list[Layer] = [] if size == 1 else [Slice(dim=dim, start=place % size, stop=place % size + 1)]
    between = stretch[0].outputs((op.x.seen.tensor,))[0] if stretch else op.x.seen.tensor
    rest = _to(between, made)
    return None if rest is None else _followed("select", [*stretch, *rest], op)


def _followed(operation: str, steps: list[Layer], op: Op) -> Said:
    if len(steps) < 2:
        return Said(steps[0] if steps else None, (op.x,))
    return Said(Rearrange(operation=operation, parts=(tuple(steps),)), (op.x,))


def split(op: Op) -> Said | None:
    """Parts of one axis, one after the other."""
    axis = op.attributes.get("axis", 0)
    dim, at, parts = op.x.seen.dim_of_example(axis), 0, []
    for place in range(len(op.outputs)):
        size = op.output(place)[axis]
        parts.append((Slice(dim=dim, start=at, stop=at + size),))
        at += size
    return Said(Rearrange(operation="split", parts=tuple(parts)), (op.x,))


def expand(op: Op) -> Said | None:
    """Sizes of one repeated, of each example."""
    x, y = op.x.seen.tensor, op.makes().tensor
    if x.batch != y.batch:
        return None
    return Said(None if x.shape == y.shape else Expand(shape=y.shape), (op.x,))


def pad(op: Op) -> Said | None:
    """Zeros or a mirror around the last axes."""
    sides: list[int] = op.values(1, "pads")
    rank, mode = len(op.x.shape), op.word("mode", "constant")
    axes = op.values(3) or list(range(len(sides) // 2))
    before, after = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        before[axis], after[axis] = sides[place], sides[place + len(axes)]
    inner = rank - next((axis for axis in range(rank) if before[axis] or after[axis]), rank)
    if not inner:
        return Said(None, (op.x,))
    for axis in range(rank - inner, rank):
        op.x.seen.dim_of_example(axis)
    last_first = tuple(side for axis in range(rank - 1, rank - 1 - inner, -1) for side in (before[axis], after[axis]))
    return _padded(op, mode, last_first, inner)


def _padded(op: Op, mode: str, sides: Shape, inner: int) -> Said | None:
    if mode in MIRRORS:
        return Said(MirrorPad(padding=sides, mode=MIRRORS[mode]), (op.x,)) if min(sides) >= 0 else None
    if op.values(2, "value") or inner > len(ZERO_PADS):
        return None
    return Said(ZERO_PADS[inner - 1](padding=sides), (op.x,))


def resize(op: Op) -> Said | None:
    """Upsample to the size that comes out, where torch's rules are ONNX's."""
    mode, rule = op.word("mode", "nearest"), op.word("coordinate_transformation_mode", "half_pixel")
    axes = len(op.x.shape) - 2
    repeats = rule == "asymmetric" and op.word("nearest_mode", "round_prefer_floor") == "floor"
    known = repeats if mode == "nearest" else rule in {"align_corners", "half_pixel", "pytorch_half_pixel"}
    if mode not in MODES or not 1 <= axes <= 3 or not known or op.x.shape[:2] != op.output()[:2]:
        return None
    more: dict[str, Any] = {"align_corners": rule == "align_corners"} if mode == "linear" else {}
    factor = _factor(op, axes)
    size = {"size": op.output()[2:]} if factor is None else {"scale_factor": factor}
    return Said(Upsample(mode=MODES[mode][axes - 1], **size, **more), (op.x,))


def _factor(op: Op, axes: int) -> float | None:
    """The factor that all axes are stretched by, where the file says one."""
    scales = op.get(2) or op.get(1)
    if op.get(3) is not None or scales is None or scales.data is None or scales.numel != axes + 2:
        return None
    factors = {float(scale) for scale in scales.data[2:]}
    return factors.pop() if len(factors) == 1 else None


def upsample(op: Op) -> Said | None:
    """The operation that Resize replaced."""
    axes, mode = len(op.x.shape) - 2, op.word("mode", "nearest")
    if mode != "nearest" or not 1 <= axes <= 3 or op.x.shape[:2] != op.output()[:2]:
        return None
    return Said(Upsample(size=op.output()[2:]), (op.x,))


def depth_to_space(op: Op) -> Said | None:
    """Torch's order of channels is the one called CRD."""
    factor = op.attributes["blocksize"]
    return Said(PixelShuffle(upscale_factor=factor), (op.x,)) if op.word("mode", "DCR") == "CRD" else None


OPS = {
    "Reshape": reshape,
    "Flatten": reshape,
    "Squeeze": reshape,
    "Unsqueeze": reshape,
    "Transpose": transpose,
    "Slice": cut,
    "Gather": gather,
    "Split": split,
    "Expand": expand,
    "Pad": pad,
    "Resize": resize,
    "Upsample": upsample,
    "DepthToSpace": depth_to_space,
}
