"""A network that your own code makes, as a net.yaml: the code runs once, and a run is data from then on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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


class AsNetYaml(NamedTuple):
    """Your own network as data.

    Attributes:
        text: a net.yaml.
        left: the overrides that are the recipe's.
        note: what a user should know.
        command: writes the text.
    """

    text: str
    left: list[str]
    note: str
    command: str


def as_net_yaml(source: str, data: str, overrides: Sequence[str]) -> AsNetYaml:
    """Run the code `source` for the images and the classes of `data`, and describe the network that it makes.

    The number of classes is given to an argument `classes`, `num_classes` or `n_classes`, if it has one. Other arguments are taken
    out of `overrides`.

    Raises:
        RequestError: something is wrong, or the code does what a net.yaml cannot express.
        DataError: a file cannot be read.
    """
    from cnncli.formats import net_yaml

    names = parameters(source)
    set_by_user: dict[str, Any] = {}
    left: list[str] = []
    for text in overrides:  # `model.frozen` and `model.weights` are the recipe's
        read = override(text)
        key = read.key.removeprefix("model.")
        if tuple(read.key.split(".")) not in keys() and (key in names or key != read.key):
            set_by_user[key] = read.value
        else:
            left.append(text)
    classes = len(dataset(data).classes)
    shape = _image_shape(data, left)
    unset = next(({name: classes} for name in _CLASSES if name in names - set_by_user.keys()), {})
    arguments = {**unset, **set_by_user}
    loaded = load(Request(source, {"0": Tensor(shape)}, arguments, training=True))
    if loaded.fault is not None:
        raise RequestError(f"{source}: at {dims(shape)}: {loaded.fault.message}; resize= brings images to another size")
    name = next((name for name in _CLASSES if name in arguments), None)
    cure = f"its {name}= does not make the last layer so wide" if name else "let it take classes="
    with_scores(source, loaded.network, classes, cure)
    try:
        net_text = net_yaml.dump(loaded.network)
    except RequestError as error:
        raise RequestError(f"{source} cannot be trained from here: {error}") from error
    sets_init = any(override(text).key in {"init", "train.init"} for text in left)
    typed = [source, *(f"{key}={value}" for key, value in arguments.items()), "--input", typed_shape(shape)]
    return AsNetYaml(
        text=net_text,
        left=left if sets_init else [*left, "train.init=default"],  # initial weights as torch draws them
        note=_NOTE.format(source=truncate(source, 100), file=NETWORK),
        command=f"cnncli models show {shlex.join(typed)} --yaml > {NETWORK}",
    )


_NOTE = "{source} is trained as {file} in the run folder has it; torch draws its first weights, whatever its code does with them"


def _image_shape(data: str, overrides: Sequence[str]) -> Shape:
    """Return C×H×W of the images that it will be trained on."""
    channels, height, width = dataset(data).shape
    sides = [read.value for text in overrides if (read := override(text)).key in {"resize", "data.resize"}]
    side = sides[0] if sides and isinstance(sides[0], int) else None
    if side is None and height is None:
        height, width = common_size(dataset(data).name.removeprefix("folder:")) or (None, None)
    high, wide = side or height, side or width
    if high is None or wide is None:
        raise RequestError(f"{data}: its images are of many sizes; say which to bring them to, as in resize=64")
    return (channels, high, wide)
