"""What would help a module that raises on its input: each cure is tried before it is offered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, TypeAlias

from cnncli.layers import Tensor
from cnncli.layers.parsing import Value, typed
from cnncli.sources.request import Request

if TYPE_CHECKING:
    from torch import nn

Maker: TypeAlias = "Callable[..., nn.Module]"
"""Makes a module; its signature names the arguments that it takes besides."""
SIZES = ("image_size", "img_size", "input_size", "in_size", "input_shape", "input_resolution", "resolution", "size")
"""What libraries call the size of the images that a network is made for."""
_ANYWHERE = SIZES[:3]
"""Those that are tried where a maker says nothing of what it takes."""


def cure_of(request: Request, module: nn.Module, inputs: Any, maker: Maker | None) -> str:  # noqa: ANN401
    """What makes `module` run that raised on `inputs`; "" where nothing that is tried does."""
    if request.inputs and maker is not None and (cure := _other_size(request, inputs, maker)):
        return cure
    if request.inputs and (cure := _other_dtype(request, module, inputs)):
        return cure
    if not request.batch or not request.inputs:
        return ""
    shorter = _each(inputs, _without_first)
    if request.whole is None and _runs(request, module, shorter):
        first = next(tensors(shorter))
        return f"an input is written without the batch, as in --input {typed(first.shape)}"
    whole = unbatched(inputs) if request.whole is None else _as_taken(request.whole)
    if _runs(request, module, whole):
        return "it runs without a batch axis: add --no-batch, in Python batch=False"
    return ""


def _other_size(request: Request, inputs: Any, maker: Maker) -> str:  # noqa: ANN401
    """`write image_size=384`, where the module that is made for these images takes them."""
    first = next(tensors(inputs))
    if len(first.shape) < 3:
        return ""
    from cnncli.tracing.building import built

    *_, height, width = first.shape
    sizes: list[object] = [height, (height, width)] if height == width else [(height, width)]
    for name in _size_arguments(maker):
        for size in sizes:
            try:
                module = built(partial(maker, **{name: size}))
            except Exception:  # noqa: BLE001, S112  (whatever somebody else's constructor has against it)
                continue
            if _runs(request, module, inputs):
                return f"it is made for images of one size: write {name}={size if size == height else typed((height, width))}"
    return ""


def _other_dtype(request: Request, module: nn.Module, inputs: Any) -> str:  # noqa: ANN401
    """`write --input 3x32x32:bfloat16`, where the weights are such numbers and float32 was given."""
    own = {str(each.dtype).removeprefix("torch.") for each in module.parameters() if each.is_floating_point()}
    if len(own) != 1 or own == {"float32"}:
        return ""
    (dtype,) = own

    def cast(tensor: Any) -> Any:  # noqa: ANN401
        return replace(tensor, dtype=dtype) if isinstance(tensor, Tensor) and tensor.dtype == "float32" else tensor

    if not _runs(request, module, _each(inputs, cast)):
        return ""
    first = next(each for each in tensors(inputs) if str(each.dtype).endswith("float32"))
    return f"its weights are {dtype}, the input is float32: write --input {typed(first.shape)}:{dtype}"


def _size_arguments(maker: Callable[..., Any]) -> list[str]:
    try:
        parameters = signature(maker).parameters.values()
    except (TypeError, ValueError):
        return []
    named = {each.name for each in parameters}
    hidden = any(each.kind is Parameter.VAR_KEYWORD for each in parameters)
    return [name for name in SIZES if name in named or (hidden and name in _ANYWHERE)]


def _runs(request: Request, module: nn.Module, inputs: Any) -> bool:  # noqa: ANN401
    from cnncli.tracing import record

    return record(module, inputs, device=request.device, training=request.training).failure is None


def without_weights(maker: Maker, given: Mapping[str, object]) -> str:
    """`write pretrained=false`, where `maker` asks for weights with these arguments and does not without; "" where that is no cure.

    What asks for weights is an argument of its own or among `given` that is called so and has a value.
    """
    from cnncli.tracing.building import built

    asking = {**_defaults(maker), **given}
    asking = {name: value for name, value in asking.items() if _WEIGHTS.search(name) and value not in (None, False)}
    without = {name: False if value is True else None for name, value in asking.items()}
    for some in (*({name: value} for name, value in without.items()), without):
        with suppress(Exception):  # whatever somebody else's constructor has against it
            built(partial(maker, **some))
            return "write " + " ".join(f"{name}={'null' if value is None else 'false'}" for name, value in some.items())
    return ""


_WEIGHTS = re.compile("weight|pretrain|checkpoint|download", re.IGNORECASE)


def _defaults(maker: Maker) -> dict[str, object]:
    try:
        parameters = signature(maker).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {each.name: each.default for each in parameters if each.default is not Parameter.empty}


def _as_taken(whole: Mapping[str, Value]) -> Any:  # noqa: ANN401  (as `record` takes them)
    return list(whole.values()) if all(name.isdigit() for name in whole) else dict(whole)


def tensors(value: Value) -> Iterator[Any]:
    """All tensors within `value`, described or real."""
    if isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from tensors(each)
    elif hasattr(value, "shape"):
        yield value


def unbatched(value: Value) -> Value:
    """`value` with tensors that are what they say, and no examples of a batch."""
    return _each(value, lambda tensor: replace(tensor, batch=None) if isinstance(tensor, Tensor) else tensor)


def _without_first(tensor: Any) -> Any:  # noqa: ANN401
    return tensor.like(tensor.shape[1:]) if isinstance(tensor, Tensor) and len(tensor.shape) > 1 else None


def _each(value: Value, change: Callable[[Any], Any]) -> Value:
    """`value` with `change` of its tensors in their place."""
    if isinstance(value, Mapping):
        return {name: _each(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        found = [_each(each, change) for each in value]
        return type(value)(*found) if hasattr(value, "_fields") else type(value)(found)
    return change(value) if hasattr(value, "shape") else value
