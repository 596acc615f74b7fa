"""Sets in MNIST's format: grey 28×28 images in four IDX files, read and downloaded by torchvision.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998;
H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", 2017; T. Clanuwat et al., "Deep learning for classical Japanese
literature" (Kuzushiji-MNIST), 2018; C. Yadav, L. Bottou, "Cold case: the lost MNIST digits" (QMNIST), 2019.
"""

from __future__ import annotations

import gzip
import string
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncli.data import Dataset, Split, Splits, Where, prepared
from cnncli.errors import DataError
from cnncli.files import data_folder, place, reason, unreadable, unwritable

if TYPE_CHECKING:
    import torch

# IDX files, the format of MNIST and its kin: a header of big-endian integers, then the values.
#
# The header is 0, 0, the kind of value (8: unsigned bytes, 12: integers of four bytes), the number of axes, then each axis' length
# in 4 bytes (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits").

CURE = "delete it and run again, or put a good copy in its place"


class Array(NamedTuple):
    """What an IDX file holds. code: the kind of value · width: bytes of each."""

    shape: tuple[int, ...]
    code: int = 8
    width: int = 1

    @property
    def header(self) -> bytes:
        """The first bytes of the file: 4 + 4·axes."""
        return struct.pack(f">I{len(self.shape)}I", (self.code << 8) + len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return 4 + 4 * len(self.shape) + prod(self.shape) * self.width

    def __str__(self) -> str:
        return f"{'×'.join(f'{length:,}' for length in self.shape)} {'bytes' if self.width == 1 else 'integers'}"


def check(path: Path, wanted: Array) -> None:
    """Raise `DataError` unless `path` has the header and the length of `wanted`; its values are not read."""
    try:
        with path.open("rb") as file:
            start = file.read(len(wanted.header))
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    _compare(path, start, size, wanted)


def unpack(archive: Path, path: Path, wanted: Array) -> None:
    """Write the IDX file `path` from the gzip file `archive`; raises `DataError` where either is no good."""
    try:
        with gzip.open(archive) as file:
            data = file.read(wanted.size + 1)  # one byte more shows that the file is too long, however long it is
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{str(archive)!r} is not a whole gzip file ({reason(error)}); {CURE}") from error
    _compare(archive, data[: len(wanted.header)], len(data), wanted)
    try:
        place(data, path)
    except OSError as error:
        raise unwritable(path, error) from error


def _compare(path: Path, start: bytes, size: int, wanted: Array) -> None:
    what = f"an IDX file of {wanted}"
    if not size:
        raise DataError(f"{str(path)!r} is empty; {CURE}")
    if start != wanted.header:
        raise DataError(f"{str(path)!r} is not {what}: it begins {start.hex()}, not {wanted.header.hex()}; {CURE}")
    if size != wanted.size:
        raise DataError(f"{str(path)!r} is not {what}: it holds {size:,} bytes, not {wanted.size:,}; {CURE}")


FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A set in MNIST's format.

    kind: torchvision's class, which is also the name of its folder · arguments: that the class takes besides · files: images and
    labels to train on, images and labels to test on · labelled: integers beside each image, the first of which is its label ·
    first: the label of the first class · lying: whether the images are stored with rows and columns exchanged
    """

    name: str
    kind: str
    train: int = 60_000
    test: int = 10_000
    height: int = 28
    width: int = 28
    classes: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...] = ()
    files: tuple[str, str, str, str] = FILES
    labelled: int | None = None
    first: int = 0
    lying: bool = False

    def arrays(self) -> dict[str, Array]:
        """The four raw files and what each holds."""
        images = (self.height, self.width)
        return dict(
            zip(
                self.files,
                (
                    Array((self.train, *images)),
                    self._labels(self.train),
                    Array((self.test, *images)),
                    self._labels(self.test),
                ),
                strict=True,
            )
        )

    def _labels(self, count: int) -> Array:
        return Array((count,)) if self.labelled is None else Array((count, self.labelled), code=12, width=4)

    def raw(self, root: Path) -> Path:
        """Where the raw files lie in the data folder `root`."""
        return root / self.kind / "raw"


def _load(source: Source) -> Splits:
    root = data_folder()
    raw = source.raw(root)
    _complete(source, root)
    return Splits(
        *prepared.load(source.name, root, [raw / name for name in source.files], partial(_build, source, root))
    )


def _complete(source: Source, root: Path) -> None:
    """See that the raw files exist: unpack those that lie there as .gz, download what is still missing."""
    raw = source.raw(root)
    there = _names(raw)
    missing = {name: array for name, array in source.arrays().items() if name not in there}
    for name in [name for name in missing if f"{name}.gz" in there]:
        unpack(raw / f"{name}.gz", raw / name, missing.pop(name))
    if missing:
        from cnncli.data.download import download

        download(
            source.name, raw, [*missing], partial(_fetch, source), lambda path: check(path, source.arrays()[path.name])
        )


def _where(source: Source) -> Where:
    raw = source.raw(data_folder())
    there = _names(raw)
    return Where(raw, all(name in there or f"{name}.gz" in there for name in source.files))


def _names(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise unreadable(folder, error) from error


def _build(source: Source, root: Path) -> tuple[Split, Split]:
    for name, array in source.arrays().items():
        check(source.raw(root) / name, array)
    return _split(source, root, train=True), _split(source, root, train=False)


def _split(source: Source, root: Path, *, train: bool) -> Split:
    read = _torchvision(source)(root, train=train)
    labels: torch.Tensor = read.targets
    if source.labelled is not None:
        labels = labels[:, 0]
    labels = labels - source.first
    for label in (int(labels.min()), int(labels.max())):
        if not 0 <= label < len(source.classes):
            path = str(source.raw(root) / source.files[1 if train else 3])
            found = label + source.first
            raise DataError(f"{path!r} holds the label {found}, of {len(source.classes)} classes; {CURE}")
    images = read.data.transpose(1, 2).contiguous() if source.lying else read.data
    return Split(images=images.unsqueeze(1), labels=labels)


def _fetch(source: Source, scratch: Path) -> Path:
    """Let torchvision download the raw files into `scratch`, where it checks them against their MD5."""
    for train in (True, False):  # most sets come whole the first time, and the second finds them there
        _torchvision(source)(scratch, train=train, download=True)
    return source.raw(scratch)


def _torchvision(source: Source) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module("torchvision.datasets"), source.kind)  # 2 s
    return partial(found, **dict(source.arguments))


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
        where=partial(_where, source),
    )


_DIGITS = tuple(string.digits)
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_HIRAGANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

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
    "kmnist": declare(
        Source(name="kmnist", kind="KMNIST", classes=_HIRAGANA),
        title="Kuzushiji-MNIST, cursive Japanese characters",
        licence="CC BY-SA 4.0 (ROIS-DS Center for Open Data in the Humanities)",
    ),
    "qmnist": declare(
        Source(
            name="qmnist",
            kind="QMNIST",
            test=60_000,
            classes=_DIGITS,
            files=(
                "qmnist-train-images-idx3-ubyte",
                "qmnist-train-labels-idx2-int",
                "qmnist-test-images-idx3-ubyte",
                "qmnist-test-labels-idx2-int",
            ),
            labelled=8,
        ),
        title="QMNIST, MNIST with all 60,000 test digits",
        licence="BSD 3-Clause (C. Yadav, L. Bottou)",
    ),
}
