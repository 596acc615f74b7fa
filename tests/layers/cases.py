"""Random arguments and input shapes for every kind of layer, small enough for the CPU.

A wild case strays outside what a layer can take now and then: zeros, negative numbers, channels that do not divide. A
tame one mostly stays inside. Arguments are those of the spec.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st

from tests.layers import cases_with_windows as windows
from tests.layers import cases_without_windows as others
from tests.layers.draws import Case, Draw, Drawn, image

CASES: dict[str, Callable[[Draw], Drawn]] = {}


def cases(kind: str, *, wild: bool = False) -> st.SearchStrategy[Case]:
    """Random cases of one kind."""

    @st.composite
    def build(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Case:
        arguments, shapes = CASES[kind](Draw(draw, wild))
        return Case(kind, arguments, tuple(shapes))

    return build()


for _axes, _suffix in ((1, "1d"), (2, ""), (3, "3d")):
    CASES[f"conv{_suffix}"] = partial(windows.conv, axes=_axes)
    CASES[f"conv-transpose{_suffix}"] = partial(windows.conv, axes=_axes, transposed=True)
    CASES[f"max-pool{_suffix}"] = partial(windows.pool, axes=_axes, mean=False)
    CASES[f"avg-pool{_suffix}"] = partial(windows.pool, axes=_axes, mean=True)
    CASES[f"adaptive-avg-pool{_suffix}"] = partial(windows.adaptive, axes=_axes)
    CASES[f"adaptive-max-pool{_suffix}"] = partial(windows.adaptive, axes=_axes)
    CASES[f"zero-pad{_suffix}"] = partial(windows.zero_pad, axes=_axes)
    CASES[f"batch-norm{_suffix}"] = partial(others.channel_norm, axes=(0, 1) if _axes == 1 else (_axes,))
for _kind in ("relu", "relu6", "selu", "silu", "mish", "hardswish", "hardsigmoid"):
    CASES[_kind] = partial(others.in_place)
for _kind in ("identity", "sigmoid", "tanh", "log-sigmoid"):
    CASES[_kind] = partial(others.plain)
CASES |= {
    "global-avg-pool": lambda draw: ({}, [image(draw, 2, draw(st.integers(1, 3)))]),
    "linear": others.linear,
    "instance-norm": partial(others.channel_norm, axes=(2,)),
    "group-norm": others.group_norm,
    "layer-norm": others.layer_norm,
    "local-response-norm": others.response_norm,
    "leaky-relu": partial(others.in_place, negative_slope=st.sampled_from([0.01, 0.3])),
    "elu": partial(others.in_place, alpha=st.sampled_from([0.5, 1.0])),
    "celu": lambda draw: others.in_place(draw, alpha=st.sampled_from([0.5, 0.0 if draw.wild else 1.0])),
    "gelu": lambda draw: others.plain(draw, approximate=st.sampled_from(["none", "exact" if draw.wild else "tanh"])),
    "softplus": partial(others.plain, beta=st.sampled_from([0.5, 1.0]), threshold=st.sampled_from([1.0, 20.0])),
    "hardtanh": others.hardtanh,
    "prelu": others.prelu,
    "softmax": others.softmax,
    "log-softmax": others.softmax,
    "scaled-tanh": partial(others.plain, amplitude=st.sampled_from([1.0, 1.7159]), slope=st.sampled_from([0.5, 1.0])),
    "dropout": others.drop,
    "dropout2d": partial(others.drop, rank=3),
    "stochastic-depth": others.stochastic,
    "flatten": others.flatten,
    "unflatten": others.unflatten,
    "reshape": others.reshape,
    "permute": others.permute,
    "slice": others.part,
    "channel-shuffle": others.shuffle,
    "upsample": windows.upsample,
    "pixel-shuffle": windows.pixel_shuffle,
    "concat": others.concat,
    "add": partial(others.elementwise, inplace=True),
    "mul": partial(others.elementwise, inplace=False),
    "attention": others.attention,
    "subsampling": windows.subsampling,
    "partial-conv": windows.partial_conv,
    "rbf": others.rbf,
}
