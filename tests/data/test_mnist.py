"""MNIST and its kin: what torchvision reads, what is damaged, what cannot be downloaded."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision

from cnncli.data import dataset
from cnncli.errors import DataError
from tests.data.conftest import Served, Tiny, contents

NAMES = sorted(contents())


@pytest.fixture
def mirror(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Have torchvision download the small set from this machine."""
    served.files |= {f"/{name}.gz": gzip.compress(data, mtime=0) for name, data in contents().items()}
    resources = [
        (path[1:], hashlib.md5(data, usedforsecurity=False).hexdigest()) for path, data in served.files.items()
    ]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [f"{served.address}/"])
    return served


def test_raw_files_give_the_images(tiny: Tiny) -> None:
    """Pixels and labels are those of the raw files, header left out."""
    train, test, _ = tiny.dataset.load()
    files = contents()
    assert bytes(train.images.flatten().tolist()) == files["train-images-idx3-ubyte"][16:]
    assert bytes(test.labels.tolist()) == files["t10k-labels-idx1-ubyte"][8:]
    assert train.images.shape == (20, 1, 4, 3)
    assert (train.images.dtype, train.labels.dtype) == (torch.uint8, torch.int64)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_real_set_equals_torchvisions(name: str) -> None:
    """Pixels, labels and class names equal what torchvision gives, prepared or not."""
    root = os.environ.get("CNNCLI_DATA")
    if not root:
        pytest.skip("CNNCLI_DATA is not set: the real set is not at hand")
    kind = {"mnist": torchvision.datasets.MNIST, "fashion-mnist": torchvision.datasets.FashionMNIST}[name]
    for split, train in zip(dataset(name).load()[:2], (True, False), strict=True):
        theirs = kind(root, train=train)
        assert torch.equal(split.images[:, 0], theirs.data)
        assert torch.equal(split.labels, theirs.targets)
        assert dataset(name).classes == tuple(label.split(" - ")[0] for label in theirs.classes)


def test_second_load_does_without_torchvision(tiny: Tiny) -> None:
    """Once prepared, a set is loaded in a process that never imports torchvision."""
    tiny.dataset.load()
    code = (
        "import sys; from tests.data.conftest import SOURCE, declare; "
        "declare(SOURCE, title='', licence='').load(); "
        "print('torch' in sys.modules, 'torchvision' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["empty", "cut", "header"])
@pytest.mark.parametrize("was_prepared", [False, True])
def test_damaged_raw_file_is_named(tiny: Tiny, name: str, damage: str, *, was_prepared: bool) -> None:
    """A damaged raw file is named with its cure, even where the set had been prepared from the good one."""
    if was_prepared:
        tiny.dataset.load()
    good = (tiny.raw / name).read_bytes()
    bad = {"empty": b"", "cut": good[:-1], "header": b"\x1f\x8b" + good[2:]}[damage]
    (tiny.raw / name).write_bytes(bad)
    with pytest.raises(DataError, match=f"{name}' is .*; delete it and run again, or put a good copy in its place"):
        tiny.dataset.load()


def test_label_of_no_class_is_named(tiny: Tiny) -> None:
    """A label beyond the classes is refused before anything is trained on it."""
    path = tiny.raw / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0a")
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte' holds the label 10, of 10 classes"):
        tiny.dataset.load()


def test_archives_placed_by_hand_are_unpacked(empty: Tiny) -> None:
    """The .gz files as they are published need not be unpacked by hand."""
    empty.raw.mkdir(parents=True)
    for name, data in contents().items():
        (empty.raw / f"{name}.gz").write_bytes(gzip.compress(data))
    assert len(empty.dataset.load()[0]) == 20


def test_broken_archive_is_named(tiny: Tiny) -> None:
    """A broken .gz placed by hand is named, not downloaded over."""
    path = tiny.raw / NAMES[0]
    (tiny.raw / f"{NAMES[0]}.gz").write_bytes(gzip.compress(path.read_bytes())[:30])
    path.unlink()
    with pytest.raises(DataError, match=rf"{NAMES[0]}\.gz' is not a whole gzip file"):
        tiny.dataset.load()


def test_missing_files_are_downloaded(empty: Tiny, mirror: Served, capfd: pytest.CaptureFixture[str]) -> None:
    """The first load downloads the four files and nothing else, with progress on stderr alone."""
    assert mirror.files
    train, _, _ = empty.dataset.load()
    assert bytes(train.images.flatten().tolist()) == contents()["train-images-idx3-ubyte"][16:]
    assert sorted(entry.name for entry in empty.raw.iterdir()) == NAMES
    said = capfd.readouterr()
    assert said.out == ""
    assert re.search(r"100(\.0)?%", said.err)  # torchvision writes 100.0% where tqdm is not installed


def test_download_leaves_files_that_are_there_alone(tiny: Tiny, mirror: Served) -> None:
    """Only the missing file is put in place."""
    assert mirror.files
    before = (tiny.raw / NAMES[0]).stat().st_mtime_ns
    (tiny.raw / NAMES[1]).unlink()
    tiny.dataset.load()
    assert (tiny.raw / NAMES[0]).stat().st_mtime_ns == before


@pytest.mark.parametrize("trouble", ["gone", "cut", "other"])
def test_failed_download_leaves_nothing_and_says_what_to_do(empty: Tiny, mirror: Served, trouble: str) -> None:
    """One line says that it failed, where the files go by hand, and offers the digits; the next attempt succeeds."""
    path = f"/{NAMES[-1]}.gz"
    whole = mirror.files[path]
    if trouble == "cut":
        mirror.cut[path] = 10
    else:
        mirror.files[path] = {"gone": b"", "other": whole[:-1] + b"x"}[trouble]
    with pytest.raises(DataError, match=r"^tiny: the download failed \(.*--data digits$") as caught:
        empty.dataset.load()
    assert str(empty.raw) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(empty.raw.iterdir()) == []
    mirror.files[path] = whole
    mirror.cut.clear()
    assert len(empty.dataset.load()[0]) == 20


def test_download_without_a_network_fails_in_one_line(empty: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network at all reads like any other failed download."""
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataError, match=r"the download failed \(<urlopen error .*refused.*--data digits$"):
        empty.dataset.load()


def test_interrupted_download_leaves_nothing(empty: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a download takes the half-written files along."""

    def interrupt(self: torchvision.datasets.MNIST) -> None:
        Path(self.raw_folder).mkdir(parents=True)
        (Path(self.raw_folder) / NAMES[0]).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", interrupt)
    with pytest.raises(KeyboardInterrupt):
        empty.dataset.load()
    assert list(empty.raw.iterdir()) == []


def test_data_folder_that_cannot_be_made_is_named(empty: Tiny) -> None:
    """A data folder that cannot be written to is named, with the variable that moves it."""
    empty.root.mkdir()
    (empty.root / "MNIST").write_bytes(b"a file where a folder should be")
    with pytest.raises(DataError, match=r"cannot .*MNIST.raw'"):
        empty.dataset.load()


def test_data_folder_on_a_full_disk_is_named(empty: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no folder can be made, the message says why and names CNNCLI_DATA."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DataError, match=r"cannot write .*Read-only file system; set CNNCLI_DATA"):
        empty.dataset.load()
