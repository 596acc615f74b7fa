"""`torchvision:NAME`: any builder of torchvision.models, with its own defaults and without weights.

A plain one that is built in (`torchvision:resnet18`) is the built-in network, and needs neither torch nor torchvision. With
`weights=` it is the network that the builder makes for those weights, whose numbers are not fetched: it may leave out heads for
training alone, have other classes, or hold its normalisation fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cnncli.errors import UnknownName
from cnncli.layers import Shape, Tensor
from cnncli.models import models
from cnncli.sources import built_in
from cnncli.sources.recorded import built_from, called, recorded, with_their_name
from cnncli.sources.registered import refuse_unknown
from cnncli.sources.request import Loaded, Request
from cnncli.text import truncate

if TYPE_CHECKING:
    from torch import nn

EDITION = "torchvision"
_WEIGHTS = ("weights", "weights_backbone")
_CLIP = 16  # frames of the clips that all its video models were trained and counted on


def read(request: Request) -> Loaded:
    """The network that the builder makes, at its own crop unless asked for another."""
    name = request.source.partition(":")[2]
    if _is_built_in(name, request):
        return built_in.read(Request(f"{name}@{EDITION}", request.inputs, request.arguments, request.strict))
    refuse_unknown("torchvision", name)
    from torchvision import models as zoo  # type: ignore[import-untyped]

    make = maker(request)
    module = built_from(request, make)
    weights = _weights(request, zoo.get_model_builder(name))
    usual = [] if request.inputs else _inputs(module, [*weights.values(), *zoo.get_model_weights(name)])
    of = "".join(f" {key}={each.name}" for key, each in weights.items())
    return recorded(request, module, name + of, usual, make)


def maker(request: Request) -> Callable[..., nn.Module]:
    """The builder with its arguments; raises `UnknownName` for a name or an argument that there is not."""
    from torchvision import models as zoo

    name = request.source.partition(":")[2]
    if name not in zoo.list_models():
        raise UnknownName("torchvision model", name, zoo.list_models())
    return _maker(request, zoo.get_model_builder(name), name)


def _is_built_in(name: str, request: Request) -> bool:
    found = models().get(name)
    own = set(request.arguments) - {"classes"}
    return found is not None and EDITION in found.editions and not own and not request.training and request.batch


def _maker(request: Request, builder: Any, name: str) -> Callable[..., nn.Module]:  # noqa: ANN401  (a builder of torchvision)
    from inspect import signature

    weights = _weights(request, builder)
    silent = ("weights",) if weights else _WEIGHTS  # a builder that is given weights says what its backbone's are
    none: Mapping[str, None] = {key: None for key in silent if key in signature(builder).parameters}
    own = {**none, **with_their_name(request.arguments), **weights}
    make = called(Request(request.source, request.inputs, own), builder, name)

    def made(**more: object) -> nn.Module:
        with _unfetched():
            return make(**more)

    return made if weights else make


def _weights(request: Request, builder: Any) -> dict[str, Any]:  # noqa: ANN401
    """The published weights that were asked for, by the argument's name; raises `UnknownName`."""
    return {
        key: _member(request, builder, key, str(request.arguments[key]))
        for key in _WEIGHTS
        if request.arguments.get(key) is not None
    }


def _member(request: Request, builder: Any, key: str, text: str) -> Any:  # noqa: ANN401
    """`DEFAULT`, `IMAGENET1K_V1` or `Class.NAME` among the enumerations that the builder's annotation names."""
    from typing import get_args, get_type_hints

    hints = get_type_hints(builder)
    if key not in hints:
        raise UnknownName("argument", key, [name for name in hints if name != "return"], where=f"{request.source}: ")
    kinds = [each for each in _flat(get_args(hints[key])) if each is not type(None)]
    kinds.sort(key=lambda kind: ("Quantized" in kind.__name__) != bool(request.arguments.get("quantize")))
    for kind in kinds:
        found = kind.__members__.get(text.removeprefix(f"{kind.__name__}."))
        if found is not None:
            return found
    raise UnknownName(
        key, truncate(text, 60), [name for kind in kinds for name in kind.__members__], where=f"{request.source}: "
    )


def _flat(hints: Iterable[Any]) -> Iterator[Any]:
    from typing import get_args

    for hint in hints:
        yield from _flat(get_args(hint)) if get_args(hint) else (hint,)


@contextmanager
def _unfetched() -> Iterator[None]:
    """While entered, torchvision's weights are not fetched, and what would be put into a module from them is left as it is."""
    from torch import nn
    from torchvision.models import WeightsEnum  # type: ignore[import-untyped]

    class Unfetched(dict[str, Any]):
        pass

    fetch, load = WeightsEnum.get_state_dict, nn.Module.load_state_dict

    def put(module: nn.Module, tensors: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return None if isinstance(tensors, Unfetched) else load(module, tensors, *args, **kwargs)

    WeightsEnum.get_state_dict = lambda *_, **__: Unfetched()
    nn.Module.load_state_dict = put  # type: ignore[assignment]
    try:
        yield
    finally:
        WeightsEnum.get_state_dict, nn.Module.load_state_dict = fetch, load  # type: ignore[method-assign]


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
    clip = (max(_CLIP, meta.get("min_temporal_size", 0)),) if type(preset).__name__ == "VideoClassification" else ()
    return (3, *clip, side, side)
