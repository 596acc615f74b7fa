"""`timm:NAME`: a model of PyTorch Image Models, without weights; needs the extra `cnncli[timm]`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cnncli.errors import UnknownName
from cnncli.layers import Tensor
from cnncli.sources.recorded import attempted, guests, needed, recorded, with_their_name
from cnncli.sources.registered import refuse_unknown
from cnncli.sources.request import Loaded, Request

if TYPE_CHECKING:
    from torch import nn


def read(request: Request) -> Loaded:
    """The network, at the size that timm has for it unless asked for another."""
    make = maker(request)
    from cnncli.record.building import built

    with attempted(request.source), guests():
        module = built(make)
    shape = getattr(module, "pretrained_cfg", {}).get("input_size", (3, 224, 224))
    return recorded(request, module, request.source.partition(":")[2], [Tensor(tuple(shape))])


def maker(request: Request) -> Callable[[], nn.Module]:
    """What makes the model with its arguments; raises `UnknownName` where there is none of that name."""
    name = request.source.partition(":")[2]
    refuse_unknown("timm", name)
    timm: Any = needed("timm", "timm")
    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models())
    return partial(timm.create_model, name, pretrained=False, **with_their_name(request.arguments))
