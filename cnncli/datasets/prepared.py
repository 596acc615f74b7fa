"""Prepared sets: both splits in one safetensors file, so that a second start skips torchvision (2 s to import).

A prepared file is trusted when its stamp fits the source files (names, sizes, times of change) and its checksum fits
what was read from it. Otherwise the set is built anew, and whoever prepares a set at the same time writes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.datasets import Split
from cnncli.datasets.folders import place, prepared_folders, unreadable

if TYPE_CHECKING:
    import torch

LAYOUT = "1"  # raise it when the same source files are to give other tensors
PARTS = ("train_images", "train_labels", "test_images", "test_labels")

Splits = tuple[Split, Split]


def load(name: str, root: Path, sources: Sequence[Path], build: Callable[[], Splits]) -> Splits:
    """Train and test split of the set `name` in the data folder `root`: as prepared, else built and prepared.

    sources: the files that `build` reads; all must exist. Raises `DataError` where one cannot be looked at.
    """
    stamp = _stamp(root, sources)
    paths = [folder / f"{name}.safetensors" for folder in prepared_folders(root)]
    for path in paths:
        found = _read(path, stamp)
        if found:
            return found
    built = build()
    _write_first(paths, built, stamp)
    return built


def _stamp(root: Path, sources: Sequence[Path]) -> str:
    """A digest that changes when a source file is replaced, truncated or touched."""
    digest = sha256(LAYOUT.encode())
    for source in sources:
        try:
            status = source.stat()
        except OSError as error:
            raise unreadable(source, error) from error
        name = source.relative_to(root).as_posix()
        digest.update(f"{name!r} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read(path: Path, stamp: str) -> Splits | None:
    """The splits in `path`, or None where it is missing, damaged or made from other source files."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            made_from, _, checksum = (file.metadata() or {}).get("prepared", "").partition(" ")
            if made_from != stamp:
                return None
            # Cloned: the file is mapped, and what is verified has to be what is used.
            tensors = {part: file.get_tensor(part).clone() for part in PARTS}
    except (OSError, SafetensorError):
        return None
    return _splits(tensors) if checksum == _checksum(tensors) else None


def _write_first(paths: list[Path], splits: Splits, stamp: str) -> None:
    """Write the first of `paths` that can be written; a cache that cannot be written is done without."""
    from safetensors.torch import save

    train, test = splits
    tensors = dict(zip(PARTS, (train.images, train.labels, test.images, test.labels), strict=True))
    # One key: safetensors writes several in any order, and the same set should give the same bytes.
    data = save(tensors, {"prepared": f"{stamp} {_checksum(tensors)}"})
    for path in paths:
        try:
            return place(data, path)
        except OSError:
            continue
    return None


def _checksum(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and contents (MNIST, 55 MB: 35 ms where the CPU helps, else 150 ms)."""
    import torch

    digest = sha256()
    for part, tensor in tensors.items():
        digest.update(f"{part} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _splits(tensors: dict[str, torch.Tensor]) -> Splits:
    return (
        Split(images=tensors["train_images"], labels=tensors["train_labels"]),
        Split(images=tensors["test_images"], labels=tensors["test_labels"]),
    )
