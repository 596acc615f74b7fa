"""MNIST and Fashion-MNIST: 70,000 grey 28×28 images in ten classes, read and downloaded by torchvision.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998;
H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", 2017 (the same format, so the same code).
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from cnncli.datasets import Dataset, Split, idx, prepared
from cnncli.datasets.folders import data_folder, unreadable
from cnncli.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Source:
    """A set in MNIST's format. kind: torchvision's class, which is also the name of its folder."""

    name: str
    kind: str
    train: int = 60_000
    test: int = 10_000
    height: int = 28
    width: int = 28
    classes: tuple[str, ...]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The four raw files and the shape of each."""
        images = (self.height, self.width)
        return {
            "train-images-idx3-ubyte": (self.train, *images),
            "train-labels-idx1-ubyte": (self.train,),
            "t10k-images-idx3-ubyte": (self.test, *images),
            "t10k-labels-idx1-ubyte": (self.test,),
        }

    def raw(self, root: Path) -> Path:
        """Where the raw files lie in the data folder `root`."""
        return root / self.kind / "raw"


def _load(source: Source) -> tuple[Split, Split]:
    root = data_folder()
    raw = source.raw(root)
    _complete(source, root)
    return prepared.load(source.name, root, [raw / name for name in source.shapes()], partial(_build, source, root))


def _complete(source: Source, root: Path) -> None:
    """See that the raw files exist: unpack those that lie there as .gz, download what is still missing."""
    raw = source.raw(root)
    there = _names(raw)
    missing = {name: shape for name, shape in source.shapes().items() if name not in there}
    for name in [name for name in missing if f"{name}.gz" in there]:
        idx.unpack(raw / f"{name}.gz", raw / name, missing.pop(name))
    if missing:
        from cnncli.datasets.download import download

        download(source.name, raw, missing, partial(_fetch, source))


def _names(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise unreadable(folder, error) from error


def _build(source: Source, root: Path) -> tuple[Split, Split]:
    for name, shape in source.shapes().items():
        idx.check(source.raw(root) / name, shape)
    return _split(source, root, train=True), _split(source, root, train=False)


def _split(source: Source, root: Path, *, train: bool) -> Split:
    read = _torchvision(source)(root, train=train)
    highest = int(read.targets.max())
    if highest >= len(source.classes):
        name = "train-labels-idx1-ubyte" if train else "t10k-labels-idx1-ubyte"
        path = str(source.raw(root) / name)
        raise DataError(f"{path!r} holds the label {highest}, of {len(source.classes)} classes; {idx.CURE}")
    return Split(images=read.data.unsqueeze(1), labels=read.targets)


def _fetch(source: Source, scratch: Path) -> Path:
    """Let torchvision download all four files into `scratch`, where it checks them against their MD5."""
    _torchvision(source)(scratch, download=True)
    return source.raw(scratch)


def _torchvision(source: Source) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module("torchvision.datasets"), source.kind)  # 2 s
    return found


def declare(source: Source, title: str, licence: str) -> Dataset:
    """The facts of `source`, whose `load` raises `DataError` where a file is missing, damaged or cannot be had."""
    return Dataset(
        name=source.name,
        title=title,
        shape=(1, source.height, source.width),
        classes=source.classes,
        train=source.train,
        test=source.test,
        licence=licence,
        load=partial(_load, source),
    )


_DIGITS = tuple(string.digits)
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

DATASETS = {
    "mnist": declare(
        Source(name="mnist", kind="MNIST", classes=_DIGITS),
        title="MNIST, handwritten digits",
        licence="CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. J. C. Burges)",
    ),
    "fashion-mnist": declare(
        Source(name="fashion-mnist", kind="FashionMNIST", classes=_CLOTHES),
        title="Fashion-MNIST, articles of clothing",
        licence="MIT (Zalando SE)",
    ),
}
