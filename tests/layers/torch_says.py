"""What torch does with a case, asked without a look at the spec's own answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from cnncli.layers import Shape, layer_kind
from tests.layers.draws import Case

BATCH = 11
REFUSALS = (
    RuntimeError,
    ValueError,
    TypeError,
    AssertionError,
    NotImplementedError,
    IndexError,
    ZeroDivisionError,
    Warning,
)


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings are errors, but for torch's remark that it pads `same` itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Using padding='same'")
        yield


def accepts(case: Case) -> Shape | None:
    """The output's shape without the batch where torch takes the case on the CPU in train mode, else None.

    An output that holds nothing, or infinity (the maximum of no number), counts as refused, and so does what torch passes over.
    """
    if passed_over(case):
        return None
    inputs = [torch.rand(BATCH, *shape).requires_grad_().clone() for shape in case.shapes]
    try:
        with quiet():
            output = reference(case)(*inputs)
    except REFUSALS:
        return None
    usable = output.numel() and output.shape[0] == BATCH and not output.isinf().any()
    return tuple(output.shape[1:]) if usable else None


def _each(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def passed_over(case: Case) -> bool:
    """Where torch takes an argument that means nothing, and a spec says so instead.

    A batch norm without weights and statistics never looks at num_features; a mirrored padding below zero crops, and one of the
    wrong length goes by where it is 0; a flatten that begins with the batch mixes examples (one number an example hides that); a
    scale factor of 0 beside a size is no factor; a transposed convolution multiplies a dilation of 0 by k − 1, which hides it where
    k is 1.
    """
    given = case.arguments
    if case.kind.startswith("batch-norm"):
        unread = not given.get("affine", True) and not given.get("track_running_stats", True)
        return unread and given.get("num_features") not in (None, case.shapes[0][0])
    if case.kind == "flatten":
        return given.get("start_dim", 1) in (0, -len(case.shapes[0]) - 1)
    if case.kind == "upsample":
        return given.get("size") is not None and given.get("scale_factor") == 0
    if case.kind.startswith("conv-transpose") and 0 in _each(given.get("dilation", 1)):
        return True
    padding, axes = given.get("padding"), len(case.shapes[0]) - 1
    too_many = isinstance(padding, tuple) and len(padding) != axes
    below = any(isinstance(p, int) and p < 0 for p in _each(padding))
    return given.get("padding_mode", "zeros") != "zeros" and (too_many or below)


def reference(case: Case) -> Callable[..., torch.Tensor]:
    """The case as torch alone would write it: torch.nn's module, or a few calls where torch.nn has none. May raise."""
    arguments = dict(case.arguments)
    if case.kind in REFERENCES:
        return REFERENCES[case.kind](arguments, case.shapes)
    padding = arguments.get("padding")
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        return _sided(case)
    made = getattr(nn, layer_kind(case.kind).__name__)
    module: nn.Module = made(**_written_out(case.kind, arguments, case.shapes[0]))
    return module.train()


def _written_out(kind: str, arguments: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """The arguments with what a spec reads from its input."""
    read = {"linear": ("in_features", -1), "group-norm": ("num_channels", 0), "instance-norm": ("num_features", 0)}
    read |= {f"batch-norm{suffix}": ("num_features", 0) for suffix in ("1d", "", "3d")}
    read |= {f"conv{name}{suffix}": ("in_channels", 0) for name in ("", "-transpose") for suffix in ("1d", "", "3d")}
    if kind == "group-norm":
        arguments = arguments | {"affine": True}  # torch checks the channels only where it has weights for them
    if kind in read and shape:
        name, place = read[kind]
        return {name: shape[place]} | arguments
    defaults = {"softmax": {"dim": 1}, "log-softmax": {"dim": 1}, "global-avg-pool": {"output_size": 1}}
    return defaults.get(kind, {}) | arguments


def _sided(case: Case) -> Callable[..., torch.Tensor]:
    """A convolution without padding, of an input padded by hand."""
    arguments = dict(case.arguments)
    padding, mode = arguments.pop("padding"), arguments.pop("padding_mode", "zeros")
    convolve = reference(case._replace(arguments=arguments))
    if min(map(min, padding)) < 0:
        raise ValueError("negative padding cuts off, which a convolution does not")
    sides = [side for pair in reversed(padding) for side in pair]
    return lambda x: convolve(functional.pad(x, sides, "constant" if mode == "zeros" else mode))


def _concat(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    return lambda *inputs: torch.cat(inputs, arguments.get("dim", 1))


def _add(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    def add(first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        for other in others:
            first = first.add_(other) if arguments.get("inplace") else torch.add(first, other)
        return first

    return add


def _mul(_: dict[str, Any], __: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    def mul(first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        for other in others:
            first = torch.mul(first, other)
        return first

    return mul


def _reshape(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    return lambda x: torch.stack([one.reshape(arguments["shape"]) for one in x])


def _permute(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    return lambda x: torch.permute(x, arguments["dims"])


def _slice(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    return lambda x: x.transpose(0, arguments["dim"])[arguments["start"] : arguments["stop"]].transpose(
        0, arguments["dim"]
    )


def _scaled_tanh(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    return lambda x: torch.tanh(x * arguments.get("slope", 2 / 3)) * arguments.get("amplitude", 1.7159)


def _stochastic_depth(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    from torchvision.ops import StochasticDepth

    return StochasticDepth(**arguments).train()


def _attention(arguments: dict[str, Any], shapes: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    module = nn.MultiheadAttention(**({"embed_dim": shapes[0][-1]} | arguments), batch_first=True)
    return lambda x: module(x, x, x)[0]


def _subsampling(arguments: dict[str, Any], shapes: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    scale = nn.Conv2d(*[arguments.get("in_channels", shapes[0][0])] * 2, 1, groups=shapes[0][0])
    pool = nn.AvgPool2d(arguments.get("kernel_size", 2), arguments.get("stride"))
    return lambda x: scale(pool(x))


def _partial(arguments: dict[str, Any], shapes: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    """One small convolution for each output map, over the maps it reads."""
    table = arguments.pop("table")
    rows = [tuple(map(int, row)) for row in table.split(",")] if isinstance(table, str) else table
    channels = arguments.pop("in_channels", shapes[0][0])
    if any(len(set(row)) < len(row) for row in rows) or channels != shapes[0][0]:
        raise ValueError("a map read twice, or not as many maps as said")
    convs = [nn.Conv2d(len(row), 1, **arguments) for row in rows]
    return lambda x: torch.cat([conv(x[:, list(row)]) for conv, row in zip(convs, rows, strict=True)], 1)


def _rbf(arguments: dict[str, Any], _: tuple[Shape, ...]) -> Callable[..., torch.Tensor]:
    bitmaps = torch.ones(arguments.get("out_features", 10), arguments.get("in_features", 84))
    if bitmaps.shape[1] != 84:
        raise ValueError("a bitmap has 84 pixels")
    sign = -1 if arguments.get("negative") else 1
    return lambda x: sign * functional.pairwise_distance(x[:, None].expand(-1, len(bitmaps), -1), bitmaps, eps=0) ** 2


REFERENCES: dict[str, Callable[[dict[str, Any], tuple[Shape, ...]], Callable[..., torch.Tensor]]] = {
    "concat": _concat,
    "add": _add,
    "mul": _mul,
    "reshape": _reshape,
    "permute": _permute,
    "slice": _slice,
    "scaled-tanh": _scaled_tanh,
    "stochastic-depth": _stochastic_depth,
    "attention": _attention,
    "subsampling": _subsampling,
    "partial-conv": _partial,
    "rbf": _rbf,
}
