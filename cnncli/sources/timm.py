"""`timm:NAME`: a model of PyTorch Image Models, without weights; needs the extra `cnncli[timm]`.

With `pretrained=true` it is the model that timm makes for the tag's weights, whose numbers are not fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cnncli.errors import UnknownName
from cnncli.layers import Tensor
from cnncli.sources.recorded import built_from, needed, recorded, with_their_name
from cnncli.sources.registered import refuse_unknown
from cnncli.sources.request import Loaded, Request

if TYPE_CHECKING:
    from torch import nn


def read(request: Request) -> Loaded:
    """The network, at the size that timm has for it unless asked for another."""
    make = maker(request)
    module = built_from(request, make)
    published = getattr(module, "pretrained_cfg", {})
    shape = published.get("input_size", (3, 224, 224))
    name = request.source.partition(":")[2]
    of = f" weights={published.get('tag') or 'default'}" if request.arguments.get("pretrained") else ""
    return recorded(request, module, (name.partition(".")[0] if of else name) + of, [Tensor(tuple(shape))], make)


def maker(request: Request) -> Callable[..., nn.Module]:
    """What makes the model with its arguments; raises `UnknownName` where there is none of that name."""
    name = request.source.partition(":")[2]
    refuse_unknown("timm", name)
    timm: Any = needed("timm", "timm")
    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models())
    base, dot, tag = name.partition(".")
    tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{base}.*")] if dot else []
    if dot and tag not in tags:
        raise UnknownName(f"weights of timm:{base}", tag, tags, cure=f"write timm:{base}" if not tags else "")
    arguments = {"pretrained": False, **with_their_name(request.arguments)}

    def made(**more: object) -> nn.Module:
        with _unfetched():
            module: nn.Module = timm.create_model(name, **{**arguments, **more})
        return module

    return made


@contextmanager
def _unfetched() -> Iterator[None]:
    """While entered, weights are neither fetched nor put into a model."""
    from timm.models import _builder

    own = {name: getattr(_builder, name) for name in ("load_pretrained", "load_custom_pretrained")}
    for name in own:
        setattr(_builder, name, lambda *_, **__: None)
    try:
        yield
    finally:
        for name, function in own.items():
            setattr(_builder, name, function)
