"""Data sources at a network's size: prepared or read at each use, whole or without what cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cnncli.data import Files, Split, dataset, loading
from cnncli.data.loading import Wanted, fetch, load, sample
from cnncli.data.pictures import picture
from cnncli.data.progress import Progress
from cnncli.errors import DataError
from tests.data.conftest import Tiny, put

SIZE = (3, 5, 4)
ALWAYS, NEVER = Wanted(size=SIZE, cache="always"), Wanted(size=SIZE, cache="never")
SKIP = Wanted(size=SIZE, on_bad_image="skip", cache="always")
SKIP_STREAMED = Wanted(size=SIZE, on_bad_image="skip", cache="never")


@pytest.fixture
def root(empty: Tiny, tmp_path: Path) -> Path:
    """A folder of eight images to train on and three to test on; prepared sets go into a data folder of the test's own."""
    assert not empty.root.exists()
    put(tmp_path / "set", *(f"train/{name}/{number}.png" for name in "ab" for number in range(4)))
    put(tmp_path / "set", "test/a/7.png", "test/b/8.png", "test/b/9.png")
    return tmp_path / "set"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths of the images that are read, in this process."""
    found: list[str] = []

    def noted(path: str, *rest: object) -> object:
        found.append(path)
        return picture(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("cnncli.data.reading.picture", noted)
    monkeypatch.setattr("cnncli.data.loading.picture", noted)
    return found


def pixels(path: str) -> torch.Tensor:
    """What an image should be."""
    return torch.tensor(list(picture(path, 3, SIZE[1:]).tobytes()), dtype=torch.uint8).view(5, 4, 3).permute(2, 0, 1)


def test_prepared_images_are_those_of_the_files(root: Path, empty: Tiny, reads: list[str]) -> None:
    """At the size that was wanted, in order, with their labels; the second time nothing is read."""
    source = dataset(f"folder:{root}")
    files = source.load()[:2]
    for _ in range(2):
        found = load(source, ALWAYS)
        for part, names in zip((found.train, found.test), files, strict=True):
            assert isinstance(part, Split)
            assert torch.equal(part.images, torch.stack([pixels(path) for path in names.paths]))
            assert torch.equal(part.labels, names.labels)
        assert (found.skipped, found.sampled) == ((), True)
    assert len(reads) == 11
    assert [entry.name.rpartition("-")[2] for entry in (empty.root / "prepared").iterdir()] == ["3x5x4.safetensors"]


def test_another_size_is_prepared_apart(root: Path, reads: list[str]) -> None:
    """Both stay."""
    source = dataset(f"folder:{root}")
    for size in (SIZE, (1, 2, 2), SIZE, (1, 2, 2)):
        assert load(source, Wanted(size=size, cache="always")).train.images.shape == (8, *size)
    assert len(reads) == 22


@pytest.mark.parametrize("change", ["touched", "added", "moved", "removed"])
def test_a_changed_folder_is_prepared_anew(root: Path, reads: list[str], change: str) -> None:
    """Another time, another image, another class of one, one less."""
    load(dataset(f"folder:{root}"), ALWAYS)
    match change:
        case "touched":
            os.utime(root / "train/a/1.png", ns=(0, 0))
        case "added":
            put(root, "train/a/99.png")
        case "moved":
            (root / "train/a/1.png").rename(root / "train/b/1x.png")
        case "removed":
            (root / "train/a/1.png").unlink()
    reads.clear()
    found = load(dataset(f"folder:{root}"), ALWAYS)
    assert len(reads) == len(found.train) + 3


def test_what_is_prepared_does_not_depend_on_the_workers(root: Path, empty: Tiny) -> None:
    """To the byte of the file."""
    found = []
    for workers in (0, 1, 2):
        load(dataset(f"folder:{root}"), Wanted(size=SIZE, cache="always", workers=workers))
        (file,) = (empty.root / "prepared").iterdir()
        found.append(file.read_bytes())
        file.unlink()
    assert found[0] == found[1] == found[2]


def test_memory_decides_unless_the_recipe_does(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven images of 60 bytes are kept ready where there is room for 660, else they stay files."""
    source = dataset(f"folder:{root}")
    for room, kind in ((660, Split), (659, Files)):
        monkeypatch.setattr(loading, "budget", lambda room=room: room)
        assert isinstance(load(source, Wanted(size=SIZE)).train, kind)
    assert isinstance(load(source, ALWAYS).train, Split)
    monkeypatch.setattr(loading, "budget", lambda: 10**9)
    assert isinstance(load(source, NEVER).train, Files)


def test_a_set_in_one_piece_is_loaded_as_it_is() -> None:
    """Digits come as stored, whatever size is wanted."""
    found = load(dataset("digits"), Wanted(size=(1, 28, 28)))
    assert isinstance(found.train, Split)
    assert found.train.images.shape[2:] == (8, 8)
    assert (found.sampled, found.skipped) == (False, ())


def spoil(root: Path) -> tuple[str, ...]:
    """Three images that cannot be read."""
    names = ("train/a/0.png", "train/b/3.png", "test/b/8.png")
    for name in names:
        (root / name).write_bytes((root / name).read_bytes()[:45])
    return tuple(str(root / name) for name in names)


def test_a_bad_image_fails_by_its_path(root: Path) -> None:
    """The first, how many there are, and both cures; also when it was prepared with them."""
    bad = spoil(root)
    for _ in range(2):
        with pytest.raises(
            DataError, match=r"3 of 11 images cannot be read\); mend or remove it, or .* skip$"
        ) as caught:
            load(dataset(f"folder:{root}"), ALWAYS)
        assert repr(bad[0]) in str(caught.value)
    (root / "train/a/0.png").unlink()
    (root / "train/b/3.png").unlink()
    with pytest.raises(DataError, match=r"8\.png': [^(]*; mend"):
        load(dataset(f"folder:{root}"), ALWAYS)


def test_skipped_images_are_left_out_and_told(root: Path, reads: list[str]) -> None:
    """The same ones whether images are prepared or not, and looked for once."""
    bad, source = spoil(root), dataset(f"folder:{root}")
    good = [[path for path in part.paths if path not in bad] for part in source.load()[:2]]
    labels = [torch.tensor([path.split("/")[-2] == "b" for path in paths]).long() for paths in good]
    ready = load(source, SKIP)
    assert torch.equal(ready.train.images, torch.stack([pixels(path) for path in good[0]]))
    for _ in range(2):
        reads.clear()
        streamed = load(source, SKIP_STREAMED)
        assert [*streamed.train.paths, *streamed.test.paths] == [*good[0], *good[1]]
        for found in (ready, streamed):
            assert torch.equal(found.train.labels, labels[0])
            assert torch.equal(found.test.labels, labels[1])
            assert found.skipped == bad
    assert sorted(reads) == sorted(bad)  # looked at again, in case they were mended


def test_an_image_that_could_not_be_opened_for_a_while_comes_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was prepared without it is not kept once it can be read, though its time is the same."""
    source, path = dataset(f"folder:{root}"), str(root / "train/a/0.png")

    def refused(name: str, *rest: object) -> object:
        if name == path:
            raise DataError(f"cannot read the image {name!r}: Permission denied")
        return picture(name, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("cnncli.data.reading.picture", refused)
        patch.setattr("cnncli.data.loading.picture", refused)
        assert load(source, SKIP).skipped == (path,)
    assert load(source, SKIP).skipped == ()
    assert len(load(source, ALWAYS).train) == 8


def test_a_split_of_bad_images_alone_is_refused(root: Path) -> None:
    """There is nothing to test on."""
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"has no image to test on that can be read; the first is .*7\.png"):
        load(dataset(f"folder:{root}"), SKIP)


def test_progress_is_counted_to_the_end(root: Path) -> None:
    """It names what is done, counts every image, and is over afterwards; a second time there is none."""

    class Noted(Progress):
        told: list[tuple[str, int, int]]

        def end(self) -> None:
            self.told.append((self.what, self.done, self.total))
            super().end()

    progress = Noted()
    progress.told = []
    for _ in range(2):
        load(dataset(f"folder:{root}"), ALWAYS, progress)
    assert progress.told == [("preparing images", 11, 11)]
    assert progress.total == 0


def test_a_sample_is_the_same_prepared_or_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many images, at even distances; where all are in memory anyhow and wanted, all of them."""
    source = dataset(f"folder:{root}")
    ready, streamed = load(source, ALWAYS).train, load(source, NEVER).train
    for most, count in ((8, 8), (7, 4), (3, 3), (1, 1)):
        monkeypatch.setattr(loading, "SAMPLE", most)
        assert torch.equal(sample(ready, ALWAYS), sample(streamed, NEVER))
        assert len(sample(ready, ALWAYS)) == count
        assert len(sample(ready, ALWAYS, everything=True)) == 8


def test_a_bad_image_in_a_sample_is_named(root: Path) -> None:
    """Streaming stops before the first epoch where it can."""
    bad = spoil(root)
    with pytest.raises(DataError, match="mend or remove it") as caught:
        sample(load(dataset(f"folder:{root}"), NEVER).train, NEVER)
    assert repr(bad[0]) in str(caught.value)


def test_fetching_looks_at_every_image(root: Path, empty: Tiny) -> None:
    """With a size it prepares; without one it reads all and names what cannot be read."""
    source = dataset(f"folder:{root}")
    fetch(source, SIZE, Progress())
    fetch(source, None, Progress())
    assert sorted(entry.name.rpartition("-")[2] for entry in (empty.root / "prepared").iterdir()) == [
        "3x5x4.safetensors",
        "bad.safetensors",
    ]
    spoil(root)
    for size in (SIZE, None):
        with pytest.raises(DataError, match=r"0\.png'.*3 of 11 images"):
            fetch(dataset(f"folder:{root}"), size, Progress())
    fetch(dataset("digits"), None, Progress())


@pytest.fixture
def with_val(root: Path) -> Path:
    """The folder with two images more, to validate on."""
    put(root, "val/b/1.png", "val/b/2.png")
    return root


def test_a_validation_split_comes_as_the_others_do(with_val: Path, reads: list[str]) -> None:
    """Prepared or as files, counted where memory is asked for; what was prepared without it is not taken for it."""
    source = dataset(f"folder:{with_val}")
    assert [path[len(str(with_val)) :] for path in load(source, NEVER).val.paths] == ["/val/b/1.png", "/val/b/2.png"]
    for _ in range(2):
        found = load(source, ALWAYS).val
        assert torch.equal(found.images, torch.stack([pixels(f"{with_val}/val/b/{number}.png") for number in (1, 2)]))
        assert found.labels.tolist() == [1, 1]
    assert len(reads) == 13
    for name, count in (("kept", 11), ("val", 13)):
        (with_val / ("val" if name == "kept" else "kept")).rename(with_val / name)
        reads.clear()
        assert (load(dataset(f"folder:{with_val}"), ALWAYS).val is None, len(reads)) == (name == "kept", count)


def test_bad_images_to_validate_on_are_met_as_others(with_val: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They fail, are left out, are counted by a fetch; a split of them alone is refused."""
    bad = with_val / "val/b/1.png"
    bad.write_bytes(b"")
    source = dataset(f"folder:{with_val}")
    for attempt in (lambda: load(source, ALWAYS), lambda: fetch(source, SIZE, Progress())):
        with pytest.raises(DataError, match=r"val/b/1\.png'.*; mend or remove it"):
            attempt()
    for wanted in (SKIP, SKIP_STREAMED):
        found = load(source, wanted)
        assert (len(found.val), found.skipped) == (1, (str(bad),))
    (with_val / "val/b/2.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"no image to validate on that can be read; the first is .*val/b/1\.png"):
        load(source, SKIP)
    monkeypatch.setattr(loading, "budget", lambda: 779)
    assert isinstance(load(source, Wanted(size=SIZE)).train, Files)
