"""Images in folders named after their class: `folder:PATH`.

PATH holds either train/, test/ and perhaps val/ with a folder for each class in each, or the folders of the classes themselves:
then a fifth of every class is tested on, always the same images, whatever the recipe's seed. Without test/, val/ is tested on.
What lies deeper in a class's folder belongs to it. A class that is not tested on keeps its number; one that is not trained on is
refused. Images that are in no class are named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TypeAlias

from cnncli.data import Dataset, Family, Files, Splits, Where
from cnncli.data.pictures import SUFFIXES, is_grey, size_of
from cnncli.errors import DataError, RequestError, nearest
from cnncli.files import reason

PATTERN = "folder:PATH"
ABOUT = "your own images, a folder for each class"
SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""What the folders of the splits may be called, in capitals too."""
RECIPE = "recipe.yaml"  # in each folder of a run
SHARE = 5  # of that many images of a class, one is tested on
PEEKED = 16  # images that are asked for their colours and sizes


Entries: TypeAlias = tuple[tuple[str, int], ...]


class Listing(NamedTuple):
    """What lies in a folder.

    train, test, val: paths from the folder, with slashes, and the index of the class; val None where it has no such split ·
    layout: how it is divided, in words · ignored: how many files are no images by their names · notes: which images are not used
    """

    classes: tuple[str, ...]
    train: Entries
    test: Entries
    val: Entries | None
    layout: str
    ignored: int
    notes: tuple[str, ...]


def make(text: str) -> Dataset:
    """The data source `folder:text`; raises `RequestError`, and `DataError` where there is no such folder or nothing in it."""
    root = _root(text)
    found = listing(root)
    files = f"; {found.ignored:,} other files ignored" if found.ignored else ""
    return Dataset(
        name=f"folder:{root}",
        title=f"images in {root!r}, {found.layout}{files}",
        shape=(1 if _all_grey(root, found) else 3, None, None),
        classes=found.classes,
        train=len(found.train),
        test=len(found.test),
        val=None if found.val is None else len(found.val),
        licence="not known",
        load=partial(_load, root, found),
        where=lambda: Where(Path(root), there=True),
        notes=found.notes,
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
    names = [os.path.basename(folder) for folder in _folders(root)]  # noqa: PTH119
    splits = {split: [name for name in names if _split_of(name) == split] for split in SPLITS}
    if not any(_folders(f"{root}/{name}") for name in splits["train"]):
        return _one(root)
    for split, several in splits.items():
        if len(several) > 1:
            raise DataError(
                f"{root!r} holds {_words(several)}, each a {split} split; put their images into one, or rename the other"
            )
    folders = {split: several[0] for split, several in splits.items() if several}
    if len(folders) == 1:
        raise DataError(
            f"{root!r} holds {folders['train']}/ but no test/ or val/; "
            f"write folder:{root}/{folders['train']} for a test share of its own"
        )
    if "test" not in folders:
        folders["test"] = folders.pop("val")
    return _several(root, folders)


def _split_of(name: str) -> str | None:
    """The split that a folder of that name is, if it is one."""
    return next((split for split, spellings in SPLITS.items() if name.lower() in spellings), None)


def _words(names: Sequence[str]) -> str:
    """`train/, val/ and test/`."""
    *others, last = (f"{name}/" for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def _several(root: str, folders: Mapping[str, str]) -> Listing:
    """A folder for each split."""
    found = {split: _by_class(root, f"{root}/{name}") for split, name in folders.items()}
    for split, (by_class, _) in found.items():
        if not by_class:
            other = "" if split == "train" else ", or rename it to leave it out"
            raise DataError(
                f"{f'{root}/{folders[split]}'!r} holds no images in class folders; put a folder for each class there{other}"
            )
        _refuse_unknown_classes(root, folders, split, list(found["train"][0]), list(by_class))
    classes = tuple(sorted(found["train"][0]))
    number = {name: index for index, name in enumerate(classes)}
    entries = {
        split: tuple((path, number[name]) for name, paths in by_class.items() for path in paths)
        for split, (by_class, _) in found.items()
    }
    return Listing(
        classes=classes,
        train=entries["train"],
        test=entries["test"],
        val=entries.get("val"),
        layout=_words([*folders.values()]),
        ignored=sum(ignored for _, ignored in found.values()),
        notes=_unused(root, [*folders.values()]),
    )


def _refuse_unknown_classes(
    root: str, folders: Mapping[str, str], split: str, trained_on: Sequence[str], named: Sequence[str]
) -> None:
    """Raise `DataError` for a class that nothing is trained on: most often it is one by another spelling."""
    for name in named:
        if name not in trained_on:
            near = next((known for known in trained_on if known.lower() == name.lower()), nearest(name, trained_on))
            train = f"{folders['train']}/"
            cure = f"did you mean {near!r}?" if near else f"add images of it to {train}, or remove it"
            raise DataError(f"{f'{root}/{folders[split]}/{name}'!r} is a class that {train} lacks; {cure}")


def _unused(root: str, splits: Sequence[str] = ()) -> tuple[str, ...]:
    """Which images lie in no class's folder. splits: the names of their folders; without, `root` holds those of the classes."""
    loose = [path for folder in (root, *(f"{root}/{name}" for name in splits)) for path in _images_in(folder)]
    others = [folder for folder in _class_folders(root) if splits and os.path.basename(folder) not in splits]  # noqa: PTH119
    more = f" and {len(loose) - 1:,} more" if len(loose) > 1 else ""
    return (
        *([f"not used, since in no class's folder: {loose[0]!r}{more}"] if loose else []),
        *(
            f"not used: the images in {folder!r}, which is no split beside {_words(splits)}"
            for folder in others
            if _holds_images(folder)
        ),
    )


def _holds_images(folder: str) -> bool:
    """Whether an image lies below `folder`, as far as can be told without following a link to it."""
    try:
        return not os.path.islink(folder) and any(map(_is_image, files_below(folder)))  # noqa: PTH114
    except OSError:
        return False


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
    if all(map(_split_of, found)):
        raise DataError(
            f"{root!r} holds {_words([*found])} but no folder for each class in train/; put one there, and into the others"
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
    layout = "a fifth of each class tested on"
    return Listing(classes, tuple(train), tuple(test), None, layout, ignored, _unused(root))


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
    for inner in _class_folders(folder):
        files = [*files_below(inner)]
        images = [path for path in files if _is_image(path)]
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


def _images_in(folder: str) -> list[str]:
    """The images that lie directly in `folder`, hidden ones left out."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.path
            for entry in entries
            if not entry.name.startswith(".") and _is_image(entry.name) and _is_file(entry)
        )


def _is_image(path: str) -> bool:
    """Whether it is one by its name."""
    return path[path.rfind(".") :].lower() in SUFFIXES


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


def _class_folders(folder: str) -> list[str]:
    """The folders in `folder`, but for one of runs, whose pictures are no class."""
    return [
        inner
        for inner in _folders(folder)
        if not any(os.path.isfile(f"{run}/{RECIPE}") for run in _folders(inner))  # noqa: PTH113
    ]


def _all_grey(root: str, found: Listing) -> bool:
    """Whether images taken at even distances are all without colours."""
    paths = [path for path, _ in found.train]
    looked_at = [is_grey(f"{root}/{path}") for path in paths[:: max(1, len(paths) // PEEKED)]]
    known = [grey for grey in looked_at if grey is not None]
    return bool(known) and all(known)


def _load(root: str, found: Listing) -> Splits:
    val = None if found.val is None else _split(root, found.val)
    return Splits(_split(root, found.train), _split(root, found.test), val)


def _split(root: str, entries: Sequence[tuple[str, int]]) -> Files:
    import torch

    paths = tuple(f"{root}/{path}" for path, _ in entries)
    return Files(paths=paths, labels=torch.tensor([label for _, label in entries], dtype=torch.int64))


FAMILIES = {"folder": Family(PATTERN, ABOUT, make)}
