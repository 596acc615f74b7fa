"""Where data lies, on each platform, and files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnncli import files
from cnncli.errors import DataError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, with nothing that says where data should go instead."""
    for name in ("CNNCLI_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux", ".cache/cnncli"), ("darwin", "Library/Caches/cnncli"), ("win32", "AppData/Local/cnncli")],
)
def test_cache_lies_where_the_platform_keeps_caches(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, expected: str
) -> None:
    """Each platform has its own convention, and it is the data folder too."""
    monkeypatch.setattr("sys.platform", platform)
    assert files.cache_folder() == files.data_folder() == home / expected


@pytest.mark.parametrize(("platform", "variable"), [("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")])
def test_cache_follows_the_platforms_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str
) -> None:
    """The variable of the platform moves the cache."""
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv(variable, str(home / "elsewhere"))
    assert files.cache_folder() == home / "elsewhere" / "cnncli"


def test_relative_xdg_cache_home_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG specification has relative paths ignored."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert files.cache_folder() == home / ".cache" / "cnncli"


def test_data_folder_follows_its_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CNNCLI_DATA moves the data folder; set to nothing, it counts as unset."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("CNNCLI_DATA", "sets")
    assert files.data_folder() == Path.cwd() / "sets"
    monkeypatch.setenv("CNNCLI_DATA", "")
    assert files.data_folder() == home / ".cache" / "cnncli"


def test_no_home_folder_is_an_error_with_a_cure(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """A user without a home folder is told to set CNNCLI_DATA, and can."""

    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", fail)
    with pytest.raises(DataError, match="set CNNCLI_DATA"):
        files.data_folder()
    monkeypatch.setenv("CNNCLI_DATA", str(home))
    assert files.prepared_folders(files.data_folder()) == [home / "prepared"]


def test_prepared_sets_of_two_data_folders_lie_apart(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the cache, one data folder's sets do not evict another's."""
    monkeypatch.setattr("sys.platform", "linux")
    one, two = (files.prepared_folders(home / name) for name in ("one", "two"))
    assert one[0] == home / "one" / "prepared"
    assert one[1] != two[1]
    assert files.prepared_folders(files.cache_folder()) == [files.cache_folder() / "prepared"]


def test_place_replaces_a_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    """Afterwards the folder holds the new file alone."""
    path = tmp_path / "new" / "file"
    files.place(b"old", path)
    files.place(b"new", path)
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file"]  # noqa: PTH208  (hidden names too)


def test_place_that_fails_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the old file and no draft."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    files.place(b"old", path)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.place(b"new", path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(13, "Permission denied", "/secret"), "Permission denied"),
        (RuntimeError("Tried one, got:\n<urlopen error timed out>\n"), "<urlopen error timed out>"),
        (ValueError(""), "ValueError"),
        (RuntimeError("404 \x1b[31mred"), "404 ?[31mred"),
    ],
)
def test_reason_is_one_inert_line(error: Exception, expected: str) -> None:
    """A reason is the last line, without the path, without control characters."""
    assert files.reason(error) == expected
