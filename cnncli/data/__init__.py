"""Data sources: what they are (torch-free), and how they are loaded (torch inside `load`).

A source is a file in this folder that declares `DATASETS`, a dict from name to `Dataset`, or `FAMILIES`, a dict from the word
before the colon in `folder:PATH` to `Family`. Facts answer `--dry-run` and refuse a wrong recipe before torch is imported;
`load` brings images into memory, or says in which files they lie.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnncli.errors import RequestError, UnknownName
from cnncli.registry import entries, find, letters, synonyms

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Split:
    """Images that fit in memory.

    images: uint8, N×C×H×W, 0 to 255 · labels: int64, N, an index into the set's classes
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, indices: torch.Tensor) -> Split:
        """The images at `indices`, in that order."""
        return Split(images=self.images[indices], labels=self.labels[indices])


@dataclass(frozen=True, kw_only=True)
class Files:
    """Images that lie in a file each, of any size.

    paths: absolute · labels: int64, N, an index into the set's classes
    """

    paths: tuple[str, ...] = field(repr=False)
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.paths)

    def part(self, indices: torch.Tensor) -> Files:
        """The images at `indices`, in that order."""
        return Files(paths=tuple(self.paths[index] for index in indices.tolist()), labels=self.labels[indices])


class Splits(NamedTuple):
    """The images of a set as stored; val: None where the set brings no validation split."""

    train: Split | Files
    test: Split | Files
    val: Split | Files | None = None


class Where(NamedTuple):
    """path: where a set lies or will lie, None for one that is made up · there: whether it can be loaded without a network."""

    path: Path | None
    there: bool


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The facts about a data source.

    shape: C×H×W as stored; None for a height or width that differs from image to image · train, test, val: number of images, val
    None where the set brings no validation split · load(): the splits as stored (raises `DataError`) · where(): where they lie ·
    notes: what a user should know about images that are not used
    """

    name: str
    title: str
    shape: tuple[int, int | None, int | None]
    classes: tuple[str, ...]
    train: int
    test: int
    licence: str
    load: Callable[[], Splits] = field(repr=False)
    where: Callable[[], Where] = field(repr=False)
    val: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Images of each split that there is."""
        found = {"train": self.train, "val": self.val, "test": self.test}
        return {name: count for name, count in found.items() if count is not None}


class Family(NamedTuple):
    """Data sources whose name goes on after a colon.

    pattern: how the name is written · about: what it gives · make: from what follows the colon; raises `RequestError`,
    `DataError`
    """

    pattern: str
    about: str
    make: Callable[[str], Dataset]


def dataset(name: str) -> Dataset:
    """The data source called `name`; raises `UnknownName`, and what the family of a name with a colon raises."""
    kind, colon, rest = name.partition(":")
    if colon and len(kind) == 1:  # a drive of Windows
        _refuse_what_was_nearly_a_family(name)
    if colon and kind not in families():
        _refuse_what_was_nearly_a_family(name)
    if colon:
        family: Family = find("cnncli.data", "FAMILIES", kind, "data source")
        return family.make(rest)
    try:
        found: Dataset = find("cnncli.data", "DATASETS", name, "data set")
    except UnknownName:
        _refuse_what_was_nearly_a_family(name)
        found_elsewhere = synonyms.one_of(name, synonyms.SETS, datasets())
        if found_elsewhere:
            return dataset(found_elsewhere)
        if cure := synonyms.meant(synonyms.NO_SETS, name):
            raise UnknownName("data set", name, (), cure=cure) from None
        raise
    return found


def datasets() -> dict[str, Dataset]:
    """All data sources of a fixed name."""
    return entries("cnncli.data", "DATASETS")


def families() -> dict[str, Family]:
    """All data sources whose name goes on after a colon, by the word before it."""
    return entries("cnncli.data", "FAMILIES")


def _refuse_what_was_nearly_a_family(name: str) -> None:
    """Raise `RequestError` for a family without its colon, and for the bare path of a folder."""
    if name in families():
        raise RequestError(f"data set {name!r} lacks what comes after the colon; write {families()[name].pattern}")
    if "://" in name:
        raise RequestError(f"data set {name!r}: an address is not read; download and unpack it, then write folder:PATH")
    key, equals, path = name.partition("=")
    if equals:
        raise RequestError(
            f"data set {name!r}: a split is a folder of that name; put {path!r} into one folder as {key}/ and test/, and write "
            "folder:PATH"
        )
    own = synonyms.one_of(re.split(r"[.:]", name)[-1], synonyms.SETS, datasets())
    if own and letters(own) != letters(name):
        raise RequestError(f"unknown data set {name!r}; write {own}")
    folder = Path(name).expanduser().is_dir()
    if Path(name).is_file() or name.lower().endswith((".csv", ".zip", ".tar", ".gz", ".tgz", ".npz", ".npy", ".json")):
        raise RequestError(
            f"unknown data set {name!r}; a file of data is not read: unpack it into a folder with a folder of images for "
            "each class, and write folder:PATH"
        )
    if folder or "/" in name or "\\" in name:
        what = "for the images in that folder" if folder else "if that is to be a folder of images"
        raise RequestError(f"unknown data set {name!r}; {what} write {'folder:' + name!r}")
