"""`timm:NAME`: a model of PyTorch Image Models, without weights; needs the extra `cnncli[timm]`."""

from __future__ import annotations

from typing import Any

from cnncli.errors import UnknownName
from cnncli.layers import Tensor
from cnncli.sources.recorded import attempted, guests, needed, recorded, with_their_name
from cnncli.sources.request import Loaded, Request


def read(request: Request) -> Loaded:
    """The network, at the size that timm has for it unless asked for another."""
    from functools import partial

    from cnncli.record.building import built

    timm: Any = needed("timm", "timm")
    name = request.source.partition(":")[2]
    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models())
    own = with_their_name(request.arguments)
    with attempted(request.source), guests():
        module = built(partial(timm.create_model, name, pretrained=False, **own))
    shape = getattr(module, "pretrained_cfg", {}).get("input_size", (3, 224, 224))
    return recorded(request, module, name, [Tensor(tuple(shape))])
