"""A data source at the size of a network: in memory where it fits, from a prepared file where its images lie in files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Literal

from cnncli.data import Dataset, Files, Split, prepared
from cnncli.data.memory import budget
from cnncli.data.pictures import picture
from cnncli.data.progress import Progress
from cnncli.data.reading import read
from cnncli.errors import DataError
from cnncli.files import data_folder
from cnncli.layers.parsing import typed

if TYPE_CHECKING:
    import torch

LAYOUT = "pictures 1"  # raise it when the same files are to give other pixels
CHUNK = 1 << 22  # bytes of pixels that a worker sends at once
SAMPLE = 4096  # images that mean and deviation of a set of files are taken from

Size = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How images are to come.

    size: C×H×W · on_bad_image: what to do with one that cannot be read · cache: whether to prepare images that lie in files, auto
    where they fit in a quarter of the free memory · workers: processes that read files, None for as many as suit
    """

    size: Size
    on_bad_image: Literal["fail", "skip"] = "fail"
    cache: Literal["auto", "always", "never"] = "auto"
    workers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The splits: as stored, or at the size that was wanted where they lay in files; or still as files, to be read at each use.

    val: None where the set brings no validation split · skipped: paths of images that were left out because they cannot be read ·
    sampled: whether mean and deviation are those of a `sample`, so that they are the same however the images come
    """

    train: Split | Files
    test: Split | Files
    val: Split | Files | None = None
    skipped: tuple[str, ...] = ()
    sampled: bool = False


def load(source: Dataset, wanted: Wanted, progress: Progress | None = None) -> Loaded:
    """The splits of `source`; raises `DataError`, for an image that cannot be read if `wanted.on_bad_image` is fail.

    Images that are read at each use are not looked at beforehand, unless they are to be skipped: then once, and what was found
    is remembered. Which images a split holds does not depend on memory, nor on how they come.
    """
    splits = source.load()._asdict()
    files = {name: part for name, part in splits.items() if isinstance(part, Files)}
    if not files:
        return Loaded(**splits)
    bytes_wanted = sum(map(len, files.values())) * prod(wanted.size)
    whole = wanted.cache == "always" or (wanted.cache == "auto" and bytes_wanted <= budget())
    if not whole and wanted.on_bad_image == "fail":
        return Loaded(train=files["train"], test=files["test"], val=files.get("val"), sampled=True)
    return _looked_at(source, files, wanted, progress or Progress(), whole=whole)


def fetch(source: Dataset, size: Size | None, progress: Progress) -> None:
    """Bring `source` here and see that it can be read, every image of it; with a size, prepare images in files at that.

    Raises `DataError`.
    """
    if size is not None:
        load(source, Wanted(size=size, cache="always"), progress)
        return
    looked_at = (source.shape[0], 8, 8)  # small: what is read is not kept
    loaded = load(source, Wanted(size=looked_at, on_bad_image="skip", cache="never"), progress)
    if loaded.skipped:
        raise _refusal(loaded.skipped, sum(source.counts.values()), looked_at)


def sample(part: Split | Files, wanted: Wanted, *, everything: bool = False) -> torch.Tensor:
    """At most `SAMPLE` images of `part` at even distances, uint8 N×C×H×W, the same whether they were prepared or not.

    everything: all of them, where they are in memory anyhow
    """
    import torch

    indices = torch.arange(0, len(part), max(1, -(-len(part) // SAMPLE)))
    if isinstance(part, Split):
        return part.images if everything else part.images[indices]
    images, bad = _read_split(part.part(indices), wanted, Progress(), keep=True)
    if len(bad):
        raise _refusal([part.paths[indices[bad[0]]]], len(part), wanted.size)
    return images


def _looked_at(
    source: Dataset, files: Mapping[str, Files], wanted: Wanted, progress: Progress, *, whole: bool
) -> Loaded:
    """Every image read once, or what was prepared from that. whole: with the pixels, else only which are bad."""
    name = f"{_slug(source.name, files)}-{typed(wanted.size) if whole else 'bad'}"
    stamp = prepared.digest(_lines(files, wanted.size if whole else None))
    found = prepared.tensors(
        name,
        data_folder(),
        stamp,
        lambda: _read(files, wanted, progress, whole=whole),
        lambda found: not any(_can_be_read(path, wanted.size) for path in _bad(files, found)),
    )
    bad = _bad(files, found)
    if bad and wanted.on_bad_image == "fail":
        raise _refusal(bad, sum(map(len, files.values())), wanted.size)
    splits = {name: _split(part, found, name, whole=whole) for name, part in files.items()}
    for name, part in splits.items():
        if not len(part):
            use = {"val": "validate"}.get(name, name)
            first = files[name].paths[0]
            raise DataError(
                f"{source.name!r} has no image to {use} on that can be read; the first is {first!r}: mend one, or add others"
            )
    train, test, val = splits["train"], splits["test"], splits.get("val")
    return Loaded(train=train, test=test, val=val, skipped=tuple(bad), sampled=True)


def _slug(name: str, files: Mapping[str, Files]) -> str:
    """A file name for a set: its own, or for a folder a digest of where it lies."""
    kind, colon, _ = name.partition(":")
    place = os.path.commonpath([path for part in files.values() for path in (*part.paths[:1], *part.paths[-1:])])
    return f"{kind}-{sha256(os.fsencode(place)).hexdigest()[:12]}" if colon else kind


def _lines(files: Mapping[str, Files], size: Size | None) -> Iterator[str]:
    """What tells one state of the files from another: for each its split, label, path, size and time of change."""
    from PIL import __version__

    yield f"{LAYOUT} {__version__} {size}"
    for number, part in enumerate(files.values()):
        for path, label in zip(part.paths, part.labels.tolist(), strict=True):
            yield f"{number} {label} {path!r} {_state(path)}"


def _state(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116  (a Path for each of a million files takes longer than asking for its state)
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"


def _read(files: Mapping[str, Files], wanted: Wanted, progress: Progress, *, whole: bool) -> Mapping[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    progress.begin("preparing images" if whole else "checking images", sum(map(len, files.values())))
    for name, part in files.items():
        images, bad = _read_split(part, wanted, progress, keep=whole)
        found[f"{name}_bad"] = bad
        if whole:
            found[f"{name}_pixels"] = images.permute(0, 2, 3, 1)  # as they lie: no copy
            found[f"{name}_labels"] = _without(part.labels, bad)
    progress.end()
    return found


def _read_split(part: Files, wanted: Wanted, progress: Progress, *, keep: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The images that can be read, one after the other (none of them unless `keep`), and the indices of the others."""
    import torch

    size = prod(wanted.size)
    step = max(1, min(256, CHUNK // size))
    batches = [range(start, min(start + step, len(part))) for start in range(0, len(part), step)]
    shape = (len(part) if keep else 0, *wanted.size)
    images = torch.empty(shape, dtype=torch.uint8, memory_format=torch.channels_last)  # as they come from the workers
    room = images.permute(0, 2, 3, 1).flatten().numpy().data
    bad: list[int] = []
    for indices, batch in zip(batches, read(part.paths, wanted.size, batches, wanted.workers), strict=True):
        start = (indices.start - len(bad)) * size
        if keep:
            room[start : start + len(batch.pixels)] = batch.pixels
        bad += [indices[place] for place, _ in batch.bad]
        progress.done += len(indices)
    return images[: len(part) - len(bad)] if keep else images, torch.tensor(bad, dtype=torch.int64)


def _without(values: torch.Tensor, bad: torch.Tensor) -> torch.Tensor:
    import torch

    kept = torch.ones(len(values), dtype=torch.bool)
    kept[bad] = False
    return values[kept]


def _bad(files: Mapping[str, Files], found: Mapping[str, torch.Tensor]) -> list[str]:
    return [part.paths[index] for name, part in files.items() for index in found[f"{name}_bad"].tolist()]


def _split(part: Files, found: Mapping[str, torch.Tensor], name: str, *, whole: bool) -> Split | Files:
    import torch

    if whole:
        return Split(images=found[f"{name}_pixels"].permute(0, 3, 1, 2), labels=found[f"{name}_labels"])
    return part.part(_without(torch.arange(len(part)), found[f"{name}_bad"]))


def _can_be_read(path: str, size: Size) -> bool:
    try:
        picture(path, size[0], size[1:])
    except DataError:
        return False
    return True


def _refusal(bad: Sequence[str], count: int, size: Size) -> DataError:
    """Says what is wrong with the first, as it is now, and how many there are."""
    try:
        picture(bad[0], size[0], size[1:])
    except DataError as error:
        more = f" ({len(bad):,} of {count:,} images cannot be read)" if len(bad) > 1 else ""
        return DataError(f"{error}{more}; mend or remove it, or write data.on_bad_image: skip")
    return DataError(f"the image {bad[0]!r} could not be read, but now can be; run again")
