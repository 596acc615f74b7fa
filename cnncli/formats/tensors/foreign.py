"""What a file is that holds no tensors which can be listed: told by its first bytes, and by its suffix where they do not say."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from cnncli.errors import DataError, RequestError
from cnncli.text import truncate

_TO_ONNX = "convert it to ONNX and name that"
_STATE = "save its weights by torch.save(model.state_dict(), …), or name the network's own code"
_SOURCE = "a network is a name (lenet), FILE.py:Class, net.yaml, net.onnx or a run folder"
_KERAS = f"{_TO_ONNX} (tf2onnx)"

STARTS = (
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras saves weights", _KERAS),
    (4, b"TFL3", "a TensorFlow Lite model", f"{_TO_ONNX} (tf2onnx)"),
    (0, b"GGUF", "a GGUF file of llama.cpp", "name the .safetensors that it was made from"),
    (0, b"\x93NUMPY", "an array of NumPy", "save it by torch.save or safetensors"),
    (0, b"ftrt", "a TensorRT engine", "name the ONNX file that it was built from"),
)
"""Where known bytes stand, what begins so, and what to do instead."""
BROKEN = (
    (b"version https://git-lfs", "a Git LFS pointer to a file that was not fetched", "run git lfs pull"),
    (b"<!doctype html", "a web page: the download failed", "fetch the file itself"),
    (b"<html", "a web page: the download failed", "fetch the file itself"),
)
"""Texts that stand where a file should be."""
SUFFIXES = {
    ".tflite": ("a TensorFlow Lite model", _TO_ONNX),
    ".h5": ("a file of Keras", _KERAS),
    ".hdf5": ("a file of Keras", _KERAS),
    ".keras": ("a model of Keras", _KERAS),
    ".pb": ("a graph of TensorFlow", _KERAS),
    ".mlmodel": ("a Core ML model", "name the network or the ONNX file that it was made from"),
    ".engine": ("a TensorRT engine", "name the ONNX file that it was built from"),
    ".gguf": ("a GGUF file of llama.cpp", "name the .safetensors that it was made from"),
    ".npz": ("arrays of NumPy", "save them by torch.save or safetensors"),
    ".npy": ("an array of NumPy", "save it by torch.save or safetensors"),
    ".jit": ("a TorchScript program", _STATE),
    ".pt2": ("an exported program of PyTorch", _STATE),
    ".ckpt": ("a checkpoint", "save the state_dict by torch.save"),
    ".bin": ("a file of bytes", "name the .safetensors or .pt"),
}
"""What files with these suffixes are, where their bytes do not say."""
OTHERS = {
    ".ipynb": ("a notebook", "save the cell with the class as net.py and name net.py:Class"),
    ".txt": ("a text", _SOURCE),
    ".md": ("a text", _SOURCE),
    ".json": ("no network's description that is read here", _SOURCE),
    ".toml": ("no network's description that is read here", _SOURCE),
    ".csv": ("a table", _SOURCE),
    ".pdf": ("a document", _SOURCE),
    **dict.fromkeys((".zip", ".gz", ".tgz", ".tar", ".7z", ".rar"), ("an archive", "unpack it and name what it holds")),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"), ("an image", "cnncli predict RUN FILE takes one")
    ),
}
"""What people name that never holds a network."""
_LISTED = {".ckpt", ".bin", ".jit", ".pt2"}  # what torch.save may have written after all


def refuse(path: Path) -> None:
    """Raise where the file at `path` is something else than tensors: `RequestError` for a whole one, `DataError` for a broken one.

    Raises `DataError` where it cannot be read, too.
    """
    from cnncli.files import reason

    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise DataError(f"cannot read {truncate(repr(str(path)), 300)}: {reason(error)}") from error
    shown, suffix = truncate(repr(str(path)), 300), path.suffix.lower()
    if suffix in OTHERS:
        raise RequestError(f"{shown} is {OTHERS[suffix][0]}; {OTHERS[suffix][1]}")
    if not head:
        raise DataError(f"{shown} is empty; fetch or save it again")
    for start, what, cure in BROKEN:
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(start):
            raise DataError(f"{shown} is {what}; {cure}")
    found = next(((what, cure) for at, magic, what, cure in STARTS if head[at:].startswith(magic)), None)
    if found is None and head.startswith(b"PK\x03\x04"):
        found = _archive(path)
    elif found is None and _is_text(head):
        raise DataError(f"{shown} is a text file, no checkpoint; fetch or save it again")
    if (
        found is None
        and suffix in SUFFIXES
        and not (suffix in _LISTED and _is_torchs(head))
        and not is_safetensors(head)
    ):
        found = SUFFIXES[suffix]
    if found is not None:
        raise RequestError(f"{shown} is {found[0]}, which is not read here; {found[1]}")


def is_safetensors(head: bytes) -> bool:
    """Whether a file that begins so is one of safetensors: eight bytes of length, then JSON."""
    return len(head) > 9 and head[8:].lstrip().startswith((b'{"', b"{}")) and head[6:8] == b"\0\0"


def _is_torchs(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"\x80"))  # an archive, or a pickle


def _is_text(head: bytes) -> bool:
    try:
        text = head[:-3].decode() if len(head) == 1024 else head.decode()  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)


def _archive(path: Path) -> tuple[str, str] | None:
    """What a zip archive is by the files in it; None for one that torch.save wrote, or that is damaged."""
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, NotImplementedError, ValueError, OSError):
        return None
    last = {name.rpartition("/")[2] for name in names}
    if any("/code/" in name for name in names):
        return SUFFIXES[".jit"]
    if "archive_format" in last:
        return SUFFIXES[".pt2"]
    if "model.weights.h5" in names:
        return SUFFIXES[".keras"]
    if names and all(name.endswith(".npy") for name in names):
        return SUFFIXES[".npz"]
    return None if "data.pkl" in last else ("a zip archive without a checkpoint", "unpack it and name the file in it")
