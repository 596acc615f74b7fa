"""The arguments of a call as a key, its tensors left out, and results taken apart and put together again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import torch

from cnncli.errors import RequestError


class Place(NamedTuple):
    """Where a tensor stood: its place among the tensors of the call."""

    at: int


def signature(value: Any, tensors: dict[int, torch.Tensor]) -> Hashable:  # noqa: ANN401
    """`value` as a key in which tensors are places; they are added to `tensors` by their id, each once.

    Raises `TypeError` for what cannot be a key.
    """
    if isinstance(value, torch.Tensor):
        tensors.setdefault(id(value), value)
        return Place(list(tensors).index(id(value)))
    kind = type(value)
    if kind is int or kind is str or value is None:
        return value  # type: ignore[no-any-return]
    if isinstance(value, tuple | list):  # torch.Size and named tuples too
        return (kind, *(signature(each, tensors) for each in value))
    if isinstance(value, Mapping):
        return (kind, *((name, signature(each, tensors)) for name, each in value.items()))
    if kind is slice:
        return (kind, signature((value.start, value.stop, value.step), tensors))
    hash(value)
    return (kind, value)


def tensors_in(value: Any, found: list[torch.Tensor]) -> Any:  # noqa: ANN401
    """`value` with its tensors replaced by their places; they are appended to `found`."""
    if isinstance(value, torch.Tensor):
        found.append(value)
        return Place(len(found) - 1)
    if type(value) in (tuple, list):
        return type(value)(tensors_in(each, found) for each in value)
    if isinstance(value, tuple | list):
        for each in value:
            tensors_in(each, found)
    elif isinstance(value, Mapping):
        for each in value.values():
            tensors_in(each, found)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            tensors_in(getattr(value, name), found)
    return value


def rebuilt(value: Any, tensors: Any) -> Any:  # noqa: ANN401
    """`value` with places replaced by tensors."""
    if type(value) is Place:
        return tensors[value.at]
    if type(value) in (tuple, list):
        return type(value)(rebuilt(each, tensors) for each in value)
    return value


def replaced(value: Any, others: Mapping[int, torch.Tensor]) -> Any:  # noqa: ANN401
    """`value` with tensors replaced by others, which are given by the ids of those they stand for."""
    if isinstance(value, torch.Tensor):
        return others.get(id(value), value)
    if type(value) in (tuple, list):
        return type(value)(replaced(each, others) for each in value)
    if type(value) is dict:
        return {name: replaced(each, others) for name, each in value.items()}
    return value


def same_shape(tensor: torch.Tensor) -> tuple[object, ...]:
    """What a kernel's result depends on, besides the numbers."""
    return one_shape(tensor), tensor.stride() if is_dense(tensor) else tensor.layout, tensor.dtype


def one_shape(tensor: torch.Tensor) -> tuple[int, ...]:
    """A tensor's sizes; raises `RequestError` for one that has several."""
    if tensor.is_nested:
        raise RequestError("nested tensors are of many shapes at once; give it padded ones, of one shape")
    return tuple(tensor.shape)


def is_dense(tensor: torch.Tensor) -> bool:
    """Whether it holds its numbers one by one: neither sparse nor quantized."""
    return tensor.layout == torch.strided and not tensor.is_quantized


def storage(tensor: torch.Tensor) -> int:
    """Which memory a tensor lies in."""
    return int(tensor.untyped_storage()._cdata) if tensor.layout == torch.strided else id(tensor)
