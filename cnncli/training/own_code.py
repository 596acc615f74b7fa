"""A network that somebody's own code makes, written down as a net.yaml: the code runs once, and a run is data from then on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnncli.data import dataset
from cnncli.data.folder import common_size
from cnncli.errors import RequestError
from cnncli.files.run_folder import NETWORK
from cnncli.layers import Shape, Tensor, dims
from cnncli.layers.parsing import typed as typed_shape
from cnncli.recipe.keys import keys
from cnncli.recipe.overrides import override
from cnncli.sources import Request, load
from cnncli.sources.networks import with_scores
from cnncli.sources.python import parameters
from cnncli.text import truncate

_CLASSES = ("classes", "num_classes", "n_classes")


class WrittenDown(NamedTuple):
    """text: a net.yaml · left: what of the overrides is the recipe's · note: what a user should know · command: writes the text"""

    text: str
    left: list[str]
    note: str
    command: str


def written_down(source: str, data: str, overrides: Sequence[str]) -> WrittenDown:
    """The network that `source` makes for the images and the classes of `data`; its arguments are taken out of `overrides`.

    The number of classes is given to an argument `classes`, `num_classes` or `n_classes`, if there is one. Raises `RequestError`,
    also where the code does what a net.yaml has no words for, and `DataError`.
    """
    from cnncli.formats import net_yaml

    takes = parameters(source)
    own, left = _divided(takes, overrides)
    classes = len(dataset(data).classes)
    shape, given = _images(data, left), {**_told(takes - own.keys(), classes), **own}
    found = load(Request(source, {"0": Tensor(shape)}, given, training=True))
    if found.fault is not None:
        raise RequestError(f"{source}: at {dims(shape)}: {found.fault.message}; resize= brings images to another size")
    with_scores(source, found.network, classes, _cure(given))
    try:
        text = net_yaml.dump(found.network)
    except RequestError as error:
        raise RequestError(f"{source} cannot be trained from here: {error}") from error
    typed = [source, *(f"{key}={value}" for key, value in given.items()), "--input", typed_shape(shape)]
    return WrittenDown(
        text=text,
        left=[*left, *_init(left)],
        note=_NOTE.format(source=truncate(source, 100), file=NETWORK),
        command=f"cnncli models show {shlex.join(typed)} --yaml > {NETWORK}",
    )


_NOTE = "{source} is trained as {file} in the run folder has it; torch draws its first weights, whatever its code does with them"


def _divided(takes: frozenset[str], overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The arguments of the network, and the other overrides: `model.frozen` and `model.weights` are the recipe's."""
    own: dict[str, Any] = {}
    left: list[str] = []
    for text in overrides:
        read = override(text)
        key = read.key.removeprefix("model.")
        if tuple(read.key.split(".")) not in keys() and (key in takes or key != read.key):
            own[key] = read.value
        else:
            left.append(text)
    return own, left


def _told(open: frozenset[str], classes: int) -> dict[str, int]:
    return next(({name: classes} for name in _CLASSES if name in open), {})


def _cure(given: Mapping[str, object]) -> str:
    told = next((name for name in _CLASSES if name in given), None)
    return f"its {told}= does not make the last layer so wide" if told else "let it take classes="


def _images(data: str, overrides: Sequence[str]) -> Shape:
    """C×H×W of the images that it will be trained on."""
    channels, height, width = dataset(data).shape
    sides = [read.value for text in overrides if (read := override(text)).key in {"resize", "data.resize"}]
    side = sides[0] if sides and isinstance(sides[0], int) else None
    if side is None and height is None:
        height, width = common_size(dataset(data).name.removeprefix("folder:")) or (None, None)
    high, wide = side or height, side or width
    if high is None or wide is None:
        raise RequestError(f"{data}: its images are of many sizes; say which to bring them to, as in resize=64")
    return (channels, high, wide)


def _init(overrides: Sequence[str]) -> list[str]:
    """First weights as torch draws them, unless they are asked for otherwise."""
    said = {override(text).key for text in overrides} & {"init", "train.init"}
    return [] if said else ["train.init=default"]
