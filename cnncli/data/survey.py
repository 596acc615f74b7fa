"""What a data source looks like: sizes, mean and deviation, how often each class occurs, and a few of its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncli.data import Dataset, Files, Split
from cnncli.data.pictures import picture
from cnncli.data.progress import Progress
from cnncli.data.reading import cores
from cnncli.data.resize import moments, statistics
from cnncli.errors import DataError

if TYPE_CHECKING:
    import torch

SAMPLE = 1024  # images in files that are looked at
SHOWN = 10  # images of a class on a sheet
ROWS = 20  # classes on a sheet
SIDE = 64  # pixels of an image in a file on a sheet

Histogram = list[int]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found.

    smallest, largest: height and width, each by itself · mean, deviation: per channel of training images, of values from 0 to 1
    · train, test, val: images of each class, val None where the set brings no such split · looked_at: training images that sizes
    and moments are of · unreadable: how many of those cannot be read
    """

    smallest: tuple[int, int]
    largest: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    train: tuple[int, ...]
    test: tuple[int, ...]
    looked_at: int
    unreadable: int = 0
    val: tuple[int, ...] | None = None


def survey(source: Dataset, progress: Progress | None = None) -> Survey:
    """Load `source` and look at it; raises `DataError`. Images in files are looked at by a sample at even distances."""
    splits = source.load()
    train = splits.train
    counts = {name: _counts(part.labels, source) for name, part in splits._asdict().items() if part is not None}
    if isinstance(train, Split):
        size = (int(train.images.shape[2]), int(train.images.shape[3]))
        mean, deviation = statistics(train.images)
        return Survey(
            smallest=size, largest=size, mean=mean, deviation=deviation, looked_at=len(train), unreadable=0, **counts
        )
    paths = train.paths[:: max(1, -(-len(train) // SAMPLE))]
    found = [*_looked_at(paths, source.shape[0], progress or Progress())]
    if not found:
        raise DataError(
            f"{source.name!r}: none of {len(paths):,} images can be read; the first is {paths[0]!r}: mend one, or add others"
        )
    heights, widths = zip(*(size for size, _ in found), strict=True)
    levels = [
        moments([sum(level) for level in zip(*channel, strict=True)])
        for channel in zip(*(h for _, h in found), strict=True)
    ]
    return Survey(
        smallest=(min(heights), min(widths)),
        largest=(max(heights), max(widths)),
        mean=tuple(mean for mean, _ in levels),
        deviation=tuple(deviation for _, deviation in levels),
        looked_at=len(paths),
        unreadable=len(paths) - len(found),
        **counts,
    )


def _counts(labels: torch.Tensor, source: Dataset) -> tuple[int, ...]:
    return tuple(labels.bincount(minlength=len(source.classes)).tolist())


def _looked_at(
    paths: Sequence[str], channels: int, progress: Progress
) -> Iterator[tuple[tuple[int, int], list[Histogram]]]:
    """Height and width of each image that can be read, and a histogram of each of its channels."""
    progress.begin("looking at images", len(paths))
    with ThreadPoolExecutor(cores()) as pool:
        for found in pool.map(lambda path: _size_and_levels(path, channels), paths):
            progress.done += 1
            if found:
                yield found
    progress.end()


def _size_and_levels(path: str, channels: int) -> tuple[tuple[int, int], list[Histogram]] | None:
    try:
        image = picture(path, channels)
    except DataError:
        return None
    counts = image.histogram()
    return (image.height, image.width), [counts[start : start + 256] for start in range(0, 256 * channels, 256)]


def samples(source: Dataset) -> list[tuple[str, torch.Tensor]]:
    """Classes, at most `ROWS` at even distances, each with its first training images that can be read, uint8 n×C×H×W."""
    train = source.load().train
    every = -(-len(source.classes) // ROWS)
    rows = []
    for label in range(0, len(source.classes), every):
        members = (train.labels == label).nonzero().flatten()[: 2 * SHOWN].tolist()
        images = _readable(train, members, source.shape[0])
        if len(images):
            rows.append((source.classes[label], images))
    return rows


def _readable(train: Split | Files, members: list[int], channels: int) -> torch.Tensor:
    import torch

    if isinstance(train, Split):
        return train.images[members[:SHOWN]]
    found = []
    for index in members:
        try:
            pixels = picture(train.paths[index], channels, (SIDE, SIDE)).tobytes()
        except DataError:
            continue
        found.append(torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(SIDE, SIDE, channels).permute(2, 0, 1))
    return torch.stack(found[:SHOWN]) if found else torch.empty((0, channels, SIDE, SIDE), dtype=torch.uint8)
