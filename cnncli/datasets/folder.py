"""Images in folders named after their class: `folder:PATH`.

PATH holds either train/ and test/ (or val/) with a folder for each class in both, or the folders of the classes themselves: then
a fifth of every class is tested on, always the same images, whatever the recipe's seed. What lies deeper in a class's folder
belongs to it. A class that is not tested on keeps its number; one that is not trained on is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from cnncli.datasets import Dataset, Family, Files, Where
from cnncli.datasets.folders import reason
from cnncli.datasets.pictures import SUFFIXES, is_grey, size_of
from cnncli.errors import DataError, RequestError, nearest

PATTERN = "folder:PATH"
ABOUT = "your own images, a folder for each class"
TESTED = ("test", "val", "valid", "validation")  # the first that is there is tested on
SHARE = 5  # of that many images of a class, one is tested on
PEEKED = 16  # images that are asked for their colours and sizes


class Listing(NamedTuple):
    """What lies in a folder.

    train, test: paths from the folder, with slashes, and the index of the class · tested: the name of the folder that is tested
    on, None for a share of all · ignored: how many files are no images by their names
    """

    classes: tuple[str, ...]
    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]
    tested: str | None
    ignored: int


def make(text: str) -> Dataset:
    """The data source `folder:text`; raises `RequestError`, and `DataError` where there is no such folder or nothing in it."""
    root = _root(text)
    found = listing(root)
    files = f"; {found.ignored:,} other files ignored" if found.ignored else ""
    layout = f"train/ and {found.tested}/" if found.tested else "a fifth of each class tested on"
    return Dataset(
        name=f"folder:{root}",
        title=f"images in {root!r}, {layout}{files}",
        shape=(1 if _all_grey(root, found) else 3, None, None),
        classes=found.classes,
        train=len(found.train),
        test=len(found.test),
        licence="not known",
        load=partial(_load, root, found),
        where=lambda: Where(Path(root), there=True),
    )


def listing(root: str) -> Listing:
    """What lies in the folder `root`; looked at anew where a folder in it has changed. Raises `DataError`."""
    try:
        folders = [root, *_folders(root), *(inner for outer in _folders(root) for inner in _folders(outer))]
        stamps = tuple((folder, os.stat(folder).st_mtime_ns) for folder in folders)  # noqa: PTH116
        return _listing(root, stamps)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the folder {root!r}: {reason(error)}; write the path of one that can be read"
        ) from error


def _root(text: str) -> str:
    if not text.strip():
        raise RequestError(f"data set {'folder:' + text!r} lacks a path; write {PATTERN}")
    try:
        return str(Path(text).expanduser().absolute())
    except (RuntimeError, OSError) as error:
        raise DataError(f"{'folder:' + text!r} names no folder: {reason(error)}; write the whole path") from error


@lru_cache(maxsize=4)
def _listing(root: str, stamps: tuple[tuple[str, int], ...]) -> Listing:  # noqa: ARG001  (the cache's key)
    names = {os.path.basename(folder) for folder in _folders(root)}  # noqa: PTH119
    tested = next((name for name in TESTED if name in names), None)
    if "train" in names and _folders(f"{root}/train"):
        if tested is None:
            raise DataError(
                f"{root!r} holds train/ but no test/ or val/; write folder:{root}/train for a test share of its own"
            )
        return _two(root, tested)
    return _one(root)


def _two(root: str, tested: str) -> Listing:
    """train/ and another folder."""
    splits = [_by_class(root, f"{root}/{name}") for name in ("train", tested)]
    _refuse_unknown_classes(root, tested, list(splits[0][0]), list(splits[1][0]))
    classes = tuple(sorted({name for found, _ in splits for name in found}))
    train, test = (
        tuple((path, classes.index(name)) for name, paths in found.items() for path in paths) for found, _ in splits
    )
    for name, paths in (("train", train), (tested, test)):
        if not paths:
            raise DataError(f"{f'{root}/{name}'!r} holds no images in class folders; put a folder for each class there")
    return Listing(classes, train, test, tested, sum(ignored for _, ignored in splits))


def _refuse_unknown_classes(root: str, tested: str, trained_on: Sequence[str], tested_on: Sequence[str]) -> None:
    """Raise `DataError` for a class that nothing is trained on: most often it is one by another spelling."""
    for name in tested_on if trained_on else ():
        if name not in trained_on:
            near = next((known for known in trained_on if known.lower() == name.lower()), nearest(name, trained_on))
            cure = f"did you mean {near!r}?" if near else "add images of it to train/, or remove it"
            raise DataError(f"{f'{root}/{tested}/{name}'!r} is a class that train/ lacks; {cure}")


def common_size(root: str) -> tuple[int, int] | None:
    """Height and width of the images in the folder `root`, if those looked at, at even distances, all have the same."""
    paths = [path for path, _ in listing(root).train]
    sizes = {size_of(f"{root}/{path}") for path in paths[:: max(1, len(paths) // PEEKED)]} - {None}
    return sizes.pop() if len(sizes) == 1 else None


def _one(root: str) -> Listing:
    """A folder for each class, of whose images every fifth is tested on."""
    found, ignored = _by_class(root, root)
    if not found:
        raise DataError(
            f"{root!r} holds no folders with images; put a folder for each class there, named after the class"
        )
    classes = tuple(found)
    train: list[tuple[str, int]] = []
    test: list[tuple[str, int]] = []
    for label, paths in enumerate(found.values()):
        held = _held_out(paths)
        for path in paths:
            (test if path in held else train).append((path, label))
    if not test:
        raise DataError(f"{root!r} holds one image a class; put two there at least, one to train on and one to test on")
    return Listing(classes, tuple(train), tuple(test), None, ignored)


def _held_out(paths: Sequence[str]) -> set[str]:
    """A fifth of the images of a class, one at least of two, drawn by their names: others that join move few of them."""
    count = max(1, round(len(paths) / SHARE)) if len(paths) > 1 else 0
    return set(sorted(paths, key=_lot)[:count])


def _lot(path: str) -> bytes:
    return blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()


def _by_class(root: str, folder: str) -> tuple[dict[str, list[str]], int]:
    """The images in each of `folder`'s folders that has any, as paths from `root`; and how many other files there are."""
    found: dict[str, list[str]] = {}
    ignored = 0
    for inner in _folders(folder):
        files = [*files_below(inner)]
        images = [path for path in files if path[path.rfind(".") :].lower() in SUFFIXES]
        ignored += len(files) - len(images)
        if images:
            start = len(root.rstrip(os.sep)) + 1
            found[os.path.basename(inner)] = [path[start:].replace(os.sep, "/") for path in images]  # noqa: PTH119
    return found, ignored


def files_below(folder: str) -> Iterator[str]:
    """All files below `folder` in order of their names; hidden ones left out, links to folders not followed."""
    inner = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.path)
            elif _is_file(entry):
                yield entry.path
    for path in inner:
        yield from files_below(path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link that leads nowhere: reading it will name it, as any image that cannot be read."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110
    except OSError:  # links in a circle
        return True


def _folders(folder: str) -> list[str]:
    """The folders in `folder` in order of their names, hidden ones left out."""
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if not entry.name.startswith(".") and os.path.isdir(entry.path))  # noqa: PTH112


def _all_grey(root: str, found: Listing) -> bool:
    """Whether images taken at even distances are all without colours."""
    paths = [path for path, _ in found.train]
    looked_at = [is_grey(f"{root}/{path}") for path in paths[:: max(1, len(paths) // PEEKED)]]
    known = [grey for grey in looked_at if grey is not None]
    return bool(known) and all(known)


def _load(root: str, found: Listing) -> tuple[Files, Files]:
    return _split(root, found.train), _split(root, found.test)


def _split(root: str, entries: Sequence[tuple[str, int]]) -> Files:
    import torch

    paths = tuple(f"{root}/{path}" for path, _ in entries)
    return Files(paths=paths, labels=torch.tensor([label for _, label in entries], dtype=torch.int64))


FAMILIES = {"folder": Family(PATTERN, ABOUT, make)}
