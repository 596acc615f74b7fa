"""Files of other kinds: each is told what it is, by its bytes before its suffix, with what to do and the right exit code."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.conftest import Result


def _zip(*names: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"{}")

    return write


def _script(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated, and its files are about
        torch.jit.save(torch.jit.trace(nn.Linear(2, 1), torch.zeros(1, 2)), str(path))


def _bytes(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data) and None


def _npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=np.zeros(3))


HDF5 = _bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
TFLITE = _bytes(b"\x1c\0\0\0TFL3" + bytes(64))
GGUF = _bytes(b"GGUF\x03\0\0\0" + bytes(64))
HTML = _bytes(b"\n<!DOCTYPE html>\n<html><title>404</title></html>")
LFS = _bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
GRAPH = _bytes(b"\n\x15\n\x05input\x12\x0bPlaceholder" + bytes(range(128, 160)))
CASES: list[tuple[str, Callable[[Path], None], int, str]] = [
    ("net.jit", _script, 2, "is a TorchScript program"),
    ("net.pt", _script, 2, "is a TorchScript program"),
    ("net.h5", HDF5, 2, "is an HDF5 file"),
    ("weights.pt", HDF5, 2, "is an HDF5 file"),
    ("net.tflite", TFLITE, 2, "is a TensorFlow Lite model"),
    ("net.pth", TFLITE, 2, "is a TensorFlow Lite model"),
    ("net.gguf", GGUF, 2, "is a GGUF file"),
    ("net.bin", GGUF, 2, "is a GGUF file"),
    ("net.keras", _zip("metadata.json", "config.json", "model.weights.h5"), 2, "is a model of Keras"),
    ("net.npz", _npz, 2, "is arrays of NumPy"),
    ("net.npy", lambda path: np.save(path, np.zeros(3)), 2, "is an array of NumPy"),
    ("net.pb", GRAPH, 2, "is a graph of TensorFlow"),
    ("net.mlmodel", GRAPH, 2, "is a Core ML model"),
    ("net.engine", _bytes(b"ftrt" + bytes(64)), 2, "is a TensorRT engine"),
    ("net.bin", GRAPH, 2, "is a file of bytes"),
    ("net.zip.pt", _zip("readme.txt", "net/weights.txt"), 2, "is a zip archive without a checkpoint"),
    ("net.pth", _bytes(b"epoch 1 loss 0.3\n"), 3, "is a text file"),
    ("net.pt", HTML, 3, "is a web page: the download failed"),
    ("net.safetensors", HTML, 3, "is a web page: the download failed"),
    ("net.tflite", HTML, 3, "is a web page: the download failed"),
    ("net.pt", LFS, 3, "is a Git LFS pointer"),
    ("net.safetensors", LFS, 3, "git lfs pull"),
    ("net.pt", _bytes(b""), 3, "is empty"),
    ("net.bin", _bytes(b""), 3, "is empty"),
]


@pytest.mark.parametrize(("name", "write", "code", "says"), CASES)
@pytest.mark.parametrize("command", ["summary", "code"])
def test_each_is_told_what_it_is(  # noqa: PLR0917  (a parameter for each thing that differs)
    command: str,
    name: str,
    write: Callable[[Path], None],
    code: int,
    says: str,
    tmp_path: Path,
    cnncli: Callable[..., Result],
) -> None:
    """One line with the file, what it is and what to do."""
    path = tmp_path / name
    write(path)
    found = cnncli(f"{command} {path}")
    assert (found.code, found.out) == (code, "")
    assert says in found.err
    assert found.err.count("\n") == 1
    assert "; " in found.err


@pytest.mark.parametrize("name", ["net.bin", "net.ckpt", "net.pt", "net.pth", "net.safetensors"])
def test_tensors_are_listed_whatever_the_suffix(name: str, tmp_path: Path, cnncli: Callable[..., Result]) -> None:
    """What torch.save or safetensors wrote is read as what it is."""
    path = tmp_path / name
    tensors = {"weight": torch.zeros(2, 3)}
    for write in (lambda: torch.save(tensors, path), lambda: save_file(tensors, path)):
        write()
        found = json.loads(cnncli(f"summary {path} --format json").out)
        assert found["totals"]["numbers" if "numbers" in found["totals"] else "params"] == 6


def test_a_file_that_is_not_there(cnncli: Callable[..., Result]) -> None:
    """It is a file that is missing, not a network of a strange name."""
    found = cnncli("summary nowhere.tflite")
    assert found.code == 3
    assert "nowhere.tflite" in found.err
