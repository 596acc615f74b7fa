"""The embedded digits: their number, split and pixels, and how they were packed."""

from __future__ import annotations

import gzip
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncli.data import dataset, digits
from cnncli.errors import DataError
from tests.data import make_digits

# Of the bytes that make_digits.py packs from scikit-learn's file; the split is part of them.
CONTENTS = "fcfff6da2cea9e62066b8062f28625bebf56ab192209cb79c628f8d04b07a50c"


def test_contents_are_those_packed() -> None:
    """The bytes in the package are, before compression, the ones that were packed and checked."""
    assert sha256(gzip.decompress(digits.STORED.read_bytes())).hexdigest() == CONTENTS


def test_file_is_small() -> None:
    """The set costs the package less than 100 KB."""
    assert digits.STORED.stat().st_size < 100_000


def test_attribution_lies_beside_the_data() -> None:
    """The authors and the licence are named beside the file and in the facts."""
    beside = digits.STORED.with_suffix(".txt").read_text(encoding="utf-8")
    assert all(word in beside for word in ("Alpaydin", "Kaynak", "CC BY 4.0"))
    assert all(word in dataset("digits").licence for word in ("Alpaydin", "Kaynak", "CC BY 4.0"))


def test_split_is_stratified() -> None:
    """Each digit's share of the test images is its share of all images, to within one."""
    train, test, _ = dataset("digits").load()
    counts = [split.labels.bincount(minlength=10).double() for split in (train, test)]
    assert ((counts[0] + counts[1]) * 360 / 1797 - counts[1]).abs().max() < 1


def test_grey_levels_are_stretched() -> None:
    """The 17 levels become 0 to 255, rounded to the nearest."""
    train, _, _ = dataset("digits").load()
    assert sorted(set(train.images.flatten().tolist())) == [round(level * 255 / 16) for level in range(17)]


def test_first_image_is_the_familiar_zero() -> None:
    """The first training image is the first of the original file, row by row."""
    train, _, _ = dataset("digits").load()
    levels = torch.tensor([[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]])
    assert torch.equal(train.images[0, 0, :2].long(), (levels * 255 / 16).round().long())
    assert train.labels[0] == 0


@pytest.mark.parametrize("damage", [b"", b"junk", gzip.compress(b"few")], ids=["empty", "junk", "short"])
def test_damaged_installation_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes) -> None:
    """A damaged file is a data error that names it."""
    (tmp_path / "digits.gz").write_bytes(damage)
    monkeypatch.setattr(digits, "STORED", tmp_path / "digits.gz")
    with pytest.raises(DataError, match=r"digits\.gz'.*reinstall"):
        dataset("digits").load()


def test_missing_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file is a data error that names it."""
    monkeypatch.setattr(digits, "STORED", tmp_path / "digits.gz")
    with pytest.raises(DataError, match=r"digits\.gz'.*reinstall"):
        dataset("digits").load()


def test_packing_is_repeatable(tmp_path: Path) -> None:
    """The same source gives the same file, and 360 of its images are tested on."""
    lines = [",".join(str((number * column) % 17) for column in range(64)) + f",{number % 10}" for number in range(500)]
    source = tmp_path / "digits.csv.gz"
    source.write_bytes(gzip.compress("\n".join(lines).encode()))
    for name in ("one", "two"):
        make_digits.main(str(source), str(tmp_path / name))
    data = gzip.decompress((tmp_path / "one").read_bytes())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert len(data) == 500 * 65
    assert sorted(data[140 * 64 : 140 * 65] + data[-360:]) == sorted(number % 10 for number in range(500))


@given(frequencies=st.lists(st.integers(1, 300), min_size=1, max_size=12), part=st.floats(0, 1))
def test_shares_add_up_and_are_fair(frequencies: list[int], part: float) -> None:
    """The shares add up to what is shared, each within one of its due."""
    number = sum(frequencies)
    total = int(number * part)
    found = make_digits.shares(dict(enumerate(frequencies)), total)
    assert sum(found.values()) == total
    assert all(abs(found[digit] * number - total * count) < number for digit, count in enumerate(frequencies))
