"""`torchvision:NAME`: any builder of torchvision.models, with its own defaults and without weights.

A plain one that is built in (`torchvision:resnet18`) is the built-in network, and needs neither torch nor torchvision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cnncli.errors import RequestError, UnknownName
from cnncli.layers import Shape, Tensor
from cnncli.models import models
from cnncli.sources import built_in
from cnncli.sources.recorded import attempted, called, guests, recorded, with_their_name
from cnncli.sources.registered import refuse_unknown
from cnncli.sources.request import Loaded, Request

if TYPE_CHECKING:
    from torch import nn

EDITION = "torchvision"
_WEIGHTS = ("weights", "weights_backbone")


def read(request: Request) -> Loaded:
    """The network that the builder makes, at its own crop unless asked for another."""
    name = request.source.partition(":")[2]
    if _is_built_in(name, request):
        return built_in.read(Request(f"{name}@{EDITION}", request.inputs, request.arguments, request.strict))
    refuse_unknown("torchvision", name)
    from torchvision import models as zoo  # type: ignore[import-untyped]

    from cnncli.record.building import built

    make = maker(request)
    with attempted(request.source), guests():
        module = built(make)
    usual = [] if request.inputs else _inputs(module, zoo.get_model_weights(name))
    return recorded(request, module, name, usual)


def maker(request: Request) -> Callable[[], nn.Module]:
    """The builder with its arguments; raises `UnknownName` for a name or an argument that there is not."""
    from torchvision import models as zoo

    name = request.source.partition(":")[2]
    if name not in zoo.list_models():
        raise UnknownName("torchvision model", name, zoo.list_models())
    return _maker(request, zoo.get_model_builder(name), name)


def _is_built_in(name: str, request: Request) -> bool:
    found = models().get(name)
    own = set(request.arguments) - {"classes"}
    return found is not None and EDITION in found.editions and not own and not request.training


def _maker(request: Request, builder: Any, name: str) -> Callable[[], nn.Module]:  # noqa: ANN401  (a builder of torchvision)
    from inspect import signature

    given = [key for key in request.arguments if key in _WEIGHTS]
    if given:
        raise RequestError(f"{request.source}: {given[0]} is not looked at, figures do not depend on it; leave it out")
    none: Mapping[str, None] = {key: None for key in _WEIGHTS if key in signature(builder).parameters}
    own = {**none, **with_their_name(request.arguments)}
    asked = Request(request.source, request.inputs, own)
    return called(asked, builder, name)


def _inputs(module: Any, weights: Any) -> list[Any]:  # noqa: ANN401  (an enumeration of torchvision)
    """What its published weights were tested on; a detector takes a list of images, RAFT two of them."""
    first = next(iter(weights), None)
    transform: Any = getattr(module, "transform", None)
    if hasattr(transform, "min_size"):
        side = (transform.fixed_size or (transform.min_size[-1],))[0]
        return [[Tensor((3, side, side), batch=None)]]
    if first is None:
        return [Tensor((3, 224, 224))]
    preset = first.transforms()
    if type(preset).__name__ == "OpticalFlow":
        return [Tensor((3, *first.meta["min_size"]))] * 2
    return [Tensor(_shape(module, preset, first.meta))]


def _shape(module: Any, preset: Any, meta: Mapping[str, Any]) -> Shape:  # noqa: ANN401
    side = getattr(module, "image_size", None) or next(
        value[-1] for name in ("crop_size", "resize_size") if (value := getattr(preset, name, None))
    )
    video = type(preset).__name__ == "VideoClassification"
    return (3, *((meta.get("min_temporal_size", 16),) if video else ()), side, side)
