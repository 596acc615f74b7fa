"""Sets that torchvision has in formats of their own: small ones, in those formats, read by torchvision itself."""

from __future__ import annotations

import hashlib
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from cnncli.data import Files, Split, dataset
from cnncli.data.pictures import picture
from cnncli.errors import DataError
from tests.data.conftest import Served, Tiny, put

Vision = torchvision.datasets


def md5(path: Path) -> str:
    """As torchvision writes it down."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def batch(count: int, seed: int) -> np.ndarray:
    """Random rows of 32×32 colour images, a channel after the other."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)


def cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-10 with two images in each of its six files."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for number, name in enumerate([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]):
        content = {"data": batch(2, number), "labels": [number, 9 - number]}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(dataset("cifar10").classes)}, protocol=2))
    names = [f"data_batch_{number}" for number in range(1, 6)]
    monkeypatch.setattr(Vision.CIFAR10, "train_list", [[name, md5(folder / name)] for name in names])
    monkeypatch.setattr(Vision.CIFAR10, "test_list", [["test_batch", md5(folder / "test_batch")]])
    monkeypatch.setattr(Vision.CIFAR10, "meta", {**Vision.CIFAR10.meta, "md5": md5(folder / "batches.meta")})


def cifar100(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-100 with three images in each of its two files."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    for number, name in enumerate(("train", "test")):
        content = {"data": batch(3, number), "fine_labels": [0, 50, 99], "coarse_labels": [0, 1, 2]}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": list(dataset("cifar100").classes)}, protocol=2))
    monkeypatch.setattr(Vision.CIFAR100, "train_list", [["train", md5(folder / "train")]])
    monkeypatch.setattr(Vision.CIFAR100, "test_list", [["test", md5(folder / "test")]])
    monkeypatch.setattr(Vision.CIFAR100, "meta", {**Vision.CIFAR100.meta, "md5": md5(folder / "meta")})


def stl10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STL-10 with two and three images, and none without a label."""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for name, count in (("train", 2), ("test", 3)):
        (folder / f"{name}_X.bin").write_bytes(np.random.default_rng(count).bytes(count * 3 * 96 * 96))
        (folder / f"{name}_y.bin").write_bytes(bytes(range(1, count + 1)))
    (folder / "unlabeled_X.bin").write_bytes(b"")
    for part in ("train_list", "test_list"):
        monkeypatch.setattr(Vision.STL10, part, [[name, md5(folder / name)] for name, _ in getattr(Vision.STL10, part)])


def svhn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SVHN with three images a split, of which one is a zero, which the file calls ten."""
    io = pytest.importorskip("scipy.io", reason="torchvision reads SVHN with scipy, which is not installed")
    root.mkdir(parents=True)
    listed = dict(Vision.SVHN.split_list)
    for name in ("train", "test"):
        path = root / f"{name}_32x32.mat"
        images = np.random.default_rng(len(name)).integers(0, 256, (32, 32, 3, 3), dtype=np.uint8)
        io.savemat(path, {"X": images, "y": np.array([[1], [10], [9]], dtype=np.uint8)})
        listed[name] = [listed[name][0], path.name, md5(path)]
    monkeypatch.setattr(Vision.SVHN, "split_list", listed)


def flowers102(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six flowers: one to train on, two to validate on, three to test on."""
    io = pytest.importorskip("scipy.io", reason="torchvision reads Flowers102 with scipy, which is not installed")
    folder = root / "flowers-102"
    put(folder / "jpg", *(f"image_{number:05}.jpg" for number in range(1, 7)))
    io.savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 102, 3, 4, 5, 6]])})
    io.savemat(
        folder / "setid.mat", {"trnid": np.array([[2, 4]]), "valid": np.array([[1, 3]]), "tstid": np.array([[5, 6]])}
    )
    named = dict(Vision.Flowers102._file_dict)  # noqa: SLF001
    for key in ("label", "setid"):
        named[key] = (named[key][0], md5(folder / named[key][0]))
    monkeypatch.setattr(Vision.Flowers102, "_file_dict", named)


def food101(root: Path, _: pytest.MonkeyPatch) -> None:
    """Two dishes, the first two in order."""
    folder = root / "food-101"
    names = {
        "train": {"apple_pie": ["apple_pie/1", "apple_pie/2"], "baby_back_ribs": ["baby_back_ribs/3"]},
        "test": {"apple_pie": ["apple_pie/4"], "baby_back_ribs": ["baby_back_ribs/5"]},
    }
    for split, dishes in names.items():
        (folder / "meta").mkdir(parents=True, exist_ok=True)
        (folder / "meta" / f"{split}.json").write_text(json.dumps(dishes), encoding="utf-8")
        put(folder / "images", *(f"{name}.jpg" for dish in dishes.values() for name in dish))


def oxford_pet(root: Path, _: pytest.MonkeyPatch) -> None:
    """Three pets of the first two breeds."""
    folder = root / "oxford-iiit-pet"
    put(folder / "images", "Abyssinian_1.jpg", "american_bulldog_7.jpg", "Abyssinian_2.jpg")
    (folder / "annotations").mkdir()
    (folder / "annotations" / "trainval.txt").write_text(
        "Abyssinian_1 1 1 1\namerican_bulldog_7 2 2 1\n", encoding="utf-8"
    )
    (folder / "annotations" / "test.txt").write_text("Abyssinian_2 1 1 1\n", encoding="utf-8")


Splits = tuple[list[tuple[str, int]], list[tuple[str, int]]]
Make = Callable[[Path, pytest.MonkeyPatch], None]
IN_MEMORY: dict[str, tuple[Make, Callable[[Path], list[tuple[object, object]]]]] = {
    "cifar10": (cifar10, lambda root: [Vision.CIFAR10(root, train=train) for train in (True, False)]),
    "cifar100": (cifar100, lambda root: [Vision.CIFAR100(root, train=train) for train in (True, False)]),
    "stl10": (stl10, lambda root: [Vision.STL10(root, split) for split in ("train", "test")]),
    "svhn": (svhn, lambda root: [Vision.SVHN(root, split) for split in ("train", "test")]),
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_a_set_in_one_piece_is_torchvisions(empty: Tiny, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Image for image and label for label, as torchvision gives them one by one; prepared or not."""
    make, theirs = IN_MEMORY[name]
    make(empty.root, monkeypatch)
    facts = dataset(name)
    assert facts.where().there
    for _ in range(2):
        for split, expected in zip(facts.load()[:2], theirs(empty.root), strict=True):
            assert isinstance(split, Split)
            assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
            assert split.images.shape == (len(expected), *facts.shape)
            for image, label, (picture_, number) in zip(split.images, split.labels, expected, strict=True):
                assert np.array_equal(image.permute(1, 2, 0).numpy(), np.asarray(picture_))
                assert int(label) == number < len(facts.classes)
    assert [path.name for path in (empty.root / "prepared").iterdir()] == [f"{name}.safetensors"]


def test_svhns_zero_is_class_0(empty: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file calls it ten."""
    svhn(empty.root, monkeypatch)
    assert [dataset("svhn").classes[label] for label in dataset("svhn").load()[0].labels] == ["1", "0", "9"]


@pytest.mark.parametrize(
    ("make", "name", "splits"),
    [
        (flowers102, "flowers102", ([("image_00002.jpg", 101), ("image_00004.jpg", 3), ("image_00001.jpg", 0), ("image_00003.jpg", 2)],
         [("image_00005.jpg", 4), ("image_00006.jpg", 5)])),
        (food101, "food101", ([("1.jpg", 0), ("2.jpg", 0), ("3.jpg", 1)], [("4.jpg", 0), ("5.jpg", 1)])),
        (oxford_pet, "oxford-pet", ([("Abyssinian_1.jpg", 0), ("american_bulldog_7.jpg", 1)], [("Abyssinian_2.jpg", 0)])),
    ],
    ids=["flowers102", "food101", "oxford-pet"],
)  # fmt: skip
def test_a_set_in_files_is_listed_as_torchvision_has_it(
    empty: Tiny, monkeypatch: pytest.MonkeyPatch, make: Make, name: str, splits: Splits
) -> None:
    """Paths and labels of both splits; every path is an image that can be read."""
    make(empty.root, monkeypatch)
    facts = dataset(name)
    assert facts.where().there
    for split, expected in zip(facts.load()[:2], splits, strict=True):
        assert isinstance(split, Files)
        found = [(Path(path).name, label) for path, label in zip(split.paths, split.labels.tolist(), strict=True)]
        assert found == expected
        assert all(picture(path, 3).size == (6, 4) for path in split.paths)


def test_a_file_that_is_missing_is_named(empty: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded over what is there."""
    cifar10(empty.root, monkeypatch)
    (empty.root / "cifar-10-batches-py" / "data_batch_3").unlink()
    with pytest.raises(
        DataError, match=r"cifar-10-batches-py' is incomplete: 'data_batch_3' is missing; delete the folder"
    ):
        dataset("cifar10").load()
    assert not dataset("cifar10").where().there


@pytest.mark.parametrize("was_prepared", [False, True])
def test_a_damaged_file_is_said(empty: Tiny, monkeypatch: pytest.MonkeyPatch, *, was_prepared: bool) -> None:
    """Torchvision finds it by its checksum, before it is unpickled; also where the set had been prepared from the good one."""
    cifar10(empty.root, monkeypatch)
    if was_prepared:
        dataset("cifar10").load()
    path = empty.root / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        DataError, match=r"cannot read cifar10 in '.*' \(.*corrupted.*\); delete it and run again"
    ) as caught:
        dataset("cifar10").load()
    assert "\n" not in str(caught.value)


def test_a_set_is_downloaded_whole_or_not_at_all(
    empty: Tiny, served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folder is put in place when the archive is checked and unpacked; a failed download leaves nothing."""
    cifar10(tmp_path / "there", monkeypatch)
    archive = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(tmp_path / "there" / "cifar-10-batches-py", "cifar-10-batches-py")
    served.files[f"/{archive.name}"] = archive.read_bytes()
    monkeypatch.setattr(Vision.CIFAR10, "url", f"{served.address}/{archive.name}")
    with pytest.raises(
        DataError, match=r"cifar10: the download failed .*put cifar-10-batches-py into .*--data digits$"
    ):
        dataset("cifar10").load()
    assert list(empty.root.iterdir()) == []
    monkeypatch.setattr(Vision.CIFAR10, "tgz_md5", md5(archive))
    train, test, _ = dataset("cifar10").load()
    assert (len(train), len(test)) == (10, 2)
    assert sorted(entry.name for entry in empty.root.iterdir()) == ["cifar-10-batches-py", "prepared"]
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("name", ["svhn", "flowers102"])
def test_a_package_that_is_missing_is_asked_for_before_anything_is_downloaded(
    empty: Tiny, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """One line with the line to type."""
    monkeypatch.setattr("cnncli.data.vision.find_spec", lambda _: None)
    with pytest.raises(
        DataError, match=r"with scipy, which is not installed; install it: python -m pip install scipy$"
    ):
        dataset(name).load()
    assert not empty.root.exists()


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "stl10", "svhn", "flowers102", "food101", "oxford-pet"])
def test_what_is_not_here_says_where_it_would_be(empty: Tiny, name: str) -> None:
    """In the data folder, where torchvision looks for it."""
    where = dataset(name).where()
    assert where.path is not None
    assert not where.there
    assert empty.root in {where.path, *where.path.parents}


def test_an_image_of_another_format_than_its_name_is_read(empty: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of the pets are PNG or GIF under the name of JPEG."""
    oxford_pet(empty.root, monkeypatch)
    path = dataset("oxford-pet").load()[0].paths[0]
    Image.new("P", (5, 5)).save(path, "GIF")
    assert picture(path, 3).size == (5, 5)
