"""What is asked of a source, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_of
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from cnncli.errors import RequestError
from cnncli.layers import Shape, Tensor
from cnncli.layers.parsing import Value, typed
from cnncli.network import Network

if TYPE_CHECKING:
    from torch import nn

    from cnncli.tracing import Fault

Given = Mapping[str, Value]
"""Inputs as they were written: by the module's own name for them, or by their number, from 0."""


@dataclass(frozen=True)
class Request:
    """What is asked of `source`.

    inputs: shapes to take instead of its own · arguments: its own · strict: refuse what would have to be adapted · device: where a
    module is run to be recorded, meta or cpu · training: in train mode instead of eval mode · batch: whether inputs are batches of
    what was written; else they are as it was written · whole: what they are as given, where only an example of each is in `inputs`
    """

    source: str
    inputs: Given = field_of(default_factory=dict)
    arguments: Mapping[str, object] = field_of(default_factory=dict)
    strict: bool = False
    device: str = "meta"
    training: bool = False
    batch: bool = True
    whole: Given | None = None

    def shape(self) -> Shape | None:
        """The one shape that was asked for, None where it is to be the source's own; raises `RequestError` for anything else."""
        if not self.inputs:
            return None
        if len(self.inputs) > 1:
            raise RequestError(f"{self.source} takes one input; write one --input, as in --input 1x28x28")
        (name, tensor), *_ = self.inputs.items()
        if not isinstance(tensor, Tensor):
            raise RequestError(f"{self.source} takes one image; write --input CxHxW, as in --input 1x28x28")
        if not name.isdigit() and name != "input":
            raise RequestError(f"{self.source} has no input {name!r}; write --input {typed(tensor.shape)}")
        if tensor.dtype != "float32":
            raise RequestError(f"{self.source} takes float32 images, not {tensor.dtype}; leave the dtype out")
        return tensor.shape

    def takes_no_arguments(self, place: str, what: str, cure: str) -> None:
        """Raise `RequestError` for the first argument, which means nothing to `what`. place: stands before that"""
        for key in self.arguments:
            flag = "--classes" if key == "classes" else f"{key}="
            raise RequestError(f"{place}: {flag} means nothing to {what}; {cure}")


class Loaded(NamedTuple):
    """A network and what there is to say about how it was come by.

    adapted: what had to be adapted to the input (`fc1 6,400 → 256 inputs at 96×96`) · remarks: row → figure → words · module: what
    it was recorded from, if it was · ran_on: with which inputs · fault: why that could not be recorded to its end
    """

    network: Network
    adapted: tuple[str, ...] = ()
    remarks: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    module: nn.Module | None = None
    ran_on: object = ()
    fault: Fault | None = None
