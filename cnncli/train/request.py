"""What a command line asks to be trained, as a recipe; refused here if it is wrong, before torch is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cnncli.errors import RequestError
from cnncli.models import models
from cnncli.overrides import override
from cnncli.recipe import Recipe, available, defaults, load, renamed, resolved
from cnncli.registry import same_letters
from cnncli.sources import is_code, is_library, spelled
from cnncli.starting import check
from cnncli.train import folder
from cnncli.trained import is_file, is_network
from cnncli.yaml_scalar import inert

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")

Options = Mapping[str, tuple[str, object]]


class Request(NamedTuple):
    """recipe: what to train · name: what its run folders are called after · note: what a user should know, or "".

    network: the text of the net.yaml that is still to be written, of a network that somebody's code makes, or ""
    """

    recipe: Recipe
    name: str
    note: str = ""
    network: str = ""

    @property
    def text(self) -> str:
        """The recipe, every key written out."""
        return resolved(self.recipe)

    def begun(self) -> tuple[Recipe, Path]:
        """The recipe to train by, and the new run folder; raises `DataError` where that cannot be written."""
        path = folder.new_folder(self.name, self.text)
        try:
            recipe = self._placed(path)
            if recipe is not self.recipe:
                folder.write(path / folder.RECIPE, resolved(recipe).encode())
        except BaseException:
            folder.discard(path)
            raise
        return recipe, path

    @contextmanager
    def tried(self) -> Iterator[Recipe]:
        """The recipe to rehearse, while nothing is kept."""
        with TemporaryDirectory(prefix="cnncli-") as home:
            yield self._placed(Path(home))

    def _placed(self, path: Path) -> Recipe:
        """The recipe, its network written into `path` if it is in no file yet."""
        if not self.network:
            return self.recipe
        file = (path / folder.NETWORK).resolve()
        folder.write(file, self.network.encode())
        return renamed(self.recipe, str(file))


def requested(source: str, arguments: Sequence[str], options: Options, device: str = "auto") -> Request:
    """The recipe `source`, by name or path, or the textbook's for the network `source`, with what the command line sets.

    arguments: `key=value` · options: dotted key → (flag, value), None where it was not given; with `data.name` among them, a
    name that is a recipe's and a network's means the network. Raises `RequestError`, and `DataError` for an unreadable file.
    """
    check_device(device)
    source = spelled(same_letters(source, available()) or source)
    overrides = [*_beside(arguments, options), *_texts(options)]
    _, data = options.get("data.name", ("", None))
    others = [text for text in overrides if not text.startswith("data.name=")]
    if data is not None and is_code(source):
        request = _of_code(source, str(data), others)
    elif data is not None and is_network(source):
        request = Request(defaults(_whole(source), str(data), others), _short(source))
    elif is_code(source) or is_library(source):
        raise RequestError(
            f"{inert(source, 100)} is a network, not a recipe; say what to train it on, as in --data digits"
        )
    else:
        request = Request(load(source, overrides, networks=list(models())), Path(source).stem)
    check(request.recipe.model.weights)
    return request


def _of_code(source: str, data: str, overrides: Sequence[str]) -> Request:
    from cnncli.train.own_code import written_down

    found = written_down(source, data, overrides)
    with TemporaryDirectory(prefix="cnncli-") as home:
        file = Path(home) / folder.NETWORK
        file.write_text(found.text, encoding="utf-8")
        recipe = defaults(str(file), data, found.left)
    return Request(recipe, _short(source.removesuffix(".py")), found.note, found.text)


def check_device(name: str) -> None:
    """Raise `RequestError` for what is no device on any machine."""
    if not _DEVICE.fullmatch(name):
        instead = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps"}.get(
            name.lower(), f"cuda:{name}" if name.isdigit() else ""
        )
        cure = f"write {instead}" if instead else "write auto, cpu, cuda, cuda:1 or mps"
        raise RequestError(f"--device {inert(repr(name))} is no device; {cure}")


def _short(source: str) -> str:
    """What the run folders of a network are called after: a file's name, or a library's without what no folder may hold."""
    return Path(source).stem if is_file(source) else re.sub(r"[^\w.@-]+", "-", source.rpartition(":")[2])


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
