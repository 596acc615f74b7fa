"""Sets that torchvision knows in formats of their own: in one piece, or as a folder of image files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from cnncli.data import Dataset, Files, Split, Splits, Where, prepared
from cnncli.errors import DataError
from cnncli.files import data_folder, reason

if TYPE_CHECKING:
    import torch

DAMAGE = (OSError, RuntimeError, ValueError, KeyError, EOFError, TypeError, IndexError, UnpicklingError)

Options = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A set that one of torchvision's classes reads.

    kind: the class · folder: its place in the data folder, "." where it has none · entries: the files and folders that must be in
    there · train, test: what the class is called with, once for each part of the split · images, labels: the class' attributes that
    hold them, images as N×C×H×W or N×H×W×C bytes, or as paths where `of_files` · needs: a package that torchvision wants for it
    """

    name: str
    kind: str
    folder: str
    entries: tuple[str, ...]
    train: tuple[Options, ...]
    test: tuple[Options, ...]
    images: str
    labels: str
    of_files: bool = False
    channels_last: bool = False
    needs: str | None = None

    def place(self, root: Path) -> Path:
        """Where it lies in the data folder `root`."""
        return root / self.folder

    def missing(self, root: Path) -> list[str]:
        """What is not there."""
        return [entry for entry in self.entries if not (self.place(root) / entry).exists()]


def declare(source: Source, **facts: Any) -> Dataset:  # noqa: ANN401  (fields of `Dataset`)
    """The facts of `source`, whose `load` raises `DataError` where something is missing, damaged or cannot be had."""
    return Dataset(name=source.name, load=partial(_load, source), where=partial(_where, source), **facts)


def _where(source: Source) -> Where:
    root = data_folder()
    return Where(source.place(root), not source.missing(root))


def _load(source: Source) -> Splits:
    root = data_folder()
    _have_package(source)
    _complete(source, root)
    if source.of_files:
        return Splits(_files(source, root, source.train), _files(source, root, source.test))
    sources = [source.place(root) / entry for entry in source.entries]
    parts = prepared.load(
        source.name, root, sources, lambda: (_split(source, root, source.train), _split(source, root, source.test))
    )
    return Splits(*parts)


def _have_package(source: Source) -> None:
    """Raise `DataError` for a package that is missing, before gigabytes are downloaded that nothing here can read."""
    if source.needs is not None and find_spec(source.needs) is None:
        raise DataError(
            f"torchvision reads {source.name} with {source.needs}, which is not installed; install it: "
            f"python -m pip install {source.needs}"
        )


def _complete(source: Source, root: Path) -> None:
    """Download what is missing; refuse what is there in part, which no download should replace."""
    missing, place = source.missing(root), source.place(root)
    if not missing:
        return
    if source.folder != "." and place.exists():
        raise DataError(f"{str(place)!r} is incomplete: {missing[0]!r} is missing; delete the folder and run again")
    from cnncli.data.download import download

    wanted = missing if source.folder == "." else [source.folder]
    download(source.name, root, wanted, partial(_fetch, source))


def _fetch(source: Source, scratch: Path) -> Path:
    """Let torchvision download into `scratch`, where it checks archives against their MD5."""
    for options in (*source.train, *source.test):
        _torchvision(source, scratch, {**options, "download": True})
    return scratch


def _files(source: Source, root: Path, parts: Sequence[Options]) -> Files:
    read = [_read(source, root, options) for options in parts]
    paths = tuple(str(path) for part in read for path in getattr(part, source.images))
    return Files(paths=paths, labels=_labels(source, read))


def _split(source: Source, root: Path, parts: Sequence[Options]) -> Split:
    import torch

    read = [_read(source, root, options) for options in parts]
    images = torch.cat([torch.as_tensor(getattr(part, source.images)) for part in read])
    if source.channels_last:
        images = images.permute(0, 3, 1, 2)
    return Split(images=images.contiguous(), labels=_labels(source, read))


def _labels(source: Source, read: Sequence[object]) -> torch.Tensor:
    import torch

    return torch.cat([torch.as_tensor(getattr(part, source.labels)).long() for part in read])


def _read(source: Source, root: Path, options: Options) -> object:
    try:
        return _torchvision(source, root, options)
    except DAMAGE as error:
        place = source.place(root)
        raise DataError(
            f"torchvision cannot read {source.name} in {str(place)!r} ({reason(error)}); delete it and run again"
        ) from error


def _torchvision(source: Source, root: Path, options: Options) -> object:
    """An object of torchvision's class; raises what that raises."""
    kind: Callable[..., object] = getattr(import_module("torchvision.datasets"), source.kind)  # 2 s
    return kind(root, **options)
