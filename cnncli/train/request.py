"""What a command line asks to be trained, as a recipe; refused here if it is wrong, before torch is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cnncli.errors import RequestError
from cnncli.models import models
from cnncli.overrides import override
from cnncli.recipe import Recipe, defaults, load, resolved
from cnncli.starting import check
from cnncli.trained import is_file, is_network
from cnncli.yaml_scalar import inert

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")

Options = Mapping[str, tuple[str, object]]


class Request(NamedTuple):
    """recipe: what to train · name: what its run folders are called after · text: the recipe, every key written out."""

    recipe: Recipe
    name: str
    text: str


def requested(source: str, arguments: Sequence[str], options: Options, device: str = "auto") -> Request:
    """The recipe `source`, by name or path, or the textbook's for the network `source`, with what the command line sets.

    arguments: `key=value` · options: dotted key → (flag, value), None where it was not given; with `data.name` among them, a
    name that is a recipe's and a network's means the network. Raises `RequestError`, and `DataError` for an unreadable file.
    """
    check_device(device)
    overrides = [*_beside(arguments, options), *_texts(options)]
    _, data = options.get("data.name", ("", None))
    if data is not None and is_network(source):
        own = [text for text in overrides if not text.startswith("data.name=")]
        recipe, name = defaults(_whole(source), str(data), own), Path(source).stem if is_file(source) else source
    else:
        recipe, name = load(source, overrides, networks=list(models())), Path(source).stem
    check(recipe.model.weights)
    return Request(recipe, name, resolved(recipe))


def check_device(name: str) -> None:
    """Raise `RequestError` for what is no device on any machine."""
    if not _DEVICE.fullmatch(name):
        raise RequestError(f"--device {inert(repr(name))} is no device; write auto, cpu, cuda, cuda:1 or mps")


def _whole(source: str) -> str:
    """A file's path from the root, so that the resolved recipe reruns from any folder."""
    return str(Path(source).resolve()) if is_file(source) else source


def _texts(options: Options) -> list[str]:
    return [f"{key}={value}" for key, (_, value) in options.items() if value is not None]


def _beside(arguments: Sequence[str], options: Options) -> list[str]:
    """The arguments that no option repeats; raises `RequestError` where one sets the same thing differently."""
    flags = {
        name: (flag, value)
        for key, (flag, value) in options.items()
        if value is not None
        for name in {key, key.rpartition(".")[2] if key != "data.name" else key}
    }
    left = []
    for text in arguments:
        read = override(text)
        if read.key not in flags:
            left.append(text)
            continue
        flag, value = flags[read.key]
        if read.value != value:
            raise RequestError(f"{flag} {inert(str(value))} and {read.text} contradict each other; write one of them")
    return left
