"""Functions of torch that take functions: control flow, which is run as it goes, and transforms such as vmap, which are one row."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch._functorch import apis, eager_transforms

if TYPE_CHECKING:
    from cnncli.tracing.recorder import Recorder


def _cond(pred: Any, yes: Callable[..., Any], no: Callable[..., Any], operands: Sequence[Any] = ()) -> Any:  # noqa: ANN401
    return (yes if pred else no)(*operands)


def _while(going: Callable[..., Any], body: Callable[..., Any], carried: Sequence[Any], more: Sequence[Any]) -> Any:  # noqa: ANN401
    carried = tuple(carried)
    while going(*carried, *more):
        carried = tuple(body(*carried, *more))
    return carried


CONTROL: dict[object, Callable[..., Any]] = {
    torch.ops.higher_order.cond: _cond,
    torch.ops.higher_order.while_loop: _while,
}
"""Functions that choose what to call by numbers: what is chosen on this run is called."""

_TRANSFORMS = (
    (apis, "vmap_impl", "vmap"),
    (eager_transforms, "grad_impl", "grad"),
    (eager_transforms, "grad_and_value_impl", "grad_and_value"),
    (eager_transforms, "_vjp_with_argnums", "vjp"),
    (eager_transforms, "_jvp_with_argnums", "jvp"),
)
"""What torch.func's transforms call: within them, tensors stand for others of another shape."""


@contextmanager
def torch_calls(recorder: Recorder) -> Iterator[None]:
    """While entered, each transform is a row, and what torch.compile compiled runs as it was written."""
    with ExitStack() as stack:
        for module, attribute, name in _TRANSFORMS:
            run = getattr(module, attribute)
            stack.enter_context(patch.object(module, attribute, partial(_block, recorder, name, run)))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


def _block(recorder: Recorder, name: str, run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
    return recorder.block(name, run, args, kwargs)
