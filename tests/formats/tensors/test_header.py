"""The header of a safetensors file: what it says is what safetensors itself says, and damage is refused in one line."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save, save_file

from cnncli.errors import DataError
from cnncli.formats.tensors import read
from cnncli.formats.tensors.header import DTYPES, natural
from tests.conftest import python

PLACES = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def written(path: Path, header: object, room: int = 8) -> Path:
    """A file with this header (text, or what becomes JSON) and `room` bytes behind it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(room))
    return path


def test_every_tensor_is_as_safetensors_says(tmp_path: Path) -> None:
    """Names, shapes, dtypes and bytes of tensors of every dtype that torch can save."""
    kinds = [getattr(torch, name) for name, _ in DTYPES.values() if hasattr(torch, name)]
    tensors = {f"layer.{at}.{kind}": torch.zeros(at, 3, dtype=kind) for at, kind in enumerate(kinds)}
    tensors["scale"] = torch.tensor(2.0)
    save_file(tensors, tmp_path / "x.safetensors", {"made": "here", "epoch": "3"})
    found = {each.name: each for each in read(tmp_path / "x.safetensors").tensors}
    assert len(kinds) >= 15
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        says = (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), tensor.nbytes, tensor.numel())
        assert (found[name].shape, found[name].dtype, found[name].nbytes, found[name].numbers) == says
    with safe_open(tmp_path / "x.safetensors", "pt") as theirs:
        assert set(theirs.keys()) == found.keys()
    assert read(tmp_path / "x.safetensors").plain == 2


def test_numbers_narrower_than_a_byte(tmp_path: Path) -> None:
    """Six numbers of four bits lie in three bytes."""
    path = written(tmp_path / "x.safetensors", {"a": {"dtype": "F4", "shape": [6], "data_offsets": [0, 3]}}, 3)
    assert read(path).tensors[0].nbytes == 3


def test_names_stand_in_the_order_that_a_person_counts() -> None:
    """Ten comes after nine, and names that hold no number stay in alphabetical order."""
    names = ["l.10.w", "b", "l.9.w", "l.9.b", "a", "10", "9", "l²"]
    assert sorted(names, key=natural) == ["9", "10", "a", "b", "l.9.b", "l.9.w", "l.10.w", "l²"]
    assert natural("1" * 40) < natural("1" * 41)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"a": PLACES, "b": {**PLACES, "data_offsets": [4, 12]}}, "'b' overlaps 'a'"),
        ({"a": PLACES, "b": PLACES}, "'b' overlaps 'a'"),
        ({"a": {**PLACES, "data_offsets": [4, 12]}}, "nothing is said about the 4 bytes before 'a'"),
        ({"a": {**PLACES, "data_offsets": [8, 0]}}, "no list of whole numbers"),
        ({"a": {**PLACES, "data_offsets": [0, 2**64]}}, "no list of whole numbers"),
        ({"a": {**PLACES, "data_offsets": [0, 8, 8]}}, "no list of whole numbers"),
        ({"a": {**PLACES, "data_offsets": [0, 16]}}, "not what its shape takes"),
        ({"a": {**PLACES, "shape": [2**62, 2**62], "data_offsets": [0, 8]}}, "not what its shape takes"),
        ({"a": {**PLACES, "shape": [-2]}}, "no list of whole numbers"),
        ({"a": {**PLACES, "shape": [2.0]}}, "no list of whole numbers"),
        ({"a": {**PLACES, "shape": [True, 2]}}, "no list of whole numbers"),
        ({"a": {**PLACES, "shape": 2}}, "no list of whole numbers"),
        ({"a": {**PLACES, "dtype": "F31"}}, "'F31'"),
        ({"a": {**PLACES, "dtype": ["F32"]}}, "the format does not know"),
        ({"a": {**PLACES, "more": 1}}, "by other words"),
        ({"a": [1]}, "by other words"),
        ({"__metadata__": {"a": 1}}, "__metadata__"),
        ({"__metadata__": 1}, "__metadata__"),
        ({}, "describes 0 bytes of numbers, behind it lie 8"),
        ([], "lists no tensors"),
        (b'{"a": 1, "a": 1}', "names 'a' twice"),
        (b'{"a": {"dtype": "F32", "dtype": "F32"}}', "names 'dtype' twice"),
        (b'{"a": NaN}', "by other words"),
        (b'{"a"', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_a_wrong_header_is_refused(header: object, words: str, tmp_path: Path) -> None:
    """Each with the place, the value and what to do."""
    with pytest.raises(DataError, match=re.escape(words)) as refused:
        read(written(tmp_path / "x.safetensors", header))
    assert str(refused.value).endswith("fetch or save it again")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 10**12, 100])
def test_a_header_longer_than_the_file_is_not_even_asked_for(length: int, tmp_path: Path) -> None:
    """Eight bytes can promise 16 EiB; the file is small, so nothing of that is allocated."""
    (tmp_path / "x.safetensors").write_bytes(length.to_bytes(8, "little") + b"{}")
    with pytest.raises(DataError, match="the whole file has 10"):
        read(tmp_path / "x.safetensors")


def test_a_header_of_more_than_100_mb_is_refused_unread(tmp_path: Path) -> None:
    """A file with a hole of 200 MB in place of its header: refused before a byte of it is read."""
    with (tmp_path / "x.safetensors").open("wb") as file:
        file.write((200_000_000).to_bytes(8, "little"))
        file.truncate(200_000_008)
    with pytest.raises(DataError, match=r"200,000,000 bytes, more than the 100,000,000"):
        read(tmp_path / "x.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x02", b"1234567"])
def test_a_file_shorter_than_a_length_is_refused(content: bytes, tmp_path: Path) -> None:
    """Less than eight bytes."""
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"header|is empty|is a text file"):
        read(tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", ["nothing.safetensors", "folder.safetensors"])
def test_a_missing_file_and_a_folder_are_refused(name: str, tmp_path: Path) -> None:
    """With the system's reason."""
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(DataError, match="cannot read"):
        read(tmp_path / name)


def test_damage_is_refused_or_harmless(tmp_path: Path) -> None:
    """One bit flipped or the end cut off, 200 times: either `DataError`, or a list of tensors as safetensors reads it."""
    whole = save(
        {"conv.weight": torch.zeros(6, 1, 5, 5), "conv.bias": torch.zeros(6), "n": torch.zeros((), dtype=torch.int64)}
    )
    header = 8 + int.from_bytes(whole[:8], "little")
    chance, refused, path = random.Random(5), 0, tmp_path / "x.safetensors"  # noqa: S311  (which bits does not matter)
    for turn in range(200):
        damaged = bytearray(whole)
        if turn % 2:
            damaged[chance.randrange(header)] ^= 1 << chance.randrange(8)
        else:
            del damaged[chance.randrange(len(whole)) :]
        path.write_bytes(damaged)
        try:
            found = read(path)
        except DataError as error:
            refused += 1
            assert str(path) in str(error)
        else:
            with safe_open(path, "pt") as theirs:
                assert set(theirs.keys()) == {each.name for each in found.tensors}
    assert 150 < refused < 200


def test_only_the_header_is_read_and_without_torch(tmp_path: Path) -> None:
    """100 MB of numbers as a hole in the file: neither torch nor 20 MB of memory are needed."""
    header = {"a": {"dtype": "F32", "shape": [25_000_000], "data_offsets": [0, 100_000_000]}}
    path = written(tmp_path / "x.safetensors", header, 0)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 100_000_000)
    program = f"""
import sys, tracemalloc
from pathlib import Path
from cnncli.render.tensors import show_tensors
tracemalloc.start()
show_tensors(Path({str(path)!r}), "table")
assert tracemalloc.get_traced_memory()[1] < 20e6
assert not {{"torch", "numpy", "safetensors"}} & set(sys.modules)
"""
    done = python("-c", program)
    assert done.returncode == 0, done.stderr
    assert "25,000,000" in done.stdout
