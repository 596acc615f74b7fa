"""A data folder of its own for each test, and a set in MNIST's format that is small enough to damage."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from cnncli.datasets import Dataset
from cnncli.datasets.mnist import Source, declare

SOURCE = Source(name="tiny", kind="MNIST", train=20, test=10, height=4, width=3, classes=tuple("0123456789"))


@dataclass(frozen=True)
class Tiny:
    """A set of 20 and 10 images, 4×3 pixels, and where it lies."""

    dataset: Dataset
    root: Path
    cache: Path

    @property
    def raw(self) -> Path:
        """The folder of the raw files."""
        return self.root / "MNIST" / "raw"

    @property
    def prepared(self) -> Path:
        """The prepared file in the data folder."""
        return self.root / "prepared" / "tiny.safetensors"


def contents(seed: int = 0) -> dict[str, bytes]:
    """The four raw files of the small set."""
    values = random.Random(seed)  # noqa: S311  (pixels, not secrets)
    files = {}
    for name, array in SOURCE.arrays().items():
        highest = 9 if "labels" in name else 255
        size = array.size - len(array.header)
        files[name] = array.header + bytes(values.randint(0, highest) for _ in range(size))
    return files


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """The small set without its files."""
    root, cache = tmp_path / "data", tmp_path / "cache"
    monkeypatch.setenv("CNNCLI_DATA", str(root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr("sys.platform", "linux")
    return Tiny(declare(SOURCE, title="a small set", licence="none"), root, cache / "cnncli")


@pytest.fixture
def tiny(empty: Tiny) -> Tiny:
    """The small set with its raw files in place."""
    empty.raw.mkdir(parents=True)
    for name, data in contents().items():
        (empty.raw / name).write_bytes(data)
    return empty
