"""MNIST's kin: EMNIST upright and from 0, QMNIST's long labels, KMNIST; small sets in torchvision's own files."""

from __future__ import annotations

import gzip
import hashlib
import random
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import torch
import torchvision

from cnncli.data import dataset
from cnncli.data import emnist as emnist_module
from cnncli.data.mnist import Source, declare
from cnncli.errors import DataError
from tests.data.conftest import Served, Tiny

NAMES = list(emnist_module.DATASETS)
HEIGHT, WIDTH = 4, 3


def files(source: Source, labels: range, seed: int = 0) -> dict[str, bytes]:
    """The raw files of a small set; long labels hold the writer and more beside the class."""
    values = random.Random(seed)  # noqa: S311  (pixels, not secrets)
    found = {}
    for name, array in source.arrays().items():
        count = array.shape[0]
        if "images" in name:
            body = bytes(values.randrange(256) for _ in range(count * HEIGHT * WIDTH))
        elif array.width == 1:
            body = bytes(values.choice(labels) for _ in range(count))
        else:
            rows = [[values.choice(labels), *(values.randrange(1000) for _ in range(7))] for _ in range(count)]
            body = b"".join(number.to_bytes(4, "big") for row in rows for number in row)
        found[name] = array.header + body
    return found


def small(name: str, kind: str, **options: object) -> Source:
    """A set of 20 and 10 images, 4×3 pixels."""
    return Source(name=name, kind=kind, train=20, test=10, height=HEIGHT, width=WIDTH, **options)  # type: ignore[arg-type]


def letters() -> Source:
    """EMNIST's letters, small."""
    real = emnist_module._source("letters")  # noqa: SLF001
    return small(
        "emnist-letters",
        "EMNIST",
        classes=real.classes,
        arguments=real.arguments,
        files=real.files,
        first=1,
        lying=True,
    )


def lay(source: Source, root: Path, contents: dict[str, bytes]) -> None:
    """Put raw files where torchvision looks for them."""
    raw = source.raw(root)
    raw.mkdir(parents=True)
    for name, data in contents.items():
        (raw / name).write_bytes(data)


def test_emnist_is_upright_and_its_letters_count_from_0(empty: Tiny) -> None:
    """Torchvision gives the images lying and a first class that is none."""
    source = letters()
    contents = files(source, range(1, 27))
    lay(source, empty.root, contents)
    train, test, _ = declare(source, title="", licence="").load()
    for split, is_train in ((train, True), (test, False)):
        theirs = torchvision.datasets.EMNIST(empty.root, "letters", train=is_train)
        assert torch.equal(split.images[:, 0], theirs.data.transpose(1, 2))
        assert torch.equal(split.labels + 1, theirs.targets)
        assert split.images.is_contiguous()
    body = contents["emnist-letters-train-labels-idx1-ubyte"][8:]
    assert [source.classes[label] for label in train.labels] == [chr(ord("a") + label - 1) for label in body]


@pytest.mark.parametrize("label", [0, 27])
def test_a_letter_of_no_class_is_named(empty: Tiny, label: int) -> None:
    """By the number that stands in the file."""
    source = letters()
    contents = files(source, range(1, 27))
    contents["emnist-letters-test-labels-idx1-ubyte"] = contents["emnist-letters-test-labels-idx1-ubyte"][:-1] + bytes(
        [label]
    )
    lay(source, empty.root, contents)
    with pytest.raises(DataError, match=f"test-labels-idx1-ubyte' holds the label {label}, of 26 classes"):
        declare(source, title="", licence="").load()


def test_emnists_facts_are_torchvisions() -> None:
    """Classes and file names of all six arrangements."""
    assert len(NAMES) == 6
    for name in NAMES:
        arrangement = name.removeprefix("emnist-")
        source = emnist_module._source(arrangement)  # noqa: SLF001
        theirs = [each for each in torchvision.datasets.EMNIST.classes_split_dict[arrangement] if each != "N/A"]
        assert list(dataset(name).classes) == theirs
        for train, names in ((True, source.files[:2]), (False, source.files[2:])):
            shell = torchvision.datasets.EMNIST.__new__(torchvision.datasets.EMNIST)
            shell.root, shell.split, shell.train = "", arrangement, train
            assert tuple(Path(path).name for path in (shell.images_file, shell.labels_file)) == names


def test_one_download_brings_all_of_emnist(empty: Tiny, monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    """The archive holds six arrangements: all are kept, so that another needs no network; the archives are not."""
    source = letters()
    other = {name.replace("letters", "digits"): data for name, data in files(source, range(1, 11)).items()}
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in (files(source, range(1, 27)) | other).items():
            file.writestr(f"gzip/{name}.gz", gzip.compress(data))
    served.files["/gzip.zip"] = archive.getvalue()
    monkeypatch.setattr(torchvision.datasets.EMNIST, "url", f"{served.address}/gzip.zip")
    checksum = hashlib.md5(archive.getvalue(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(torchvision.datasets.EMNIST, "md5", checksum)
    assert not declare(source, title="", licence="").where().there
    assert len(declare(source, title="", licence="").load()[0]) == 20
    assert declare(source, title="", licence="").where() == (source.raw(empty.root), True)
    assert sorted(entry.name for entry in source.raw(empty.root).iterdir()) == sorted([*source.files, *other])


def test_qmnist_is_read_by_its_first_label(empty: Tiny) -> None:
    """Of eight integers beside each image the first is the class."""
    real = dataset("qmnist")
    source = small(
        "qmnist",
        "QMNIST",
        classes=real.classes,
        labelled=8,
        files=tuple(
            f"qmnist-{split}-{what}" for split in ("train", "test") for what in ("images-idx3-ubyte", "labels-idx2-int")
        ),
    )
    lay(source, empty.root, files(source, range(10)))
    found = declare(source, title="", licence="")
    for split, what in zip(found.load()[:2], ("train", "test"), strict=True):
        theirs = torchvision.datasets.QMNIST(empty.root, what)
        assert torch.equal(split.images[:, 0], theirs.data)
        assert torch.equal(split.labels, theirs.targets[:, 0])
    (source.raw(empty.root) / source.files[1]).write_bytes(b"\0" * 100)
    with pytest.raises(DataError, match="qmnist-train-labels-idx2-int' is not an IDX file of 20×8 integers: it begins"):
        found.load()


def test_kmnist_is_read_like_mnist(empty: Tiny) -> None:
    """From its own folder, with its own classes."""
    source = small("kmnist", "KMNIST", classes=dataset("kmnist").classes)
    lay(source, empty.root, files(source, range(10)))
    train, _, _ = declare(source, title="", licence="").load()
    assert torch.equal(train.images[:, 0], torchvision.datasets.KMNIST(empty.root).data)
    assert list(source.classes) == torchvision.datasets.KMNIST.classes


@pytest.mark.parametrize("name", ["kmnist", "qmnist", *NAMES])
def test_what_is_not_here_says_so(empty: Tiny, name: str) -> None:
    """Without looking further than the data folder."""
    where = dataset(name).where()
    assert where.path is not None
    assert not where.there
    assert empty.root in where.path.parents
