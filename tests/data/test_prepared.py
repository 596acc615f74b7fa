"""Prepared sets: trusted only when they fit their sources and their checksum, and never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnncli.data import Split, prepared
from cnncli.data.prepared import Splits
from tests.data.conftest import Tiny


class Building:
    """Builds a small set and counts how often."""

    def __init__(self, root: Path, seed: int = 0) -> None:
        self.root, self.seed, self.times = root, seed, 0

    def __call__(self) -> Splits:
        """Both splits."""
        self.times += 1
        generator = torch.Generator().manual_seed(self.seed)
        images = torch.randint(0, 256, (30, 1, 4, 3), generator=generator, dtype=torch.uint8)
        labels = torch.randint(0, 10, (30,), generator=generator)
        return Split(images=images[:20], labels=labels[:20]), Split(images=images[20:], labels=labels[20:])

    def load(self) -> Splits:
        """Both splits, prepared or built."""
        return prepared.load("set", self.root, [self.root / "raw" / "source"], self)


@pytest.fixture
def building(empty: Tiny) -> Building:
    """A set whose source file exists."""
    (empty.root / "raw").mkdir(parents=True)
    (empty.root / "raw" / "source").write_bytes(b"source")
    return Building(empty.root)


def same(one: Splits, other: Splits) -> bool:
    """Whether two pairs of splits hold the same tensors."""
    return all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in zip(one, other, strict=True)
    )


def test_second_load_is_not_built(building: Building) -> None:
    """A prepared set is loaded as it was built."""
    first = building.load()
    assert same(building.load(), first)
    assert building.times == 1
    assert [entry.name for entry in (building.root / "prepared").iterdir()] == ["set.safetensors"]


@pytest.mark.parametrize("change", ["size", "time", "name"])
def test_changed_source_is_built_anew(building: Building, change: str) -> None:
    """Another size, time of change or name of a source file is noticed."""
    building.load()
    source = building.root / "raw" / "source"
    if change == "size":
        status = source.stat()
        source.write_bytes(b"longer source")
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "time":
        os.utime(source, ns=(0, 0))
    else:
        source.rename(building.root / "raw" / "other")
        prepared.load("set", building.root, [building.root / "raw" / "other"], building)
    if change != "name":
        building.load()
    assert building.times == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(data=st.data())
def test_damage_anywhere_is_noticed(building: Building, data: st.DataObject) -> None:
    """Whatever bit is flipped, wherever the file is cut, what is loaded is right."""
    path = building.root / "prepared" / "set.safetensors"
    path.unlink(missing_ok=True)
    right = building.load()
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1), label="place")] ^= data.draw(st.integers(1, 255), label="bits")
    cut = data.draw(st.none() | st.integers(0, len(whole) - 1), label="cut")
    path.write_bytes(damaged if cut is None else whole[:cut])
    assert same(building.load(), right)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped"])
def test_damaged_file_is_mended(building: Building, damage: str) -> None:
    """A damaged file is replaced by the one that was there before."""
    building.load()
    path = building.root / "prepared" / "set.safetensors"
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": whole[:-1], "flipped": whole[:-1] + bytes([whole[-1] ^ 1])}[damage])
    building.load()
    assert path.read_bytes() == whole
    assert building.times == 2


def test_data_folder_that_cannot_be_written_is_prepared_in_the_cache(building: Building, empty: Tiny) -> None:
    """Where the data folder takes no files, the user's cache does."""
    (building.root / "prepared").write_bytes(b"a file where the folder should be")
    right = building.load()
    assert same(building.load(), right)
    assert building.times == 1
    assert len(list(empty.cache.glob("prepared/*/set.safetensors"))) == 1


def test_nowhere_to_write_goes_on_without(building: Building, empty: Tiny) -> None:
    """Without a place for prepared sets, a set is built each time and nothing fails."""
    (building.root / "prepared").write_bytes(b"")
    empty.cache.parent.mkdir()
    empty.cache.write_bytes(b"")
    assert same(building.load(), building.load())
    assert building.times == 2


def test_full_disk_goes_on_without(building: Building, monkeypatch: pytest.MonkeyPatch, empty: Tiny) -> None:
    """A disk that fills up while the set is prepared leaves nothing behind and fails nothing."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    building.load()
    assert list((building.root / "prepared").iterdir()) == []
    assert [path for path in empty.cache.rglob("*") if path.is_file()] == []


def test_what_is_loaded_does_not_hang_on_the_file(building: Building) -> None:
    """Changing loaded images changes no file, and truncating the file changes no images."""
    building.load()
    train, _ = building.load()
    before = train.images.clone()
    (building.root / "prepared" / "set.safetensors").write_bytes(b"")
    assert torch.equal(train.images, before)


def test_processes_that_prepare_at_once_agree(building: Building) -> None:
    """Two processes that prepare one set at the same time, again and again, both load it and leave one whole file."""
    code = (
        "import sys, torch; from pathlib import Path; from tests.data.test_prepared import Building, same; "
        "building = Building(Path(sys.argv[1])); right = building(); "
        "print('ready', flush=True); sys.stdin.readline(); path = building.root / 'prepared' / 'set.safetensors'; "
        "print(all(same(building.load(), right) for _ in range(20) if not path.unlink(missing_ok=True)))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, building.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert [process.communicate("go\n")[0] for process in running] == ["True\n", "True\n"]
    assert [entry.name for entry in (building.root / "prepared").iterdir()] == ["set.safetensors"]
