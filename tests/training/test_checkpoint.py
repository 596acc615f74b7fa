"""Checkpoints: whole, verified, and nothing but tensors and plain values."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
import torch

from cnncli.errors import DataError
from cnncli.training.checkpoint import load, parts, save

CONTENT = {"weights": torch.arange(6.0).view(2, 3), "rows": [{"epoch": 1, "lr": 0.5}], "name": "x", "none": None}


def packed(content: dict[str, object]) -> bytes:
    """A whole checkpoint."""
    return b"".join(parts(content))


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    """Tensors and plain values come back, by our loader and by torch's own, weights only."""
    save(CONTENT, tmp_path, "last.pt")
    for found in (load(tmp_path / "last.pt"), torch.load(tmp_path / "last.pt", weights_only=True)):
        assert torch.equal(found["weights"], CONTENT["weights"])  # type: ignore[arg-type]
        assert found["rows"] == CONTENT["rows"]
        assert found["none"] is None
    assert ZipFile(tmp_path / "last.pt").testzip() is None


@pytest.mark.parametrize("place", [0, 100, -80, -72, -1])
def test_a_changed_byte_is_found(tmp_path: Path, place: int) -> None:
    """Anywhere: in the archive, its end, the mark, the checksum."""
    data = bytearray(packed(CONTENT))
    data[place] ^= 1
    (tmp_path / "last.pt").write_bytes(data)
    with pytest.raises(DataError, match=r"last\.pt' is damaged: its checksum does not fit"):
        load(tmp_path / "last.pt")


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_a_file_cut_short_is_found(tmp_path: Path, keep: int) -> None:
    """Down to an empty file."""
    (tmp_path / "last.pt").write_bytes(packed(CONTENT)[:keep])
    with pytest.raises(DataError, match="damaged"):
        load(tmp_path / "last.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(DataError, match=r"cannot read '.*nowhere\.pt': No such file"):
        load(tmp_path / "nowhere.pt")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    """A pickle that would call a function is refused, even with a checksum that fits."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    (tmp_path / "trap.pt").write_bytes(packed({"trap": Trap()}))
    with pytest.raises(DataError, match="is no checkpoint of cnncli"):
        load(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    """The second save leaves the first as previous.pt, and no draft."""
    save({"number": 1}, tmp_path, "last.pt", keep="previous.pt")
    save({"number": 2}, tmp_path, "last.pt", keep="previous.pt")
    assert load(tmp_path / "previous.pt") == {"number": 1}
    assert load(tmp_path / "last.pt") == {"number": 2}
    assert {entry.name for entry in tmp_path.iterdir()} == {"last.pt", "previous.pt"}


def test_a_save_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up while the draft is written."""
    save({"number": 1}, tmp_path, "last.pt", keep="previous.pt")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save({"number": 2}, tmp_path, "last.pt", keep="previous.pt")
    assert load(tmp_path / "last.pt") == {"number": 1}
    assert {entry.name for entry in tmp_path.iterdir()} == {"last.pt"}


def test_there_is_a_last_one_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole and readable before and after every rename; where a file system has no second names, all but one moment."""
    save({"number": 1}, tmp_path, "last.pt", keep="previous.pt")
    replace, seen = Path.replace, []

    def watched(self: Path, target: Path) -> Path:
        seen.append(load(tmp_path / "last.pt")["number"])
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    for number in (2, 3):
        save({"number": number}, tmp_path, "last.pt", keep="previous.pt")
    assert len(seen) == 6
    assert load(tmp_path / "previous.pt") == {"number": 2}

    def none(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(Path, "hardlink_to", none)
    save({"number": 4}, tmp_path, "last.pt", keep="previous.pt")
    assert load(tmp_path / "previous.pt") == {"number": 3}
    assert {entry.name for entry in tmp_path.iterdir()} == {"last.pt", "previous.pt"}


def test_two_names_of_one_file_are_no_obstacle(tmp_path: Path) -> None:
    """As a kill between the two renames leaves them."""
    save({"number": 1}, tmp_path, "last.pt")
    (tmp_path / "previous.pt").hardlink_to(tmp_path / "last.pt")
    save({"number": 2}, tmp_path, "last.pt", keep="previous.pt")
    assert (load(tmp_path / "previous.pt"), load(tmp_path / "last.pt")) == ({"number": 1}, {"number": 2})
    assert {entry.name for entry in tmp_path.iterdir()} == {"last.pt", "previous.pt"}
