"""Images that are named: files, folders, a list on stdin."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnncli.data.named import Named, named
from cnncli.errors import RequestError
from tests.data.conftest import put


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "pics/b.png", "pics/a.png", "pics/deep/c.PNG", "pics/.hidden.png", "lone.png")
    (tmp_path / "pics/notes.txt").write_text("no image", encoding="utf-8")
    (tmp_path / "none").mkdir()


def nothing() -> bytes:
    """A stdin that must not be read."""
    raise AssertionError


def paths(*arguments: str, stdin: bytes = b"", nul: bool = False) -> list[str]:
    """The paths alone."""
    return [Path(found.path).as_posix() for found in named(arguments, lambda: stdin, nul=nul)]


def test_files_keep_their_order_and_a_folder_gives_all_below_it_by_name() -> None:
    """Images by their suffix, hidden ones left out; a file comes as it was named, whatever its suffix."""
    assert paths("lone.png", "pics", "notes") == ["lone.png", "pics/a.png", "pics/b.png", "pics/deep/c.PNG", "notes"]
    assert paths("pics", "lone.png", "pics/a.png")[-2:] == ["lone.png", "pics/a.png"]


def test_stdin_is_read_where_it_is_named() -> None:
    """Between others, one path a line, a folder too; empty lines and Windows' line ends do not matter."""
    assert paths("lone.png", "-", "x.png", stdin=b"a b.png\r\n\npics/deep\n") == [
        "lone.png",
        "a b.png",
        "pics/deep/c.PNG",
        "x.png",
    ]
    assert named(["lone.png"], nothing) == [Named("lone.png")]


def test_paths_that_end_with_nul_may_hold_a_line_break() -> None:
    """As find -print0 writes them."""
    assert paths("-", stdin=b"a\nb.png\0c.png\0", nul=True) == ["a\nb.png", "c.png"]


@pytest.mark.parametrize(
    ("arguments", "nul", "words"),
    [(["-", "-"], False, "stands twice"), (["x.png"], True, "leave -0 out"), (["-"], False, "write -0")],
)
def test_a_list_that_cannot_be_meant_is_refused(arguments: list[str], words: str, *, nul: bool) -> None:
    """- twice, -0 without -, NUL bytes without -0."""
    with pytest.raises(RequestError, match=words):
        named(arguments, lambda: b"a.png\0b.png\0", nul=nul)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither such names nor pipes in folders")
def test_names_that_are_no_text_and_files_that_are_none() -> None:
    """Bytes of another encoding come through; a pipe, which would be waited for, and a name too long are no error here."""
    os.mkfifo("pipe.png")
    found = named(["-", "pipe.png", "x" * 5000, "none"], lambda: b"\xff.png\n")
    assert os.fsencode(found[0].path) == b"\xff.png"
    assert [each.wrong for each in found] == [
        "",
        "cannot read the image 'pipe.png': it is no file",
        "",
        "the folder 'none' holds no images",
    ]
