"""Noise that looks like a data set: for measuring and for trying things out, with nothing to download and nothing to learn.

`fake` is 1,000 images to train on and 200 to test on, 3×32×32, in ten classes; `fake:3x64x64x10x1000` says channels, height, width,
classes and training images, and a fifth of their number is tested on. The same name always gives the same pixels and labels.
"""

from __future__ import annotations

from functools import partial
from math import prod

from cnncli.data import Dataset, Family, Split, Splits, Where
from cnncli.errors import RequestError

PATTERN = "fake:CxHxWxCLASSESxIMAGES"
USUAL = (3, 32, 32, 10, 1000)
MOST = 4 << 30  # bytes
ABOUT = "noise of that shape, made up"


def make(text: str) -> Dataset:
    """The data source `fake:text`; raises `RequestError`."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 5 or not all(part.isascii() and part.isdigit() and len(part) < 12 for part in parts):
        raise RequestError(f"data set {'fake:' + text!r} is not {PATTERN}; write it as in fake:3x64x64x10x1000")
    numbers = tuple(map(int, parts))
    if min(numbers) < 1 or numbers[0] not in {1, 3}:
        raise RequestError(f"data set {'fake:' + text!r} needs 1 or 3 channels and sizes above 0; write another")
    size = prod(numbers[:3]) * (numbers[4] + _tested(numbers[4]))
    if size > MOST or numbers[3] > 100_000:
        raise RequestError(
            f"data set {'fake:' + text!r} would take {size / 2**30:,.1f} GiB; keep to 4 GiB and 100,000 classes"
        )
    return _dataset(f"fake:{text}", numbers)


def _dataset(name: str, numbers: tuple[int, ...]) -> Dataset:
    channels, height, width, classes, train = numbers
    shape = (channels, height, width)
    return Dataset(
        name=name,
        title="noise, nothing to learn",
        shape=shape,
        classes=tuple(str(label) for label in range(classes)),
        train=train,
        test=_tested(train),
        licence="none needed",
        load=partial(_load, shape, classes, train),
        where=lambda: Where(None, there=True),
    )


def _tested(train: int) -> int:
    return max(1, train // 5)


def _load(shape: tuple[int, int, int], classes: int, train: int) -> Splits:
    return Splits(_split(shape, classes, train, seed=0), _split(shape, classes, _tested(train), seed=1))


def _split(shape: tuple[int, int, int], classes: int, count: int, *, seed: int) -> Split:
    import torch

    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)
    return Split(images=images, labels=torch.randint(0, classes, (count,), generator=generator))


DATASETS = {"fake": _dataset("fake", USUAL)}
FAMILIES = {"fake": Family(PATTERN, ABOUT, make)}
