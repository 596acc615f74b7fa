"""IDX files: what is whole passes, what is not is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnncli.data.mnist import Array, check, unpack
from cnncli.errors import DataError

SHAPE = Array((5, 4, 3))
WHOLE = SHAPE.header + bytes(60)

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_header_is_that_of_mnist() -> None:
    """The training images of MNIST begin with these bytes."""
    assert Array((60_000, 28, 28)).header.hex() == "00000803" + "0000ea60" + "0000001c" + "0000001c"


def test_header_is_that_of_qmnist() -> None:
    """The training labels of QMNIST, eight integers of four bytes for each image."""
    labels = Array((60_000, 8), code=12, width=4)
    assert (labels.header.hex(), labels.size) == ("00000c02" + "0000ea60" + "00000008", 12 + 60_000 * 32)


def test_whole_file_passes(tmp_path: Path) -> None:
    """A file of the right header and length is accepted."""
    (tmp_path / "file").write_bytes(WHOLE)
    check(tmp_path / "file", SHAPE)


@same_folder
@given(length=st.integers(0, 200).filter(lambda length: length != len(WHOLE)))
def test_wrong_length_is_named(tmp_path: Path, length: int) -> None:
    """A file cut short or grown is named in one line, with the cure."""
    path = tmp_path / "file"
    path.write_bytes((WHOLE + bytes(200))[:length])
    with pytest.raises(DataError, match=r"file' is .*; delete it and run again") as caught:
        check(path, SHAPE)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@same_folder
@given(place=st.integers(0, 15), value=st.integers(1, 255))
def test_wrong_header_is_named(tmp_path: Path, place: int, value: int) -> None:
    """Any other header is refused, though the length be right."""
    damaged = bytearray(WHOLE)
    damaged[place] ^= value
    (tmp_path / "file").write_bytes(damaged)
    with pytest.raises(DataError, match="it begins"):
        check(tmp_path / "file", SHAPE)


def test_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    """What cannot be read is a data error, not a fault."""
    with pytest.raises(DataError, match="cannot read"):
        check(tmp_path, SHAPE)


def test_unpack_writes_the_file(tmp_path: Path) -> None:
    """A good archive gives the file, byte for byte."""
    (tmp_path / "file.gz").write_bytes(gzip.compress(WHOLE))
    unpack(tmp_path / "file.gz", tmp_path / "file", SHAPE)
    assert (tmp_path / "file").read_bytes() == WHOLE


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"not gzip at all",
        gzip.compress(WHOLE)[:-9],
        gzip.compress(WHOLE)[:20] + b"\xff" * 20,
        gzip.compress(WHOLE[:-1]),
        gzip.compress(WHOLE + b"1"),
        gzip.compress(b""),
    ],
    ids=["empty", "text", "cut", "damaged", "short", "long", "nothing"],
)
def test_broken_archive_is_named_and_nothing_written(tmp_path: Path, archive: bytes) -> None:
    """A broken archive is named with the cure, and the raw file does not appear."""
    (tmp_path / "file.gz").write_bytes(archive)
    with pytest.raises(DataError, match=r"file\.gz' is .*; delete it and run again"):
        unpack(tmp_path / "file.gz", tmp_path / "file", SHAPE)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.gz"]


def test_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Where the raw file cannot be written, the message names it."""
    (tmp_path / "file.gz").write_bytes(gzip.compress(WHOLE))
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(DataError, match="cannot write"):
        unpack(tmp_path / "file.gz", tmp_path / "taken" / "file", SHAPE)
