"""What a command line asks to be trained, as a recipe; refused here if it is wrong, before torch is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cnncli.errors import RequestError
from cnncli.files import run_folder as folder
from cnncli.models import models
from cnncli.recipe.overrides import override
from cnncli.registry import same_letters
from cnncli.sources import is_code, is_library, spelled
from cnncli.sources.networks import is_file, is_network
from cnncli.sources.pretrained import check
from cnncli.sources.recipes import Recipe, available, load, renamed, resolved
from cnncli.text import truncate
from cnncli.training.default_recipe import default_recipe, usual_rate

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")

TOO_HIGH = 10  # times the rate that suits a network

Options = Mapping[str, tuple[str, object]]


class Request(NamedTuple):
    """recipe: what to train · name: what its run folders are called after · note: what a user should know, in lines, or "".

    network: the text of the net.yaml that the network is written in, "" where it is in none. A run keeps a copy, so that its
    folder is complete in itself. · code: what wrote that text, where no file of the user's holds it
    """

    recipe: Recipe
    name: str
    note: str = ""
    network: str = ""
    code: str = ""

    @property
    def text(self) -> str:
        """The recipe as the run folder is to hold it, every key written out."""
        return resolved(renamed(self.recipe, folder.NETWORK) if self.network else self.recipe)

    def begun(self) -> tuple[Recipe, Path]:
        """The recipe to train by, and the new run folder; raises `DataError` where that cannot be written."""
        path = folder.new_folder(self.name, self.text, self.network)
        return (renamed(self.recipe, str((path / folder.NETWORK).absolute())) if self.network else self.recipe), path

    @contextmanager
    def tried(self) -> Iterator[Recipe]:
        """The recipe to rehearse, while nothing is kept."""
        if not self.code:
            yield self.recipe
            return
        with TemporaryDirectory(prefix="cnncli-") as home:
            file = Path(home) / folder.NETWORK
            file.write_text(self.network, encoding="utf-8")
            yield renamed(self.recipe, str(file))


def requested(source: str, arguments: Sequence[str], options: Options, device: str = "auto") -> Request:
    """The recipe `source`, by name or path, or the default one of the network `source`, with what the command line sets.

    arguments: `key=value` · options: dotted key → (flag, value), None where it was not given. A name that is a recipe's and a
    network's means the recipe; `lenet@d2l` is the network. Raises `RequestError`, and `DataError` for an unreadable file.
    """
    check_device(device)
    source = spelled(same_letters(source, available()) or source)
    overrides = [*_beside(arguments, options), *_texts(options)]
    _, data = options.get("data.name", ("", None))
    others = [text for text in overrides if not text.startswith("data.name=")]
    if data is not None and is_code(source):
        request = _of_code(source, str(data), others)
    elif data is not None and source not in available() and is_network(source):
        request = _without_recipe(source, str(data), others)
    elif is_code(source) or is_library(source):
        raise RequestError(
            f"{truncate(source, 100)} is a network, not a recipe; say what to train it on, as in --data digits"
        )
    else:
        recipe = load(source, overrides, networks=list(models()))
        request = Request(recipe, Path(source).stem, network=_text_of(recipe))
    check(request.recipe.model.weights)
    return request


def _without_recipe(source: str, data: str, overrides: Sequence[str]) -> Request:
    recipe = default_recipe(source, data, overrides)
    return Request(recipe, _short(source), _told(source, recipe), _text_of(recipe))


def _of_code(source: str, data: str, overrides: Sequence[str]) -> Request:
    from cnncli.training.own_code import written_down

    found = written_down(source, data, overrides)
    with TemporaryDirectory(prefix="cnncli-") as home:
        file = Path(home) / folder.NETWORK
        file.write_text(found.text, encoding="utf-8")
        recipe = default_recipe(str(file), data, found.left)
        note = f"{_told(source, recipe)}\n{found.note}"
    return Request(recipe, _short(source.removesuffix(".py")), note, found.text, found.command)


def _told(source: str, recipe: Recipe) -> str:
    """By what a network without a recipe is trained, and whether a rate was asked for that is another optimizer's."""
    optimizer, suits = recipe.optimizer, usual_rate(recipe)
    high = optimizer.name == "adamw" and optimizer.lr > TOO_HIGH * suits
    return (
        f"no recipe for {truncate(source, 60)}: {optimizer.name} at {optimizer.lr:g}, schedule {recipe.schedule.name}, batches of "
        f"{recipe.data.batch_size}, {recipe.train.init} weights, {recipe.train.epochs} epochs; key=value sets another"
        + (
            f"\nlr {optimizer.lr:g} is high for adamw, {suits:g} suits this network; for SGD: optimizer.name=sgd"
            if high
            else ""
        )
    )


def _text_of(recipe: Recipe) -> str:
    """The text of the file that the network is written in, "" where it is in none."""
    name = recipe.model.name
    return Path(name).read_text(encoding="utf-8", errors="surrogateescape") if is_file(name) else ""


def check_device(name: str) -> None:
    """Raise `RequestError` for what is no device on any machine."""
    if not _DEVICE.fullmatch(name):
        kind, colon, number = name.lower().partition(":")
        instead = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps"}.get(kind, kind) + colon + number
        instead = f"cuda:{name}" if name.isdigit() else instead if _DEVICE.fullmatch(instead) else ""
        cure = f"write {instead}" if instead else "write auto, cpu, cuda, cuda:1 or mps"
        raise RequestError(f"--device {truncate(repr(name))} is no device; {cure}")


def _short(source: str) -> str:
    """What the run folders of a network are called after: a file's name, or a library's without what no folder may hold."""
    return Path(source).stem if is_file(source) else re.sub(r"[^\w.@-]+", "-", source.rpartition(":")[2])


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
            raise RequestError(
                f"{flag} {truncate(str(value))} and {read.text} contradict each other; write one of them"
            )
    return left
