"""Sixty damaged files: checkpoints, prepared sets, IDX files. Each is noticed; nothing wrong is ever used."""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign import QUICK, images
from tests.conftest import Result

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")]

Cnncli = Callable[..., Result]


def damage(path: Path, chance: random.Random) -> str:
    """Spoil a file in one of the ways that disks, copies and people do; says how."""
    data = bytearray(path.read_bytes())
    kind = chance.choice(["flip", "cut", "empty", "zeros", "longer", "text", "folder", "gone"])
    place = chance.randrange(len(data))
    changed = {
        "flip": data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :],
        "cut": data[:place],
        "empty": b"",
        "zeros": data[:place] + bytes(len(data) - place),
        "longer": data + b"\n",
        "text": b"<!doctype html><title>404</title>",
    }
    if kind in changed:
        path.write_bytes(changed[kind])
        return kind if changed[kind] != bytes(data) else "the same"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    return kind


def assert_told(found: Result, *codes: int) -> None:
    """One line at most where it failed, and no fault of our own."""
    assert found.code in codes, found
    assert "a fault in cnncli" not in found.err


def test_twenty_damaged_checkpoints(cnncli: Cnncli, capfd: pytest.CaptureFixture[str]) -> None:
    """last.pt is not trusted, previous.pt is; with both spoilt it is one line; the end is that of a whole run."""
    assert cnncli(f"train lenet {QUICK}").code == 0
    whole = Path("runs/lenet-1/model.safetensors").read_bytes()
    chance, kinds = random.Random(1), list[str]()  # noqa: S311
    for number in range(20):
        shutil.copytree("runs/lenet-1", "runs/lenet-9")
        Path("runs/lenet-9/model.safetensors").unlink()
        spoilt = ["last.pt", "previous.pt"] if number % 5 == 4 else ["last.pt"]
        kinds += [damage(Path("runs/lenet-9/checkpoints") / name, chance) for name in spoilt]
        found = cnncli("resume runs/lenet-9")
        assert_told(found, 0, 3)
        if found.code == 0 and Path("runs/lenet-9/model.safetensors").exists():
            assert Path("runs/lenet-9/model.safetensors").read_bytes() == whole
        else:
            assert len(spoilt) == 2 or kinds[-1] == "folder", found
        shutil.rmtree("runs/lenet-9")
    with capfd.disabled():
        print(f"\n20 runs, {len(kinds)} damaged checkpoints ({', '.join(sorted(set(kinds)))}): all noticed")


def test_twenty_damaged_caches(cnncli: Cnncli, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A prepared set that is spoilt is made anew, and the run comes to the same bytes."""
    images(Path("set"))
    line = f"train lenet --data folder:set cache=always {QUICK}"
    assert cnncli(line).code == 0
    whole = Path("runs/lenet-1/model.safetensors").read_bytes()
    chance, kinds = random.Random(2), list[str]()  # noqa: S311
    for _ in range(20):
        caches = [file for file in tmp_path.rglob("*.safetensors") if "prepared" in file.parts and file.stat().st_size]
        kinds += [damage(cache, chance) for cache in caches]
        found = cnncli(line)
        assert_told(found, 0)
        assert max(Path("runs").glob("*/model.safetensors")).read_bytes() == whole, kinds[-1]
        shutil.rmtree(max(Path("runs").glob("lenet-*")))
        for folder in (cache for cache in caches if cache.is_dir()):  # the set was prepared in the next best place
            folder.rmdir()
    with capfd.disabled():
        print(f"\n{len(kinds)} damaged caches ({', '.join(sorted(set(kinds)))}): the same bytes each time")


def idx(path: Path, values: bytes, *shape: int) -> None:
    """Write an IDX file of bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">I{len(shape)}I", (8 << 8) + len(shape), *shape) + values)


def test_twenty_damaged_idx_files(cnncli: Cnncli, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Headers, lengths and labels are checked before a byte is used: exit 3 with the path, else the pixels are as they are."""
    chance = random.Random(3)  # noqa: S311
    raw = tmp_path / "data/MNIST/raw"
    sizes = {"train": 60_000, "t10k": 10_000}

    def whole() -> None:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        for split, count in sizes.items():
            idx(raw / f"{split}-images-idx3-ubyte", bytes(count * 784), count, 28, 28)
            idx(raw / f"{split}-labels-idx1-ubyte", bytes(index % 10 for index in range(count)), count)

    outcomes = list[str]()
    for _ in range(20):
        whole()
        file = chance.choice(sorted(raw.iterdir()))
        kind = damage(file, chance)
        found = cnncli(f"train lenet-mnist {QUICK} --device cpu")
        assert_told(found, 0, 3)
        outcomes.append(f"{kind} {found.code}")
        if kind in {"cut", "empty", "longer", "text", "folder"}:
            assert found.code == 3, (kind, found)
            assert file.name in found.err
            assert len(found.err.splitlines()) == 1
    with capfd.disabled():
        print(f"\n20 damaged IDX files: {', '.join(sorted(set(outcomes)))}")
